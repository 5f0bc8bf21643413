// SPDX-License-Identifier: Apache-2.0
// What a program may expect of mmap and its kin when the mapping may have become placed memory.
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/preload/case.h"

#define PAGE ((size_t)4096)

static char* anonymous(size_t size) {
  char* memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  return memory;
}

/// A file of `size` bytes of pattern 1, unlinked already, open for reading and writing.
static int patterned_file(size_t size) {
  char name[] = "/tmp/terrace-mapping-XXXXXX";
  const int fd = mkstemp(name);
  CHECK(fd >= 0 && unlink(name) == 0);
  char* content = malloc(size);
  CHECK(content != NULL);
  fill(content, size, 1);
  CHECK(write(fd, content, size) == (ssize_t)size);
  free(content);
  return fd;
}

static int reopened(int fd, int mode) {
  char path[64];
  CHECK(snprintf(path, sizeof path, "/proc/self/fd/%d", fd) > 0);
  const int again = open(path, mode);
  CHECK(again >= 0);
  return again;
}

static sigjmp_buf fault_return;
static void on_fault(int number) {
  siglongjmp(fault_return, number);
}

/// The signal that touching `address` raises, 0: none.
static int fault_at(volatile char* address, int write_too) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_fault;
  CHECK(sigaction(SIGSEGV, &action, NULL) == 0 && sigaction(SIGBUS, &action, NULL) == 0);
  const int number = sigsetjmp(fault_return, 1);
  if (number != 0) return number;
  const char value = *address;
  if (write_too) *address = value;
  return 0;
}

static void anonymous_memory_is_zero_and_ours(void) {
  char* memory = anonymous(LARGE);
  CHECK(looks_placed(memory));
  for (size_t i = 0; i < LARGE; i += 512) CHECK(memory[i] == 0);
  fill(memory, LARGE, 1);
  CHECK(holds(memory, LARGE, 1));
  CHECK(munmap(memory, LARGE) == 0);
  CHECK(fault_at(memory, 0) == SIGSEGV);
}

static void odd_length_is_rounded_to_pages(void) {
  char* memory = anonymous(LARGE + 1);
  memory[LARGE + PAGE - 1] = 1;
  CHECK(munmap(memory, LARGE + 1) == 0);
  CHECK(fault_at(memory, 0) == SIGSEGV && fault_at(memory + LARGE, 0) == SIGSEGV);
}

static void middle_can_be_unmapped(void) {
  char* memory = anonymous(LARGE);
  fill(memory, LARGE, 1);
  CHECK(munmap(memory + PAGE * 100, PAGE * 700) == 0);
  CHECK(holds(memory, PAGE * 100, 1));
  CHECK(fault_at(memory + PAGE * 100, 0) == SIGSEGV);
  CHECK(fault_at(memory + PAGE * 799, 0) == SIGSEGV);
  CHECK(memory[PAGE * 800] == (char)(unsigned char)(PAGE * 800 * 31 + 800 * 7 + 1));
  CHECK(munmap(memory, LARGE) == 0);
}

static void head_and_tail_can_be_unmapped(void) {
  char* memory = anonymous(LARGE);
  fill(memory, LARGE, 1);
  CHECK(munmap(memory, PAGE) == 0);
  CHECK(munmap(memory + LARGE - PAGE, PAGE) == 0);
  CHECK(fault_at(memory, 0) == SIGSEGV && fault_at(memory + LARGE - 1, 0) == SIGSEGV);
  CHECK(fault_at(memory + PAGE, 1) == 0 && fault_at(memory + LARGE - PAGE - 1, 1) == 0);
  CHECK(munmap(memory + PAGE, LARGE - 2 * PAGE) == 0);
}

static void mremap_keeps_data(void) {
  char* memory = anonymous(LARGE);
  fill(memory, LARGE, 1);
  char* grown = mremap(memory, LARGE, LARGE * 3, MREMAP_MAYMOVE);
  CHECK(grown != MAP_FAILED && holds(grown, LARGE, 1));
  fill(grown, LARGE * 3, 2);
  char* shrunk = mremap(grown, LARGE * 3, LARGE / 2, 0);
  CHECK(shrunk == grown && holds(shrunk, LARGE / 2, 2));
  CHECK(munmap(shrunk, LARGE / 2) == 0);
}

static void mremap_to_a_fixed_place(void) {
  char* from = anonymous(LARGE);
  char* to = anonymous(LARGE * 2);
  fill(from, LARGE, 1);
  fill(to, LARGE * 2, 2);
  char* moved = mremap(from, LARGE, LARGE, MREMAP_MAYMOVE | MREMAP_FIXED, to + PAGE);
  CHECK(moved == to + PAGE && holds(moved, LARGE, 1));
  CHECK(holds(to, PAGE, 2));
  CHECK(munmap(to, LARGE * 2) == 0);
}

static void fixed_mapping_replaces_a_part(void) {
  char* memory = anonymous(LARGE);
  fill(memory, LARGE, 1);
  char* part = mmap(memory + PAGE * 10, PAGE * 5, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  CHECK(part == memory + PAGE * 10);
  for (size_t i = 0; i < PAGE * 5; ++i) CHECK(part[i] == 0);
  CHECK(holds(memory, PAGE * 10, 1));
  CHECK(munmap(memory, LARGE) == 0);
  CHECK(fault_at(part, 0) == SIGSEGV);
}

/// A program's own mapping over part of our memory is its own: it outlives the rest, is never given
/// out again, and takes the kernel's calls.
static void fixed_mapping_outlives_the_rest(void) {
  char* memory = anonymous(LARGE);
  fill(memory, LARGE, 1);
  char* part = mmap(memory + PAGE * 700, PAGE * 5, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  CHECK(part == memory + PAGE * 700);
  fill(part, PAGE * 5, 9);
  CHECK(munmap(memory, PAGE * 700) == 0);
  CHECK(munmap(memory + PAGE * 705, LARGE - PAGE * 705) == 0);
  CHECK(holds(part, PAGE * 5, 9));
  char* others[24];
  for (int i = 0; i < 24; ++i) {
    others[i] = i % 2 != 0 ? malloc(opaque(LARGE)) : anonymous(LARGE);
    fill(others[i], LARGE, 2);
    CHECK(part + PAGE * 5 <= others[i] || others[i] + LARGE <= part);
  }
  CHECK(holds(part, PAGE * 5, 9));
  CHECK(mprotect(part, PAGE, PROT_READ) == 0);
  CHECK(fault_at(part, 1) == SIGSEGV);
  CHECK(mprotect(part, PAGE, PROT_READ | PROT_WRITE) == 0);
  CHECK(madvise(part, PAGE, MADV_DONTNEED) == 0 && part[0] == 0);
  CHECK(munmap(part, PAGE * 5) == 0);
  CHECK(fault_at(part, 0) == SIGSEGV);
  for (int i = 0; i < 24; ++i) {
    CHECK(holds(others[i], LARGE, 2));
    if (i % 2 != 0) {
      free(others[i]);
    } else {
      CHECK(munmap(others[i], LARGE) == 0);
    }
  }
}

static void occupied_address_is_not_replaced(void) {
  char* memory = anonymous(LARGE);
  fill(memory, LARGE, 1);
  errno = 0;
  CHECK(mmap(memory, LARGE, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED);
  CHECK(errno == EEXIST && holds(memory, LARGE, 1));
  CHECK(munmap(memory, LARGE) == 0);
}

static void protection_is_kept(void) {
  char* memory = anonymous(LARGE);
  memory[PAGE * 3] = 9;
  CHECK(mprotect(memory + PAGE * 3, PAGE, PROT_NONE) == 0);
  CHECK(fault_at(memory + PAGE * 3, 0) == SIGSEGV);
  CHECK(mprotect(memory + PAGE * 3, PAGE, PROT_READ) == 0);
  CHECK(fault_at(memory + PAGE * 3, 0) == 0 && fault_at(memory + PAGE * 3, 1) == SIGSEGV);
  CHECK(mprotect(memory, LARGE, PROT_READ | PROT_WRITE) == 0);
  CHECK(fault_at(memory + PAGE * 3, 1) == 0 && memory[PAGE * 3] == 9);
  CHECK(munmap(memory, LARGE) == 0);
}

static void dropped_pages_read_as_zero(void) {
  char* memory = anonymous(LARGE);
  fill(memory, LARGE, 1);
  CHECK(madvise(memory, LARGE, MADV_DONTNEED) == 0);
  for (size_t i = 0; i < LARGE; i += 512) CHECK(memory[i] == 0);
  CHECK(munmap(memory, LARGE) == 0);
}

static void advice_is_taken_or_refused_as_by_the_kernel(void) {
  char* memory = anonymous(LARGE);
  fill(memory, LARGE, 1);
  CHECK(madvise(memory, LARGE, MADV_WILLNEED) == 0 && madvise(memory, LARGE, MADV_RANDOM) == 0);
  errno = 0;
  CHECK(madvise(memory, LARGE, 9999) == -1 && errno == EINVAL);
  errno = 4711;
  CHECK(posix_madvise(memory, LARGE, POSIX_MADV_DONTNEED) == 0);
  CHECK(posix_madvise(memory, LARGE, POSIX_MADV_SEQUENTIAL) == 0);
  CHECK(posix_madvise(memory, LARGE, 9999) == EINVAL && errno == 4711);
  CHECK(holds(memory, LARGE, 1));
  CHECK(munmap(memory, LARGE) == 0);
}

static void bad_arguments_fail_as_by_the_kernel(void) {
  errno = 0;
  CHECK(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
  CHECK(errno == EINVAL);
  errno = 0;
  CHECK(mmap(NULL, LARGE, PROT_READ, MAP_PRIVATE, 987, 0) == MAP_FAILED && errno == EBADF);
  errno = 0;
  CHECK(mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
  CHECK(errno == EINVAL);
  errno = 0;
  CHECK(mmap(NULL, SIZE_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
        MAP_FAILED);
  CHECK(errno == ENOMEM);
  errno = 0;
  CHECK(munmap((void*)1, PAGE) == -1 && errno == EINVAL);
  char* memory = anonymous(LARGE);
  errno = 0;
  CHECK(munmap(memory + 1, PAGE) == -1 && errno == EINVAL);
  errno = 0;
  CHECK(madvise(memory + 1, PAGE, MADV_DONTNEED) == -1 && errno == EINVAL);
  errno = 0;
  CHECK(munmap(memory, 0) == -1 && errno == EINVAL);
  CHECK(munmap(memory, LARGE) == 0);
}

static void file_views_show_the_file(void) {
  const int writable = patterned_file(LARGE);
  const int fd = reopened(writable, O_RDONLY);
  const int flags[] = {MAP_SHARED, MAP_PRIVATE, MAP_SHARED | MAP_POPULATE};
  for (int i = 0; i < 3; ++i) {
    char* view = mmap(NULL, LARGE, PROT_READ, flags[i], fd, 0);
    CHECK(view != MAP_FAILED && holds(view, LARGE, 1) && looks_placed(view));
    CHECK(fault_at(view, 1) == SIGSEGV);
    CHECK(madvise(view, LARGE, MADV_SEQUENTIAL) == 0 && madvise(view, LARGE, MADV_WILLNEED) == 0);
    CHECK(munmap(view, PAGE * 4) == 0);
    CHECK(munmap(view + PAGE * 4, LARGE - PAGE * 4) == 0);
  }
}

static void file_views_outlive_the_descriptor(void) {
  const int writable = patterned_file(LARGE + 123);
  const int fd = reopened(writable, O_RDONLY);
  char* view = mmap64(NULL, LARGE + 123 - PAGE, PROT_READ, MAP_SHARED, fd, (off64_t)PAGE);
  CHECK(view != MAP_FAILED && close(fd) == 0 && close(writable) == 0);
  CHECK((unsigned char)view[0] == (unsigned char)(PAGE * 31 + 7 + 1));
  CHECK(view[LARGE + 123 - PAGE] == 0);  // the rest of the last page
  CHECK(munmap(view, LARGE + 123 - PAGE) == 0);
}

static void pages_beyond_the_file_still_fault(void) {
  const int fd = reopened(patterned_file(PAGE * 3), O_RDONLY);
  char* view = mmap(NULL, LARGE, PROT_READ, MAP_SHARED, fd, 0);
  CHECK(view != MAP_FAILED && fault_at(view, 0) == 0);
  CHECK(fault_at(view + PAGE * 3, 0) == SIGBUS);
}

static void views_of_files_that_may_change_stay_coherent(void) {
  const int fd = patterned_file(LARGE);
  char* writing = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  char* reading = mmap(NULL, LARGE, PROT_READ, MAP_SHARED, fd, 0);
  CHECK(writing != MAP_FAILED && reading != MAP_FAILED);
  writing[LARGE / 2] = 77;
  CHECK(reading[LARGE / 2] == 77);
  char byte = 78;
  CHECK(pwrite(fd, &byte, 1, 5) == 1 && reading[5] == 78 && writing[5] == 78);
}

static void* touch_stack(void* unused) {
  volatile char deep[LARGE];
  for (size_t i = 0; i < LARGE; i += PAGE) deep[i] = 1;
  CHECK(deep[0] == 1);
  return unused;
}

static void mapped_memory_serves_as_a_thread_stack(void) {
  const size_t size = LARGE * 2;
  void* stack =
      mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  CHECK(stack != MAP_FAILED);
  pthread_attr_t attributes;
  pthread_t thread;
  CHECK(pthread_attr_init(&attributes) == 0);
  CHECK(pthread_attr_setstack(&attributes, stack, size) == 0);
  CHECK(pthread_create(&thread, &attributes, touch_stack, NULL) == 0);
  CHECK(pthread_join(thread, NULL) == 0 && munmap(stack, size) == 0);
}

static void private_memory_stays_private_after_fork(void) {
  char* memory = anonymous(LARGE);
  fill(memory, LARGE, 1);
  const pid_t child = fork();
  if (child == 0) {
    if (!holds(memory, LARGE, 1)) _exit(2);
    fill(memory, LARGE, 2);
    _exit(holds(memory, LARGE, 2) ? 0 : 3);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  CHECK(holds(memory, LARGE, 1));
  CHECK(munmap(memory, LARGE) == 0);
}

static void shared_memory_stays_shared_after_fork(void) {
  char* memory = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  const pid_t child = fork();
  if (child == 0) {
    fill(memory, LARGE, 2);
    _exit(0);
  }
  CHECK(waitpid(child, NULL, 0) == child && holds(memory, LARGE, 2));
}

const struct test_case cases[] = {
#define CASE(name) \
  { #name, name }
    CASE(anonymous_memory_is_zero_and_ours),
    CASE(odd_length_is_rounded_to_pages),
    CASE(middle_can_be_unmapped),
    CASE(head_and_tail_can_be_unmapped),
    CASE(mremap_keeps_data),
    CASE(mremap_to_a_fixed_place),
    CASE(fixed_mapping_replaces_a_part),
    CASE(fixed_mapping_outlives_the_rest),
    CASE(occupied_address_is_not_replaced),
    CASE(protection_is_kept),
    CASE(dropped_pages_read_as_zero),
    CASE(advice_is_taken_or_refused_as_by_the_kernel),
    CASE(bad_arguments_fail_as_by_the_kernel),
    CASE(file_views_show_the_file),
    CASE(file_views_outlive_the_descriptor),
    CASE(pages_beyond_the_file_still_fault),
    CASE(views_of_files_that_may_change_stay_coherent),
    CASE(mapped_memory_serves_as_a_thread_stack),
    CASE(private_memory_stays_private_after_fork),
    CASE(shared_memory_stays_shared_after_fork),
    {NULL, NULL},
};
