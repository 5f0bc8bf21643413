// SPDX-License-Identifier: Apache-2.0
// A program for the tools that keep the heap to themselves: large blocks on two threads, an answer,
// and on request an error that such a tool finds. Ends with 42.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kBytes = 3 << 20, kRounds = 20 };

static void* use_blocks(void* unused) {
  for (int i = 0; i < kRounds; ++i) {
    char* block = malloc(kBytes);
    if (block == NULL) exit(1);
    memset(block, i, kBytes);
    free(block);
  }
  return unused;
}

int main(int argc, char** argv) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, use_blocks, NULL) != 0) return 1;
  use_blocks(NULL);
  pthread_join(thread, NULL);
  char* block = calloc(kBytes, 1);
  if (block == NULL) return 1;
  memset(block, 7, kBytes);
  printf("%d %d\n", block[0], block[kBytes - 1]);
  fflush(stdout);
  free(block);
  if (argc > 1 && strcmp(argv[1], "use-after-free") == 0) printf("%d\n", *(volatile char*)block);
  return 42;
}
