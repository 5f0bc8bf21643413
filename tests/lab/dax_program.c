// SPDX-License-Identifier: Apache-2.0
// An unchanged program for the lab: one large allocation, everything a program may do with it, and
// what /proc says lies behind it. It knows nothing of Terrace and runs alike without it.
// dax_program PATH MEBIBYTES [wait | PASSES]: `on PATH: N bytes`, then `sum S`; exit status 7 when
// all is right. With `wait` it says `ready` in between and goes on at the end of its input; with a
// number it reads all of its memory so many times.
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kStep = 512, kPage = 4096 };  // bytes between the words that are written

static void fail(const char* what) {
  printf("wrong: %s\n", what);
  fflush(stdout);
  _exit(1);
}

static uint64_t word(size_t at, uint64_t round) {
  return (at + 1) * UINT64_C(0x9E3779B97F4A7C15) ^ round;
}

static void fill(char* data, size_t size, uint64_t round) {
  for (size_t at = 0; at < size; at += kStep) {
    const uint64_t value = word(at, round);
    memcpy(data + at, &value, sizeof value);
  }
}

static uint64_t check(const char* data, size_t size, uint64_t round, const char* what) {
  uint64_t sum = 0;
  for (size_t at = 0; at < size; at += kStep) {
    uint64_t value;
    memcpy(&value, data + at, sizeof value);
    if (value != word(at, round)) fail(what);
    sum += value;
  }
  return sum;
}

static unsigned long mapped_of(const char* path) {
  FILE* const maps = fopen("/proc/self/maps", "r");
  char line[512];
  unsigned long bytes = 0, begin, end;
  while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
    if (strstr(line, path) != NULL && sscanf(line, "%lx-%lx", &begin, &end) == 2)
      bytes += end - begin;
  }
  if (maps != NULL) fclose(maps);
  return bytes;
}

/// Parent and child each keep their own data, whoever writes first.
static void part(char* data, size_t size) {
  int to_child[2];
  if (pipe(to_child) != 0) fail("pipe");
  const pid_t child = fork();
  if (child == 0) {
    char go;
    if (read(to_child[0], &go, 1) != 1) fail("the parent is gone");
    check(data, size, 1, "the child sees the parent's write");
    fill(data, size, 3);
    check(data, size, 3, "the child's own data");
    _exit(0);
  }
  fill(data, size, 2);
  if (child < 0 || write(to_child[1], "g", 1) != 1) fail("fork");
  int status = 0;
  waitpid(child, &status, 0);
  if (status != 0) fail("the child");
  check(data, size, 2, "the parent sees the child's write");
}

/// MADV_DONTNEED of part of a mapping reads as zero, the rest stays.
static void discard(size_t size) {
  char* const data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) fail("mmap");
  fill(data, size, 4);
  const size_t begin = 16 * kPage, end = size - 16 * kPage;
  if (madvise(data + begin, end - begin, MADV_DONTNEED) != 0) fail("madvise");
  for (size_t at = begin; at < end; at += kStep) {
    if (data[at] != 0) fail("discarded memory is not zero");
  }
  check(data, begin, 4, "what lies before the discarded part");
  if (mprotect(data, kPage, PROT_READ) != 0) fail("mprotect");
  if (munmap(data, size) != 0) fail("munmap");
}

int main(int count, char** arguments) {
  if (count < 3) return 2;
  const size_t size = (size_t)atoi(arguments[2]) << 20;
  char* data = calloc(1, size);
  if (data == NULL) fail("calloc");
  for (size_t at = 0; at < size; at += kStep) {
    if (data[at] != 0) fail("fresh memory is not zero");
  }
  fill(data, size, 1);
  const uint64_t sum = check(data, size, 1, "what was written");
  printf("on %s: %lu bytes\n", arguments[1], mapped_of(arguments[1]));
  const int passes = count > 3 ? atoi(arguments[3]) : 0;
  for (int pass = 0; pass < passes; ++pass) check(data, size, 1, "what is read again");
  if (count > 3 && strcmp(arguments[3], "wait") == 0) {
    printf("ready\n");
    fflush(stdout);
    while (getchar() != EOF) continue;
    check(data, size, 1, "after the wait");
  }
  fflush(stdout);
  part(data, size);
  discard(size);
  data = realloc(data, size + (2u << 20));
  if (data == NULL) fail("realloc");
  check(data, size, 2, "after realloc");
  free(data);
  printf("sum %llu\n", (unsigned long long)sum);
  return 7;
}
