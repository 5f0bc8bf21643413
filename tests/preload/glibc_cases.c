// SPDX-License-Identifier: Apache-2.0
// glibc's own surroundings of malloc, and the corners that heap_cases.c leaves: sizes at the
// threshold, answers that must not depend on the size, statistics and streams.
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "tests/preload/case.h"

// The tests' threshold for objects.
#define THRESHOLD ((size_t)65536)

static void many_empty_blocks_are_distinct(void) {
  enum { kBlocks = 300 };
  void* blocks[kBlocks];
  for (int i = 0; i < kBlocks; i += 3) {
    blocks[i] = malloc(opaque(0));
    blocks[i + 1] = calloc(opaque(0), opaque(0));
    blocks[i + 2] = realloc((void*)opaque(0), opaque(0));
    for (int j = i; j < i + 3; ++j) CHECK(blocks[j] != NULL);
  }
  for (int i = 0; i < kBlocks; ++i) {
    for (int j = 0; j < i; ++j) CHECK(blocks[i] != blocks[j]);
  }
  for (int i = 0; i < kBlocks; ++i) free(blocks[i]);
}

static void sizes_at_the_threshold_serve(void) {
  for (size_t from = THRESHOLD - 2; from <= THRESHOLD + 2; ++from) {
    for (size_t to = THRESHOLD - 2; to <= THRESHOLD + 2; ++to) {
      char* block = malloc(opaque(from));
      CHECK(block != NULL && malloc_usable_size(block) >= from);
      fill(block, from, 1);
      block = realloc(block, opaque(to));
      CHECK(block != NULL && holds(block, from < to ? from : to, 1));
      CHECK(malloc_usable_size(block) >= to);
      block = reallocarray(block, opaque(2), opaque(THRESHOLD));
      CHECK(block != NULL && holds(block, from < to ? from : to, 1));
      block = realloc(block, opaque(10));
      CHECK(block != NULL && holds(block, 10, 1));
      free(block);
    }
  }
}

static void usable_size_is_true_for_every_entry_point(void) {
  const size_t sizes[] = {1, 100, THRESHOLD - 1, THRESHOLD, LARGE, LARGE + 1};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i) {
    const size_t size = sizes[i];
    void* blocks[] = {malloc(opaque(size)),
                      calloc(opaque(1), opaque(size)),
                      realloc((void*)opaque(0), opaque(size)),
                      reallocarray((void*)opaque(0), opaque(1), opaque(size)),
                      memalign(opaque(512), opaque(size)),
                      aligned_alloc(opaque(64), opaque(size)),
                      valloc(opaque(size)),
                      pvalloc(opaque(size))};
    for (size_t j = 0; j < sizeof blocks / sizeof *blocks; ++j) {
      CHECK(blocks[j] != NULL);
      const size_t usable = malloc_usable_size(blocks[j]);
      CHECK(usable >= size);
      fill(blocks[j], usable, (unsigned)j);
    }
    for (size_t j = 0; j < sizeof blocks / sizeof *blocks; ++j) {
      CHECK(holds(blocks[j], malloc_usable_size(blocks[j]), (unsigned)j));
      free(blocks[j]);
    }
  }
}

static void alignment_is_answered_alike_for_every_size(void) {
  const size_t alignments[] = {0, 1, 2, 3, 8, 17, 48, 4097, SIZE_MAX, (size_t)1 << 63};
  for (size_t i = 0; i < sizeof alignments / sizeof *alignments; ++i) {
    void* small = memalign(opaque(alignments[i]), opaque(SMALL));
    const int small_error = errno;
    void* large = memalign(opaque(alignments[i]), opaque(LARGE));
    CHECK((small == NULL) == (large == NULL) && (small != NULL || errno == small_error));
    free(small);
    free(large);
    small = aligned_alloc(opaque(alignments[i]), opaque(SMALL));
    large = aligned_alloc(opaque(alignments[i]), opaque(LARGE));
    CHECK((small == NULL) == (large == NULL));
    free(small);
    free(large);
  }
}

static void aligned_requests_beyond_the_address_space_fail(void) {
  const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 4096, PTRDIFF_MAX};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i) {
    errno = 0;
    CHECK(memalign(opaque(64), opaque(sizes[i])) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(aligned_alloc(opaque(64), opaque(sizes[i])) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(valloc(opaque(sizes[i])) == NULL && errno == ENOMEM);
  }
  errno = 0;
  CHECK(reallocarray((void*)opaque(0), opaque(SIZE_MAX), opaque(SIZE_MAX)) == NULL);
  CHECK(errno == ENOMEM);
}

// ---- Statistics and settings

static void statistics_can_be_asked_for(void) {
  void* large = malloc(opaque(LARGE));
  void* small = malloc(opaque(SMALL));
  const struct mallinfo2 facts = mallinfo2();
  CHECK(facts.uordblks > 0 && facts.arena > 0);
  char* text = NULL;
  size_t length = 0;
  FILE* stream = open_memstream(&text, &length);
  CHECK(stream != NULL && malloc_info(0, stream) == 0 && fclose(stream) == 0);
  CHECK(length > 100 && strncmp(text, "<malloc version", 15) == 0);
  errno = 0;
  CHECK(malloc_info(1, stdout) == EINVAL);
  free(text);
  free(small);
  free(large);
}

static void trimming_keeps_what_is_in_use(void) {
  void* blocks[64];
  for (unsigned i = 0; i < 64; ++i) {
    const size_t size = i % 8 == 0 ? LARGE : 20000;
    fill(blocks[i] = malloc(opaque(size)), size, i);
  }
  for (unsigned i = 1; i < 64; i += 2) free(blocks[i]);
  (void)malloc_trim(0);
  for (unsigned i = 0; i < 64; i += 2) {
    CHECK(holds(blocks[i], i % 8 == 0 ? LARGE : 20000, i));
    free(blocks[i]);
  }
  (void)malloc_trim(4096);
}

static void settings_are_taken_or_refused(void) {
  CHECK(mallopt(M_MMAP_THRESHOLD, 1 << 17) == 1);
  CHECK(mallopt(M_TRIM_THRESHOLD, 1 << 17) == 1);
  CHECK(mallopt(M_ARENA_MAX, 2) == 1);
  CHECK(mallopt(M_PERTURB, 0x5a) == 1);
  void* blocks[] = {malloc(opaque(SMALL)), malloc(opaque(200000)), malloc(opaque(LARGE))};
  for (int i = 0; i < 3; ++i) {
    CHECK(blocks[i] != NULL);
    fill(blocks[i], SMALL, 1);
  }
  unsigned char* clean = calloc(opaque(1), opaque(LARGE));
  CHECK(clean != NULL);
  for (size_t i = 0; i < LARGE; ++i) CHECK(clean[i] == 0);
  free(clean);
  for (int i = 0; i < 3; ++i) free(blocks[i]);
}

static void what_glibc_dropped_stays_away(void) {
  CHECK(dlsym(RTLD_DEFAULT, "cfree") == NULL);
  CHECK(dlsym(RTLD_DEFAULT, "__terrace_no_such_name") == NULL);
}

// ---- libc's own use of it

static void memory_streams_grow(void) {
  char* text = NULL;
  size_t length = 0;
  FILE* stream = open_memstream(&text, &length);
  CHECK(stream != NULL);
  for (int i = 0; i < 300000; ++i) CHECK(fputs("0123456789", stream) >= 0);
  CHECK(fflush(stream) == 0 && length == 3000000 && text[2999999] == '9');
  CHECK(fclose(stream) == 0 && length == 3000000 && text[5] == '5');
  FILE* reader = fmemopen(text, 3000000, "r");
  CHECK(reader != NULL);
  char* line = NULL;
  size_t room = 0;
  CHECK(getdelim(&line, &room, '\n', reader) == 3000000 && room > 3000000);
  CHECK(fclose(reader) == 0);
  free(line);
  free(text);
  wchar_t* wide = NULL;
  stream = open_wmemstream(&wide, &length);
  CHECK(stream != NULL);
  for (int i = 0; i < 500000; ++i) CHECK(fputwc(L'w', stream) == L'w');
  CHECK(fclose(stream) == 0 && length == 500000 && wide[499999] == L'w');
  free(wide);
}

static void buffers_of_streams_may_be_large(void) {
  FILE* stream = tmpfile();
  char* buffer = malloc(opaque(LARGE));
  CHECK(stream != NULL && setvbuf(stream, buffer, _IOFBF, LARGE) == 0);
  for (int i = 0; i < 1000000; ++i) CHECK(fputc('a' + i % 26, stream) != EOF);
  rewind(stream);
  for (int i = 0; i < 1000000; ++i) CHECK(fgetc(stream) == 'a' + i % 26);
  CHECK(fclose(stream) == 0);
  free(buffer);
}

static void results_of_libc_can_be_freed_and_grown(void) {
  char* path = realpath("/proc/self/exe", NULL);
  char* folder = getcwd(NULL, 0);
  CHECK(path != NULL && folder != NULL);
  struct dirent** names = NULL;
  const int count = scandir("/proc/self", &names, NULL, alphasort);
  CHECK(count > 10);
  for (int i = 0; i < count; ++i) free(names[i]);
  free(names);
  path = realloc(path, opaque(LARGE));
  CHECK(path != NULL && path[0] == '/');
  free(path);
  free(folder);
}

// ---- Threads that end

static __thread void* threads_own;

static void free_own(void* unused) {
  (void)unused;
  CHECK(holds(threads_own, LARGE, 7));
  threads_own = realloc(threads_own, opaque(LARGE * 2));
  CHECK(threads_own != NULL && holds(threads_own, LARGE, 7));
  free(threads_own);
  void* zeroed = calloc(opaque(1), opaque(LARGE));
  CHECK(zeroed != NULL);
  free(zeroed);
}

static void* own_and_cancelled(void* started) {
  threads_own = malloc(opaque(LARGE));
  fill(threads_own, LARGE, 7);
  pthread_cleanup_push(free_own, NULL);
  pthread_barrier_wait(started);
  for (;;) pause();
  pthread_cleanup_pop(0);
  return NULL;
}

static void cancelled_threads_free_and_allocate(void) {
  for (int i = 0; i < 20; ++i) {
    pthread_barrier_t started;
    pthread_t thread;
    void* result = NULL;
    CHECK(pthread_barrier_init(&started, NULL, 2) == 0);
    CHECK(pthread_create(&thread, NULL, own_and_cancelled, &started) == 0);
    pthread_barrier_wait(&started);
    CHECK(pthread_cancel(thread) == 0 && pthread_join(thread, &result) == 0);
    CHECK(result == PTHREAD_CANCELED);
  }
}

const struct test_case cases[] = {
#define CASE(name) \
  { #name, name }
    CASE(many_empty_blocks_are_distinct),
    CASE(sizes_at_the_threshold_serve),
    CASE(usable_size_is_true_for_every_entry_point),
    CASE(alignment_is_answered_alike_for_every_size),
    CASE(aligned_requests_beyond_the_address_space_fail),
    CASE(statistics_can_be_asked_for),
    CASE(trimming_keeps_what_is_in_use),
    CASE(settings_are_taken_or_refused),
    CASE(what_glibc_dropped_stays_away),
    CASE(memory_streams_grow),
    CASE(buffers_of_streams_may_be_large),
    CASE(results_of_libc_can_be_freed_and_grown),
    CASE(cancelled_threads_free_and_allocate),
    {NULL, NULL},
};
