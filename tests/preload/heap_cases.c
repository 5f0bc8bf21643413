// SPDX-License-Identifier: Apache-2.0
// What a program may expect of malloc and its kin on glibc 2.36; each case holds on glibc alone and
// must hold under the shim, with and without objects.
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/preload/case.h"

extern void* __libc_malloc(size_t size);
extern void* __libc_memalign(size_t alignment, size_t size);

static int aligned_to(const void* block, size_t alignment) {
  return (uintptr_t)block % alignment == 0;
}

static void* good_malloc(size_t size) {
  void* block = malloc(opaque(size));
  CHECK(block != NULL);
  CHECK(aligned_to(block, 16));
  if (size >= LARGE) CHECK(looks_placed(block));
  return block;
}

static void malloc_of_zero_is_unique(void) {
  void* a = malloc(opaque(0));
  void* b = malloc(opaque(0));
  CHECK(a != NULL && b != NULL && a != b);
  free(a);
  free(b);
}

static void malloc_serves_all_sizes(void) {
  for (size_t size = 1; size <= LARGE * 4; size = size * 3 / 2 + 1) {
    void* block = good_malloc(size);
    fill(block, size, (unsigned)size);
    CHECK(holds(block, size, (unsigned)size));
    free(block);
  }
}

static void large_blocks_do_not_overlap(void) {
  enum { kBlocks = 40 };
  char* blocks[kBlocks];
  for (unsigned i = 0; i < kBlocks; ++i) {
    mark(blocks[i] = good_malloc(LARGE), LARGE, i);
    for (unsigned j = 0; j < i; ++j) {
      CHECK(blocks[i] + LARGE <= blocks[j] || blocks[j] + LARGE <= blocks[i]);
    }
  }
  for (unsigned i = 0; i < kBlocks; i += 2) free(blocks[i]);
  for (unsigned i = 1; i < kBlocks; i += 2) {
    CHECK(marked(blocks[i], LARGE, i));
    free(blocks[i]);
  }
}

static void malloc_beyond_the_address_space_fails(void) {
  const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 4096, (size_t)PTRDIFF_MAX + 1, PTRDIFF_MAX};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i) {
    errno = 0;
    CHECK(malloc(opaque(sizes[i])) == NULL);
    CHECK(errno == ENOMEM);
  }
}

static void malloc_recovers_from_out_of_memory(void) {
  const struct rlimit limit = {(rlim_t)1 << 30, RLIM_INFINITY};
  CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
  void* blocks[400];
  size_t count = 0;
  errno = 0;
  while (count < 400 && (blocks[count] = malloc(opaque(LARGE * 2))) != NULL) ++count;
  CHECK(count > 0 && count < 400);
  CHECK(errno == ENOMEM);
  while (count > 0) free(blocks[--count]);
  // Not necessarily an object: the limit may leave no room for what placing needs.
  void* again = malloc(opaque(LARGE));
  CHECK(again != NULL);
  fill(again, LARGE, 1);
  free(again);
}

static void success_keeps_errno(void) {
  errno = 4711;
  void* small = malloc(opaque(SMALL));
  void* large = malloc(opaque(LARGE));
  large = realloc(large, opaque(LARGE * 3));
  CHECK(errno == 4711);
  free(small);
  free(large);
}

static void free_of_null_does_nothing(void) {
  errno = 4711;
  free((void*)opaque(0));
  CHECK(errno == 4711);
}

static void free_keeps_errno(void) {
  const size_t sizes[] = {1, SMALL, 200000, LARGE, LARGE * 8};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i) {
    void* block = good_malloc(sizes[i]);
    errno = 4711;
    free(block);
    CHECK(errno == 4711);
  }
}

static int all_zero(const void* block, size_t size) {
  const unsigned char* bytes = block;
  for (size_t i = 0; i < size; ++i) {
    if (bytes[i] != 0) return 0;
  }
  return 1;
}

static void calloc_zeroes_reused_memory(void) {
  const size_t sizes[] = {1, SMALL, 200000, LARGE, LARGE + 1};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i) {
    for (int round = 0; round < 4; ++round) {
      void* dirty = good_malloc(sizes[i]);
      fill(dirty, sizes[i], 99);
      free(dirty);
      void* clean = calloc(opaque(1), opaque(sizes[i]));
      CHECK(clean != NULL && all_zero(clean, sizes[i]));
      fill(clean, sizes[i], 98);
      free(clean);
    }
  }
}

static void calloc_large_array_is_placed(void) {
  void* block = calloc(opaque(1024), opaque(LARGE / 1024));
  CHECK(block != NULL && looks_placed(block) && all_zero(block, LARGE));
  free(block);
}

static void calloc_overflow_fails(void) {
  const size_t half = (size_t)1 << 32;
  errno = 0;
  CHECK(calloc(opaque(half), opaque(half)) == NULL && errno == ENOMEM);
  errno = 0;
  CHECK(calloc(opaque(((size_t)1 << 62) + 1), opaque(4)) == NULL && errno == ENOMEM);
  errno = 0;
  CHECK(calloc(opaque(SIZE_MAX), opaque(2)) == NULL && errno == ENOMEM);
}

static void calloc_of_zero_is_not_null(void) {
  void* a = calloc(opaque(0), opaque(8));
  void* b = calloc(opaque(SIZE_MAX), opaque(0));
  CHECK(a != NULL && b != NULL);
  free(a);
  free(b);
}

static void realloc_of_null_allocates(void) {
  void* small = realloc((void*)opaque(0), opaque(SMALL));
  void* large = realloc((void*)opaque(0), opaque(LARGE));
  CHECK(small != NULL && large != NULL && looks_placed(large));
  free(small);
  free(large);
}

static void realloc_to_zero_frees(void) {
  const size_t sizes[] = {SMALL, LARGE};
  for (int i = 0; i < 2; ++i) {
    void* block = good_malloc(sizes[i]);
    CHECK(realloc(block, opaque(0)) == NULL);
  }
}

static void realloc_keeps_data_in_every_direction(void) {
  const size_t sizes[] = {1, SMALL, 60000, 70000, LARGE, LARGE / 2, LARGE * 3, LARGE + 1};
  const size_t count = sizeof sizes / sizeof *sizes;
  for (size_t from = 0; from < count; ++from) {
    for (size_t to = 0; to < count; ++to) {
      void* block = good_malloc(sizes[from]);
      fill(block, sizes[from], 5);
      block = realloc(block, opaque(sizes[to]));
      CHECK(block != NULL);
      CHECK(holds(block, sizes[from] < sizes[to] ? sizes[from] : sizes[to], 5));
      CHECK(malloc_usable_size(block) >= sizes[to]);
      mark(block, sizes[to], 6);
      free(block);
    }
  }
}

static void realloc_grown_past_the_threshold_is_placed(void) {
  void* block = good_malloc(SMALL);
  block = realloc(block, opaque(LARGE));
  CHECK(block != NULL && looks_placed(block));
  free(block);
}

static void realloc_grows_step_by_step(void) {
  size_t size = 100;
  char* block = good_malloc(size);
  fill(block, size, 1);
  while (size < LARGE * 4) {
    const size_t grown = size + size / 3;
    block = realloc(block, opaque(grown));
    CHECK(block != NULL && holds(block, size, 1));
    fill(block, grown, 1);
    size = grown;
  }
  free(block);
}

static void realloc_failure_keeps_the_block(void) {
  const size_t sizes[] = {SMALL, LARGE};
  for (int i = 0; i < 2; ++i) {
    void* block = good_malloc(sizes[i]);
    fill(block, sizes[i], 3);
    errno = 0;
    CHECK(realloc(block, opaque(PTRDIFF_MAX)) == NULL && errno == ENOMEM);
    CHECK(holds(block, sizes[i], 3));
    free(block);
  }
}

static void reallocarray_checks_the_product(void) {
  void* block = good_malloc(SMALL);
  fill(block, SMALL, 8);
  errno = 0;
  CHECK(reallocarray(block, opaque(SIZE_MAX / 2), opaque(3)) == NULL && errno == ENOMEM);
  CHECK(holds(block, SMALL, 8));
  block = reallocarray(block, opaque(1024), opaque(LARGE / 1024));
  CHECK(block != NULL && holds(block, SMALL, 8) && looks_placed(block));
  free(block);
}

static void posix_memalign_aligns(void) {
  const size_t sizes[] = {1, SMALL, LARGE};
  for (size_t alignment = sizeof(void*); alignment <= (size_t)16 << 20; alignment *= 2) {
    for (int i = 0; i < 3; ++i) {
      void* block = NULL;
      CHECK(posix_memalign(&block, opaque(alignment), opaque(sizes[i])) == 0);
      CHECK(block != NULL && aligned_to(block, alignment));
      fill(block, sizes[i], 4);
      free(block);
    }
  }
}

static void posix_memalign_large_is_placed(void) {
  void* block = NULL;
  CHECK(posix_memalign(&block, opaque(64), opaque(LARGE)) == 0 && looks_placed(block));
  free(block);
}

static void posix_memalign_refuses_bad_alignment(void) {
  const size_t bad[] = {0, 1, 2, 4, 7, 24, 100, 4095};
  const size_t sizes[] = {SMALL, LARGE};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
    for (int j = 0; j < 2; ++j) {
      void* block = &block;
      errno = 4711;
      CHECK(posix_memalign(&block, opaque(bad[i]), opaque(sizes[j])) == EINVAL);
      CHECK(block == &block && errno == 4711);
    }
  }
}

static void posix_memalign_reports_out_of_memory(void) {
  void* block = NULL;
  CHECK(posix_memalign(&block, opaque(64), opaque(PTRDIFF_MAX)) == ENOMEM);
  CHECK(posix_memalign(&block, opaque(64), opaque(SIZE_MAX - 100)) == ENOMEM);
}

static void posix_memalign_of_zero_can_be_freed(void) {
  void* block = NULL;
  CHECK(posix_memalign(&block, opaque(64), opaque(0)) == 0);
  free(block);
}

static void aligned_alloc_aligns(void) {
  for (size_t alignment = 1; alignment <= (size_t)8 << 20; alignment *= 2) {
    void* small = aligned_alloc(opaque(alignment), opaque(SMALL));
    void* large = aligned_alloc(opaque(alignment), opaque(LARGE));
    CHECK(small != NULL && aligned_to(small, alignment));
    CHECK(large != NULL && aligned_to(large, alignment) && looks_placed(large));
    fill(large, LARGE, 2);
    free(small);
    free(large);
  }
}

static void odd_alignment_is_answered_as_by_libc(void) {
  // glibc before 2.38 rounds up to a power of two, later ones refuse: either way, size must not
  // change the answer.
  const size_t sizes[] = {SMALL, LARGE};
  for (int i = 0; i < 2; ++i) {
    errno = 0;
    void* block = aligned_alloc(opaque(48), opaque(sizes[i]));
    CHECK(block == NULL ? errno == EINVAL : aligned_to(block, 64));
    free(block);
    void* other = memalign(opaque(48), opaque(sizes[i]));
    CHECK(other != NULL && aligned_to(other, 64));
    free(other);
  }
}

static void memalign_aligns_and_frees(void) {
  for (size_t alignment = 1; alignment <= (size_t)32 << 20; alignment *= 4) {
    void* small = memalign(opaque(alignment), opaque(SMALL));
    void* large = memalign(opaque(alignment), opaque(LARGE));
    CHECK(small != NULL && aligned_to(small, alignment));
    CHECK(large != NULL && aligned_to(large, alignment) && looks_placed(large));
    free(large);
    free(small);
  }
}

static void memalign_refuses_absurd_alignment(void) {
  const size_t sizes[] = {SMALL, LARGE};
  for (int i = 0; i < 2; ++i) {
    errno = 0;
    CHECK(memalign(opaque(SIZE_MAX / 2 + 2), opaque(sizes[i])) == NULL && errno == EINVAL);
  }
}

static void valloc_gives_pages(void) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  const size_t sizes[] = {1, SMALL, LARGE + 1};
  for (int i = 0; i < 3; ++i) {
    void* v = valloc(opaque(sizes[i]));
    void* p = pvalloc(opaque(sizes[i]));
    CHECK(v != NULL && aligned_to(v, page) && p != NULL && aligned_to(p, page));
    const size_t whole = (sizes[i] + page - 1) / page * page;
    CHECK(malloc_usable_size(p) >= whole);
    fill(p, whole, 1);
    free(v);
    free(p);
  }
  errno = 0;
  CHECK(pvalloc(opaque(SIZE_MAX - 10)) == NULL && errno == ENOMEM);
}

static void usable_size_can_be_used(void) {
  CHECK(malloc_usable_size((void*)opaque(0)) == 0);
  for (size_t size = 1; size < LARGE * 2; size = size * 2 + 3) {
    void* block = good_malloc(size);
    const size_t usable = malloc_usable_size(block);
    CHECK(usable >= size);
    memset(block, 0x5a, opaque(usable));
    free(block);
  }
}

static void aligned_blocks_can_be_reallocated(void) {
  const size_t sizes[] = {SMALL, LARGE};
  for (size_t alignment = 64; alignment <= (size_t)4 << 20; alignment *= 8) {
    for (int i = 0; i < 2; ++i) {
      void* block = memalign(opaque(alignment), opaque(sizes[i]));
      CHECK(block != NULL);
      fill(block, sizes[i], 9);
      block = realloc(block, opaque(sizes[i] * 3));
      CHECK(block != NULL && holds(block, sizes[i], 9));
      free(block);
    }
  }
}

static void sized_free_frees(void) {
  void (*sized)(void*, size_t) = NULL;
  void (*aligned_sized)(void*, size_t, size_t) = NULL;
  *(void**)&sized = dlsym(RTLD_DEFAULT, "free_sized");
  *(void**)&aligned_sized = dlsym(RTLD_DEFAULT, "free_aligned_sized");
  if (sized == NULL || aligned_sized == NULL) skip_case("free_sized of C23 in this libc");
  sized(malloc(opaque(SMALL)), SMALL);
  sized(good_malloc(LARGE), LARGE);
  aligned_sized(aligned_alloc(opaque(64), opaque(LARGE)), 64, LARGE);
  sized((void*)opaque(0), 0);
}

static void libc_allocations_are_ours_to_free(void) {
  char* text = strdup("from inside libc");
  char* printed = NULL;
  CHECK(text != NULL && asprintf(&printed, "%*d", 300000, 7) == 300000);
  char* streamed = NULL;
  size_t length = 0;
  FILE* stream = open_memstream(&streamed, &length);
  CHECK(stream != NULL);
  for (int i = 0; i < 400000; ++i) CHECK(fprintf(stream, "%09d\n", i) == 10);
  CHECK(fclose(stream) == 0 && length == 4000000);
  CHECK(memcmp(streamed + 10 * 399999, "000399999\n", 10) == 0);
  free(text);
  free(printed);
  free(streamed);
}

static void foreign_blocks_are_passed_on(void) {
  // A library that binds to libc's own allocator by its internal name.
  free(__libc_malloc(SMALL));
  free(__libc_malloc(LARGE));
  void* block = __libc_malloc(LARGE);
  CHECK(block != NULL);
  fill(block, LARGE, 1);
  block = realloc(block, opaque(LARGE * 2));
  CHECK(block != NULL && holds(block, LARGE, 1));
  free(block);
}

static void foreign_blocks_aligned_like_objects_are_passed_on(void) {
  const size_t alignment = (size_t)2 << 20;
  void* block = __libc_memalign(alignment, SMALL);
  CHECK(block != NULL && malloc_usable_size(block) >= SMALL);
  fill(block, SMALL, 1);
  block = realloc(block, opaque(SMALL * 2));
  CHECK(block != NULL && holds(block, SMALL, 1));
  free(block);
  free(__libc_memalign(alignment, LARGE));
}

enum { kHandOvers = 2000 };
static void* handed_over[kHandOvers];
static pthread_barrier_t hand_over;

static size_t size_of_turn(int turn) {
  return turn % 20 == 0 ? LARGE : (size_t)turn * 37 + 1;
}

static void* free_all(void* unused) {
  pthread_barrier_wait(&hand_over);
  for (int i = 0; i < kHandOvers; ++i) {
    CHECK(holds(handed_over[i], 200 < size_of_turn(i) ? 200 : size_of_turn(i), (unsigned)i));
    free(handed_over[i]);
  }
  return unused;
}

static void blocks_can_be_freed_by_another_thread(void) {
  pthread_t thread;
  CHECK(pthread_barrier_init(&hand_over, NULL, 2) == 0);
  CHECK(pthread_create(&thread, NULL, free_all, NULL) == 0);
  for (int i = 0; i < kHandOvers; ++i) {
    handed_over[i] = good_malloc(size_of_turn(i));
    fill(handed_over[i], 200 < size_of_turn(i) ? 200 : size_of_turn(i), (unsigned)i);
  }
  pthread_barrier_wait(&hand_over);
  CHECK(pthread_join(thread, NULL) == 0);
}

static void* churn(void* argument) {
  unsigned state = (unsigned)(uintptr_t)argument;
  void* blocks[16] = {0};
  size_t sizes[16] = {0};
  for (int i = 0; i < 3000; ++i) {
    state = state * 1664525u + 1013904223u;
    const unsigned slot = (state >> 8) % 16;
    if (blocks[slot] != NULL) CHECK(holds(blocks[slot], sizes[slot] < 64 ? sizes[slot] : 64, slot));
    free(blocks[slot]);
    sizes[slot] = (state >> 20) % 32 == 0 ? LARGE : (state >> 12) % 5000 + 1;
    blocks[slot] = malloc(opaque(sizes[slot]));
    CHECK(blocks[slot] != NULL);
    fill(blocks[slot], sizes[slot] < 64 ? sizes[slot] : 64, slot);
  }
  for (int i = 0; i < 16; ++i) free(blocks[i]);
  return NULL;
}

static void threads_allocate_side_by_side(void) {
  pthread_t threads[4];
  for (uintptr_t i = 0; i < 4; ++i) {
    CHECK(pthread_create(&threads[i], NULL, churn, (void*)(i + 1)) == 0);
  }
  for (int i = 0; i < 4; ++i) CHECK(pthread_join(threads[i], NULL) == 0);
}

static volatile sig_atomic_t ticks;
static void tick(int number) {
  (void)number;
  ++ticks;
  errno = 12345;
}

static void signals_may_interrupt(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = tick;  // no SA_RESTART: system calls inside the shim see EINTR
  CHECK(sigaction(SIGALRM, &action, NULL) == 0);
  const struct itimerval every = {{0, 200}, {0, 200}};
  CHECK(setitimer(ITIMER_REAL, &every, NULL) == 0);
  for (int i = 0; i < 20000 || (ticks < 20 && i < 2000000); ++i) {
    void* block = malloc(opaque(i % 10 == 0 ? LARGE : SMALL));
    CHECK(block != NULL);
    free(block);
  }
  CHECK(ticks >= 20);
}

const struct test_case cases[] = {
#define CASE(name) \
  { #name, name }
    CASE(malloc_of_zero_is_unique),
    CASE(malloc_serves_all_sizes),
    CASE(large_blocks_do_not_overlap),
    CASE(malloc_beyond_the_address_space_fails),
    CASE(malloc_recovers_from_out_of_memory),
    CASE(success_keeps_errno),
    CASE(free_of_null_does_nothing),
    CASE(free_keeps_errno),
    CASE(calloc_zeroes_reused_memory),
    CASE(calloc_large_array_is_placed),
    CASE(calloc_overflow_fails),
    CASE(calloc_of_zero_is_not_null),
    CASE(realloc_of_null_allocates),
    CASE(realloc_to_zero_frees),
    CASE(realloc_keeps_data_in_every_direction),
    CASE(realloc_grown_past_the_threshold_is_placed),
    CASE(realloc_grows_step_by_step),
    CASE(realloc_failure_keeps_the_block),
    CASE(reallocarray_checks_the_product),
    CASE(posix_memalign_aligns),
    CASE(posix_memalign_large_is_placed),
    CASE(posix_memalign_refuses_bad_alignment),
    CASE(posix_memalign_reports_out_of_memory),
    CASE(posix_memalign_of_zero_can_be_freed),
    CASE(aligned_alloc_aligns),
    CASE(odd_alignment_is_answered_as_by_libc),
    CASE(memalign_aligns_and_frees),
    CASE(memalign_refuses_absurd_alignment),
    CASE(valloc_gives_pages),
    CASE(usable_size_can_be_used),
    CASE(aligned_blocks_can_be_reallocated),
    CASE(sized_free_frees),
    CASE(libc_allocations_are_ours_to_free),
    CASE(foreign_blocks_are_passed_on),
    CASE(foreign_blocks_aligned_like_objects_are_passed_on),
    CASE(blocks_can_be_freed_by_another_thread),
    CASE(threads_allocate_side_by_side),
    CASE(signals_may_interrupt),
    {NULL, NULL},
};
