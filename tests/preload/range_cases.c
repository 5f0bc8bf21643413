// SPDX-License-Identifier: Apache-2.0
// What a program may do to parts of its private memory: each case holds on the kernel's own
// mappings and must hold where the memory has become placed.
#include <errno.h>
#include <linux/mman.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/preload/case.h"

#define PAGE ((size_t)4096)
#define PAGES (LARGE / PAGE)

// Of kernels after the headers of the oldest distribution that is built on.
enum { kPopulateRead = 22, kPopulateWrite = 23, kCollapse = 25 };

static char* filled(unsigned seed) {
  char* memory = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED && looks_placed(memory));
  fill(memory, LARGE, seed);
  return memory;
}

static int zero(const char* memory, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    if (memory[i] != 0) return 0;
  }
  return 1;
}

/// Does [first, last) of the pages hold what fill(memory, LARGE, seed) wrote?
static int keeps(const char* memory, size_t first, size_t last, unsigned seed) {
  for (size_t i = first * PAGE; i < last * PAGE; ++i) {
    if ((unsigned char)memory[i] != (unsigned char)(i * 31 + (i >> 12) * 7 + seed)) return 0;
  }
  return 1;
}

/// Do every second block's pages belong to a device or file in this run?
static int on_device(void) {
  return getenv("TERRACE_TEST_DEVICE") != NULL;
}

static sigjmp_buf fault_return;
static void on_fault(int number) {
  siglongjmp(fault_return, number);
}

static int faults(volatile char* address) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_fault;
  CHECK(sigaction(SIGSEGV, &action, NULL) == 0 && sigaction(SIGBUS, &action, NULL) == 0);
  if (sigsetjmp(fault_return, 1) != 0) return 1;
  (void)*address;
  return 0;
}

static int write_faults(char* address) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_fault;
  CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
  if (sigsetjmp(fault_return, 1) != 0) return 1;
  *(volatile char*)address = 1;
  return 0;
}

/// Exit status of a child that runs `look` on the memory.
static int in_child(int (*look)(char*), char* memory) {
  const pid_t child = fork();
  if (child == 0) _exit(look(memory));
  int status = 0;
  CHECK(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status));
  return WEXITSTATUS(status);
}

static void done(char* memory) {
  CHECK(munmap(memory, LARGE) == 0);
}

// ---- madvise

static void dontneed_drops_the_part_and_no_more(void) {
  char* memory = filled(1);
  const size_t parts[][2] = {{3, 4}, {500, 530}, {510, 1030}, {0, 1}, {PAGES - 1, PAGES}};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; ++i) {
    const size_t first = parts[i][0];
    const size_t last = parts[i][1];
    fill(memory, LARGE, 2);
    CHECK(madvise(memory + first * PAGE, (last - first) * PAGE, MADV_DONTNEED) == 0);
    CHECK(zero(memory + first * PAGE, (last - first) * PAGE));
    CHECK(keeps(memory, 0, first, 2) && keeps(memory, last, PAGES, 2));
  }
  done(memory);
}

static void freed_pages_hold_old_or_zero_until_written(void) {
  char* memory = filled(1);
  CHECK(madvise(memory + PAGE * 10, PAGE * 600, MADV_FREE) == 0);
  CHECK(keeps(memory, 0, 10, 1) && keeps(memory, 610, PAGES, 1));
  for (size_t page = 10; page < 610; ++page) {
    CHECK(keeps(memory, page, page + 1, 1) || zero(memory + page * PAGE, PAGE));
  }
  fill(memory, LARGE, 3);
  CHECK(holds(memory, LARGE, 3));
  done(memory);
}

static int part_faults(char* memory) {
  return faults(memory + PAGE * 100) && faults(memory + PAGE * 599) && keeps(memory, 0, 100, 1) &&
                 keeps(memory, 600, PAGES, 1)
             ? 0
             : 1;
}

static int part_is_there(char* memory) {
  return holds(memory, LARGE, 1) ? 0 : 1;
}

static void dontfork_keeps_the_part_from_children(void) {
  char* memory = filled(1);
  CHECK(madvise(memory + PAGE * 100, PAGE * 500, MADV_DONTFORK) == 0);
  CHECK(in_child(part_faults, memory) == 0);
  CHECK(madvise(memory + PAGE * 100, PAGE * 500, MADV_DOFORK) == 0);
  CHECK(in_child(part_is_there, memory) == 0);
  CHECK(holds(memory, LARGE, 1));
  done(memory);
}

static int part_is_zero(char* memory) {
  if (!zero(memory + PAGE * 100, PAGE * 500)) return 1;
  return keeps(memory, 0, 100, 1) && keeps(memory, 600, PAGES, 1) ? 0 : 2;
}

static void wipeonfork_gives_children_zeros(void) {
  char* memory = filled(1);
  CHECK(madvise(memory + PAGE * 100, PAGE * 500, MADV_WIPEONFORK) == 0);
  CHECK(in_child(part_is_zero, memory) == 0);
  CHECK(holds(memory, LARGE, 1));
  CHECK(madvise(memory + PAGE * 100, PAGE * 500, MADV_KEEPONFORK) == 0);
  CHECK(in_child(part_is_there, memory) == 0);
  done(memory);
}

static void advice_without_effect_on_content_keeps_it(void) {
  const int advice[] = {MADV_NORMAL,    MADV_RANDOM,      MADV_SEQUENTIAL, MADV_WILLNEED,
                        MADV_HUGEPAGE,  MADV_NOHUGEPAGE,  MADV_COLD,       MADV_PAGEOUT,
                        MADV_DONTDUMP,  MADV_DODUMP,      kPopulateRead,   kPopulateWrite,
                        MADV_MERGEABLE, MADV_UNMERGEABLE, kCollapse};
  char* memory = filled(1);
  for (size_t i = 0; i < sizeof advice / sizeof *advice; ++i) {
    // A kernel may lack any of the newer ones.
    const int result = madvise(memory + PAGE * 7, PAGE * 700, advice[i]);
    CHECK(result == 0 || errno == EINVAL || errno == EAGAIN || errno == ENOMEM || errno == EBUSY);
    CHECK(holds(memory, LARGE, 1));
  }
  done(memory);
}

static void remove_is_for_shared_memory(void) {
  char* memory = filled(1);
  errno = 0;
  CHECK(madvise(memory + PAGE * 2, PAGE * 2, MADV_REMOVE) == -1 && errno == EINVAL);
  CHECK(holds(memory, LARGE, 1));
  done(memory);
}

static void populate_makes_pages_resident(void) {
  char* memory = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  if (madvise(memory, PAGE * 600, kPopulateWrite) != 0) {
    CHECK(errno == EINVAL);
    skip_case("MADV_POPULATE_WRITE (Linux 5.14)");
  }
  unsigned char resident[PAGES];
  CHECK(mincore(memory, LARGE, resident) == 0);
  for (size_t i = 0; i < 600; ++i) CHECK((resident[i] & 1) != 0);
  CHECK(zero(memory, LARGE));
  done(memory);
}

static void advice_on_memory_that_is_not_there_fails(void) {
  char* memory = filled(1);
  CHECK(munmap(memory + PAGE * 100, PAGE * 10) == 0);
  errno = 0;
  CHECK(madvise(memory + PAGE * 99, PAGE * 12, MADV_DONTNEED) == -1 && errno == ENOMEM);
  // What is mapped was dealt with all the same.
  CHECK(zero(memory + PAGE * 99, PAGE) && zero(memory + PAGE * 110, PAGE));
  CHECK(keeps(memory, 0, 99, 1) && keeps(memory, 111, PAGES, 1));
  errno = 0;
  CHECK(madvise(memory + 5, PAGE, MADV_WILLNEED) == -1 && errno == EINVAL);
  CHECK(madvise(memory, 0, MADV_DONTNEED) == 0);
  done(memory);
}

// ---- mlock, msync, mincore

static void parts_can_be_locked(void) {
  struct rlimit limit;
  CHECK(getrlimit(RLIMIT_MEMLOCK, &limit) == 0);
  if (limit.rlim_cur < 64 * PAGE) skip_case("256 KiB of RLIMIT_MEMLOCK");
  char* memory = filled(1);
  unsigned char resident[PAGES];
  CHECK(mlock(memory + PAGE * 505, PAGE * 12) == 0);
  CHECK(mincore(memory + PAGE * 505, PAGE * 12, resident) == 0);
  for (size_t i = 0; i < 12; ++i) CHECK((resident[i] & 1) != 0);
  errno = 0;
  // On blocks of a device the runtime clears the pages itself and does not see the lock.
  CHECK(on_device() ||
        (madvise(memory + PAGE * 506, PAGE, MADV_DONTNEED) == -1 && errno == EINVAL));
  fill(memory, LARGE, 1);
  CHECK(holds(memory, LARGE, 1));
  CHECK(munlock(memory + PAGE * 505, PAGE * 12) == 0);
  CHECK(madvise(memory + PAGE * 506, PAGE, MADV_DONTNEED) == 0);
  CHECK(zero(memory + PAGE * 506, PAGE) && keeps(memory, 507, PAGES, 1));
  CHECK(mlock2(memory + PAGE * 20, PAGE * 4, MLOCK_ONFAULT) == 0);
  CHECK(keeps(memory, 0, 506, 1));
  errno = 0;
  CHECK(mlock2(memory, PAGE, 1234) == -1 && errno == EINVAL);
  done(memory);
}

static void unmapped_parts_cannot_be_locked_or_looked_at(void) {
  char* memory = filled(1);
  unsigned char resident[PAGES];
  CHECK(munmap(memory + PAGE * 100, PAGE * 10) == 0);
  errno = 0;
  CHECK(mlock(memory + PAGE * 98, PAGE * 4) == -1 && errno == ENOMEM);
  // Our holes are reserved address space, which these two find mapped (docs/compatibility.md).
  errno = 0;
  CHECK(objects_expected() ||
        (mincore(memory + PAGE * 98, PAGE * 4, resident) == -1 && errno == ENOMEM));
  errno = 0;
  CHECK(objects_expected() ||
        (msync(memory + PAGE * 98, PAGE * 4, MS_SYNC) == -1 && errno == ENOMEM));
  errno = 0;
  CHECK(mprotect(memory + PAGE * 98, PAGE * 4, PROT_READ) == -1 && errno == ENOMEM);
  done(memory);
}

static void msync_of_private_memory_does_nothing(void) {
  char* memory = filled(1);
  CHECK(msync(memory + PAGE * 3, PAGE * 700, MS_SYNC) == 0);
  CHECK(msync(memory, LARGE, MS_ASYNC) == 0);
  errno = 0;
  CHECK(msync(memory, LARGE, MS_ASYNC | MS_SYNC) == -1 && errno == EINVAL);
  errno = 0;
  CHECK(msync(memory + 1, PAGE, MS_SYNC) == -1 && errno == EINVAL);
  CHECK(holds(memory, LARGE, 1));
  done(memory);
}

static void mincore_tells_touched_from_untouched(void) {
  char* memory = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  unsigned char resident[PAGES];
  fill(memory, PAGE * 20, 1);
  CHECK(mincore(memory, LARGE, resident) == 0);
  for (size_t i = 0; i < 20; ++i) CHECK((resident[i] & 1) != 0);
  errno = 0;
  CHECK(mincore(memory + 1, PAGE, resident) == -1 && errno == EINVAL);
  done(memory);
}

// ---- mprotect

static void protection_of_a_part_holds_in_a_child(void) {
  char* memory = filled(1);
  CHECK(mprotect(memory + PAGE * 100, PAGE * 500, PROT_NONE) == 0);
  CHECK(in_child(part_faults, memory) == 0);
  CHECK(mprotect(memory + PAGE * 100, PAGE * 500, PROT_READ) == 0);
  CHECK(in_child(part_is_there, memory) == 0);
  CHECK(holds(memory, LARGE, 1));
  errno = 0;
  CHECK(mprotect(memory + 9, PAGE, PROT_READ) == -1 && errno == EINVAL);
  errno = 0;
  CHECK(mprotect(memory, PAGE, 0x4000) == -1 && errno == EINVAL);
  done(memory);
}

// ---- mremap

static void remap_refuses_what_the_kernel_refuses(void) {
  char* memory = filled(1);
  char* other = filled(2);
  const struct {
    size_t old_size, new_size;
    int flags;
    void* target;
    int error;
  } bad[] = {
      {LARGE, 0, MREMAP_MAYMOVE, NULL, EINVAL},
      {LARGE, LARGE, 0x4000, NULL, EINVAL},
      {LARGE, LARGE, MREMAP_FIXED, other, EINVAL},
      {LARGE, LARGE, MREMAP_MAYMOVE | MREMAP_FIXED, other + 1, EINVAL},
      {LARGE, LARGE, MREMAP_MAYMOVE | MREMAP_FIXED, memory + PAGE, EINVAL},
      {LARGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, memory + LARGE - PAGE, EINVAL},
      {0, LARGE, MREMAP_MAYMOVE, NULL, EINVAL},
      {LARGE, LARGE * 2, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL, EINVAL},
      {LARGE, LARGE, MREMAP_DONTUNMAP, NULL, EINVAL},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
    errno = 0;
    CHECK(mremap(memory, bad[i].old_size, bad[i].new_size, bad[i].flags, bad[i].target) ==
          MAP_FAILED);
    CHECK(errno == bad[i].error);
    CHECK(holds(memory, LARGE, 1) && holds(other, LARGE, 2));
  }
  errno = 0;
  CHECK(mremap(memory + 1, LARGE, LARGE, MREMAP_MAYMOVE) == MAP_FAILED && errno == EINVAL);
  done(memory);
  done(other);
}

static void remap_leaves_zeros_when_it_does_not_unmap(void) {
  char* memory = filled(1);
  char* moved = mremap(memory, LARGE, LARGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
  CHECK(moved != MAP_FAILED && moved != memory);
  CHECK(holds(moved, LARGE, 1) && zero(memory, LARGE));
  fill(memory, LARGE, 2);
  CHECK(holds(moved, LARGE, 1) && holds(memory, LARGE, 2));
  done(memory);
  CHECK(holds(moved, LARGE, 1));
  done(moved);
}

static void remap_of_a_part_leaves_a_hole(void) {
  char* memory = filled(1);
  char* moved = mremap(memory + PAGE * 100, PAGE * 600, PAGE * 900, MREMAP_MAYMOVE);
  CHECK(moved != MAP_FAILED);
  for (size_t i = 0; i < PAGE * 600; ++i) {
    const size_t at = i + PAGE * 100;
    CHECK((unsigned char)moved[i] == (unsigned char)(at * 31 + (at >> 12) * 7 + 1));
  }
  CHECK(zero(moved + PAGE * 600, PAGE * 300));
  CHECK(faults(memory + PAGE * 100) && faults(memory + PAGE * 699));
  CHECK(keeps(memory, 0, 100, 1) && keeps(memory, 700, PAGES, 1));
  CHECK(munmap(moved, PAGE * 900) == 0);
  done(memory);
}

static void remap_keeps_protection(void) {
  char* memory = filled(1);
  CHECK(mprotect(memory, LARGE, PROT_READ) == 0);
  char* moved = mremap(memory, LARGE, LARGE * 2, MREMAP_MAYMOVE);
  CHECK(moved != MAP_FAILED && holds(moved, LARGE, 1));
  for (size_t at = 0; at < LARGE * 2; at += PAGE * 99) CHECK(write_faults(moved + at));
  CHECK(munmap(moved, LARGE * 2) == 0);
}

static void remap_of_unreadable_memory_works(void) {
  char* memory = filled(1);
  CHECK(mprotect(memory, LARGE, PROT_NONE) == 0);
  char* moved = mremap(memory, LARGE, LARGE * 2, MREMAP_MAYMOVE);
  CHECK(moved != MAP_FAILED && faults(moved));
  CHECK(mprotect(moved, LARGE * 2, PROT_READ) == 0 && holds(moved, LARGE, 1));
  CHECK(munmap(moved, LARGE * 2) == 0);
}

static void remap_over_a_part_of_other_memory(void) {
  char* memory = filled(1);
  char* other = filled(2);
  char* moved =
      mremap(memory, PAGE * 10, PAGE * 10, MREMAP_MAYMOVE | MREMAP_FIXED, other + PAGE * 600);
  CHECK(moved == other + PAGE * 600 && holds(moved, PAGE * 10, 1));
  CHECK(keeps(other, 0, 600, 2) && keeps(other, 610, PAGES, 2));
  CHECK(faults(memory) && keeps(memory, 10, PAGES, 1));
  done(memory);
  done(other);
}

static void remap_across_a_hole_fails(void) {
  char* memory = filled(1);
  CHECK(munmap(memory + PAGE * 100, PAGE * 10) == 0);
  errno = 0;
  CHECK(mremap(memory, LARGE, LARGE * 2, MREMAP_MAYMOVE) == MAP_FAILED && errno == EFAULT);
  CHECK(keeps(memory, 0, 100, 1) && keeps(memory, 110, PAGES, 1));
  errno = 0;
  CHECK(mremap(memory + PAGE * 101, PAGE, PAGE * 2, MREMAP_MAYMOVE) == MAP_FAILED);
  CHECK(errno == EFAULT);
  done(memory);
}

static void unmap_across_several_mappings(void) {
  char* memory = mmap(NULL, LARGE * 4, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  fill(memory, LARGE * 4, 1);
  CHECK(mprotect(memory + LARGE, PAGE, PROT_READ) == 0);
  CHECK(munmap(memory + PAGE, LARGE * 4 - 2 * PAGE) == 0);
  CHECK(holds(memory, PAGE, 1) && faults(memory + PAGE) && faults(memory + LARGE * 2));
  CHECK(faults(memory + LARGE * 4 - PAGE - 1) && !faults(memory + LARGE * 4 - PAGE));
  CHECK(munmap(memory, LARGE * 4) == 0);
}

static void refused_mapping_over_a_part_leaves_it_alone(void) {
  char* memory = filled(1);
  const int flags = MAP_PRIVATE | MAP_FIXED;
  errno = 0;
  CHECK(mmap(memory + PAGE, PAGE, PROT_READ, flags, 987, 0) == MAP_FAILED && errno == EBADF);
  errno = 0;
  CHECK(mmap(memory + PAGE, 0, PROT_READ, flags | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
  CHECK(errno == EINVAL);
  errno = 0;
  CHECK(mmap(memory + 1, PAGE, PROT_READ, flags | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
  CHECK(errno == EINVAL);
  errno = 0;
  CHECK(mmap(memory + PAGE, PAGE, PROT_READ, MAP_FIXED | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
  CHECK(errno == EINVAL);
  char* small = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(small != MAP_FAILED && munmap(small, PAGE) == 0);
  errno = 0;
  CHECK(mremap(small, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, memory + PAGE) == MAP_FAILED);
  CHECK(errno == EFAULT && holds(memory, LARGE, 1));
  done(memory);
}

const struct test_case cases[] = {
#define CASE(name) \
  { #name, name }
    CASE(dontneed_drops_the_part_and_no_more),
    CASE(freed_pages_hold_old_or_zero_until_written),
    CASE(dontfork_keeps_the_part_from_children),
    CASE(wipeonfork_gives_children_zeros),
    CASE(advice_without_effect_on_content_keeps_it),
    CASE(remove_is_for_shared_memory),
    CASE(populate_makes_pages_resident),
    CASE(advice_on_memory_that_is_not_there_fails),
    CASE(parts_can_be_locked),
    CASE(unmapped_parts_cannot_be_locked_or_looked_at),
    CASE(msync_of_private_memory_does_nothing),
    CASE(mincore_tells_touched_from_untouched),
    CASE(protection_of_a_part_holds_in_a_child),
    CASE(remap_refuses_what_the_kernel_refuses),
    CASE(remap_leaves_zeros_when_it_does_not_unmap),
    CASE(remap_of_a_part_leaves_a_hole),
    CASE(remap_keeps_protection),
    CASE(remap_of_unreadable_memory_works),
    CASE(remap_over_a_part_of_other_memory),
    CASE(remap_across_a_hole_fails),
    CASE(refused_mapping_over_a_part_leaves_it_alone),
    CASE(unmap_across_several_mappings),
    {NULL, NULL},
};
