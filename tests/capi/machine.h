// SPDX-License-Identifier: Apache-2.0
// A machine for the C programs of these tests: `near`, 64 MiB on node 0, and `far`, 96 MiB in a
// file without a name. Both are real memory, so that everything can be tried on any machine.
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <terrace/terrace.h>

enum { kNearMiB = 64, kFarMiB = 96 };

static char tiers_path[256];
static pid_t tiers_owner;

static inline void forget_machine(void) {
  if (tiers_owner == getpid()) unlink(tiers_path);  // not a child's
}

/// A file that goes when the program ends.
static inline const char* tiers_file(void) {
  if (tiers_path[0] != '\0') return tiers_path;
  const char* folder = getenv("TMPDIR");
  snprintf(tiers_path, sizeof tiers_path, "%s/terrace-capi-%d.toml",
           folder != NULL ? folder : "/tmp", (int)getpid());
  FILE* file = fopen(tiers_path, "w");
  if (file == NULL) return "";
  tiers_owner = getpid();
  atexit(forget_machine);
  fprintf(file,
          "only = true\n"
          "[[tier]]\nname = \"near\"\nkind = \"dram\"\nnodes = [0]\ncapacity = \"%dMiB\"\n"
          "bandwidth = \"20GB/s\"\n"
          "[[tier]]\nname = \"far\"\nkind = \"file\"\nbacking = \"dax\"\npath = \"/dev/shm\"\n"
          "capacity = \"%dMiB\"\nbandwidth = \"2GB/s\"\n",
          kNearMiB, kFarMiB);
  fclose(file);
  return tiers_path;
}

static inline terrace_status open_machine(terrace_context* context) {
  terrace_options options;
  memset(&options, 0, sizeof options);
  options.struct_size = sizeof options;
  options.tiers_file = tiers_file();
  return terrace_open(&options, context);
}
