// SPDX-License-Identifier: Apache-2.0
// Runs each case of a test program in a process of its own, so that a crash costs one case.
// `program` runs all, `program NAME` that one in place, `program --list` names them.
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/preload/case.h"

enum { kPassed = 0, kFailed = 1, kSkipped = 77, kSecondsPerCase = 60 };

void check_failed(const char* file, int line, const char* condition) {
  dprintf(2, "%s:%d: not so: %s (errno: %s)\n", file, line, condition, strerror(errno));
  _exit(kFailed);
}

void skip_case(const char* missing) {
  dprintf(2, "skipped: %s\n", missing);
  _exit(kSkipped);
}

static unsigned char pattern(size_t i, unsigned seed) {
  return (unsigned char)(i * 31 + (i >> 12) * 7 + seed);
}

void fill(void* block, size_t size, unsigned seed) {
  unsigned char* bytes = block;
  for (size_t i = 0; i < size; ++i) bytes[i] = pattern(i, seed);
}

int holds(const void* block, size_t size, unsigned seed) {
  const unsigned char* bytes = block;
  for (size_t i = 0; i < size; ++i) {
    if (bytes[i] != pattern(i, seed)) return 0;
  }
  return 1;
}

enum { kBytesPerMark = 64 << 10 };

void mark(void* block, size_t size, unsigned seed) {
  unsigned char* bytes = block;
  for (size_t i = 0; i < size; i += kBytesPerMark) bytes[i] = pattern(i, seed);
  bytes[size - 1] = pattern(size - 1, seed);
}

int marked(const void* block, size_t size, unsigned seed) {
  const unsigned char* bytes = block;
  for (size_t i = 0; i < size; i += kBytesPerMark) {
    if (bytes[i] != pattern(i, seed)) return 0;
  }
  return bytes[size - 1] == pattern(size - 1, seed);
}

int objects_expected(void) {
  return getenv("TERRACE_EXPECT_OBJECTS") != NULL;
}

int looks_placed(const void* block) {
  return !objects_expected() || (block != NULL && (uintptr_t)block % ((uintptr_t)2 << 20) == 0);
}

size_t opaque(size_t value) {
  volatile size_t hidden = value;
  return hidden;
}

static int run_in_process(const char* program, const char* name) {
  const pid_t child = fork();
  if (child == 0) {
    execl("/proc/self/exe", program, name, (char*)NULL);
    _exit(127);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) {
    perror("fork and wait");
    return kFailed;
  }
  if (WIFSIGNALED(status)) {
    fprintf(stderr, "%s: ended by signal %d (%s)\n", name, WTERMSIG(status),
            strsignal(WTERMSIG(status)));
    return kFailed;
  }
  return WEXITSTATUS(status);
}

static int run_all(const char* program) {
  int failed = 0;
  int skipped = 0;
  int count = 0;
  for (const struct test_case* one = cases; one->name != NULL; ++one, ++count) {
    const int result = run_in_process(program, one->name);
    printf("%s %s\n",
           result == kPassed    ? "ok     "
           : result == kSkipped ? "skipped"
                                : "FAILED",
           one->name);
    fflush(stdout);
    skipped += result == kSkipped;
    failed += result != kPassed && result != kSkipped;
  }
  printf("%d cases, %d failed, %d skipped\n", count, failed, skipped);
  return failed == 0 ? kPassed : kFailed;
}

/// The loader only warns about a library that it cannot preload.
static void require_shim(void) {
  const char* preload = getenv("LD_PRELOAD");
  if (preload == NULL || strstr(preload, "terrace-preload") == NULL) return;
  FILE* maps = fopen("/proc/self/maps", "r");
  char line[512];
  int found = 0;
  while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
    found |= strstr(line, "/libterrace-preload") != NULL;
  }
  if (!found) {
    fprintf(stderr, "not loaded: LD_PRELOAD=%s\n", preload);
    exit(kFailed);
  }
  fclose(maps);
}

int main(int argc, char** argv) {
  require_shim();
  if (argc < 2) return run_all(argv[0]);
  for (const struct test_case* one = cases; one->name != NULL; ++one) {
    if (strcmp(argv[1], "--list") == 0) puts(one->name);
    if (strcmp(argv[1], one->name) != 0) continue;
    alarm(kSecondsPerCase);
    one->run();
    return kPassed;
  }
  return strcmp(argv[1], "--list") == 0 ? kPassed : 2;
}
