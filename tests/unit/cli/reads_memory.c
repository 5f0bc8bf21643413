// SPDX-License-Identifier: Apache-2.0
// reads_memory MIB MILLISECONDS [PROGRAM ARGS...]: a stand-in for an engine. Fills MIB of memory,
// reads all of it over and over for that long or until SIGUSR1, then runs PROGRAM, if any, and ends
// with its code. The file that $READS_MEMORY_READY names, a FIFO, gets its process id once the
// memory is filled.
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char** environ;

static volatile sig_atomic_t enough = 0;

static void take(int number) {
  (void)number;
  enough = 1;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static int run(char** arguments) {
  pid_t child = 0;
  int status = 0;
  if (posix_spawnp(&child, arguments[0], NULL, NULL, arguments, environ) != 0) return 127;
  if (waitpid(child, &status, 0) != child) return 126;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void say_ready(void) {
  const char* const path = getenv("READS_MEMORY_READY");
  FILE* const file = path == NULL ? NULL : fopen(path, "w");
  if (file == NULL) return;
  fprintf(file, "%d\n", (int)getpid());
  fclose(file);
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  signal(SIGUSR1, take);
  const size_t size = strtoul(argv[1], NULL, 10) << 20;
  const double end = now() + strtod(argv[2], NULL) * 1e-3;
  uint64_t* const memory = malloc(size);
  if (memory == NULL) return 3;
  memset(memory, 1, size);
  say_ready();
  uint64_t sum = 0;
  while (!enough && now() < end) {
    for (size_t i = 0; i < size / sizeof *memory; i += 8) sum += memory[i];
  }
  fprintf(stderr, "read %llu\n", (unsigned long long)sum);
  free(memory);
  return argc > 3 ? run(argv + 3) : 0;
}
