// SPDX-License-Identifier: Apache-2.0
// eat MIB [NODE hold]: allocates MIB in blocks of 4 MiB, writes all of it, checks all of it, and
// prints `right`. With a node: from that node alone, and with `hold` it keeps the memory until it
// is killed, after a line `holding`.
#include <linux/mempolicy.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { kBlock = 4 << 20, kMost = 4096 };

static uint64_t word(size_t block, size_t at) {
  return (block * 1000003 + at) * 0x9E3779B97F4A7C15u;
}

int main(int argc, char** argv) {
  static uint64_t* blocks[kMost];
  if (argc < 2) return 2;
  const size_t count = strtoul(argv[1], NULL, 10) / 4;
  if (count == 0 || count > kMost) return 2;
  if (argc > 2) {
    const unsigned long nodes = 1ul << strtoul(argv[2], NULL, 10);
    if (syscall(SYS_set_mempolicy, MPOL_BIND, &nodes, 64ul) != 0) return 3;
  }
  for (size_t i = 0; i < count; ++i) {
    blocks[i] = malloc(kBlock);
    if (blocks[i] == NULL) return 4;
    for (size_t at = 0; at < kBlock / 8; at += 64) blocks[i][at] = word(i, at);
  }
  for (size_t i = 0; i < count; ++i) {
    for (size_t at = 0; at < kBlock / 8; at += 64) {
      if (blocks[i][at] != word(i, at)) return 5;
    }
  }
  puts(argc > 3 ? "holding" : "right");
  fflush(stdout);
  if (argc > 3) pause();
  return 0;
}
