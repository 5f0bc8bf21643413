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

static inline const char* tiers_file(void) {
  static char path[256];
  if (path[0] != '\0') return path;
  const char* folder = getenv("TMPDIR");
  snprintf(path, sizeof path, "%s/terrace-capi-%d.toml", folder != NULL ? folder : "/tmp",
           (int)getpid());
  FILE* file = fopen(path, "w");
  if (file == NULL) return "";
  fprintf(file,
          "only = true\n"
          "[[tier]]\nname = \"near\"\nkind = \"dram\"\nnodes = [0]\ncapacity = \"%dMiB\"\n"
          "bandwidth = \"20GB/s\"\n"
          "[[tier]]\nname = \"far\"\nkind = \"file\"\nbacking = \"dax\"\npath = \"/dev/shm\"\n"
          "capacity = \"%dMiB\"\nbandwidth = \"2GB/s\"\n",
          kNearMiB, kFarMiB);
  fclose(file);
  return path;
}

static inline terrace_status open_machine(terrace_context* context) {
  terrace_options options;
  memset(&options, 0, sizeof options);
  options.struct_size = sizeof options;
  options.tiers_file = tiers_file();
  return terrace_open(&options, context);
}

static inline void forget_machine(void) {
  unlink(tiers_file());
}
