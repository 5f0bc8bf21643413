// SPDX-License-Identifier: Apache-2.0
// A library that is linked into the test program and therefore initialised before a preloaded one:
// its fork handlers lie inside the shim's. For process_cases.c.
#include <locale.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { kSecondsPerChild = 10 };

/// Above every threshold of the real runtime or, without it, above the test's own: allocators that
/// cannot move pages copy it three times for each fork.
static size_t bytes = 256 << 10;

static void* volatile kept;
static void* volatile mapped;
static int runs;

/// Frees, allocates, resizes and unmaps large memory while a fork is under way. Of the memory a few
/// pages are enough: hundreds of forks call this three times each.
static void handle_fork(void) {
  ++runs;
  unsigned char* resized = realloc(kept, bytes * 2);
  if (resized == NULL) abort();
  for (size_t at = 0; at < bytes * 2; at += bytes / 4) resized[at] = 1;
  kept = resized;
  free(kept);
  kept = malloc(bytes);
  if (kept == NULL) abort();
  if (munmap(mapped, bytes) != 0) abort();
  mapped = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) abort();
}

/// Some allocators hold a lock of another thread's in a child, which then never ends by itself: not
/// in what comes next either.
static void limit_child(void) {
  alarm(kSecondsPerChild);
}

__attribute__((constructor)) static void start(void) {
  // Its allocation is made under the locale's lock and is the first of a C program: what the shim
  // does at its first call must not want that lock.
  locale_t locale = newlocale(LC_CTYPE_MASK, "C", (locale_t)0);
  if (locale == (locale_t)0) abort();
  freelocale(locale);
  if (getenv("TERRACE_PLAN_FILE") != NULL) bytes = 5 << 20;
  kept = malloc(bytes);
  mapped = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  pthread_atfork(NULL, NULL, limit_child);
  pthread_atfork(handle_fork, handle_fork, handle_fork);
}

/// Makes the kept memory large blocks of a running program: constructors before the shim's get
/// ordinary ones.
__attribute__((visibility("default"))) int early_fork_handler_runs(void) {
  free(kept);
  kept = malloc(bytes);
  munmap(mapped, bytes);
  mapped = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return runs;
}
