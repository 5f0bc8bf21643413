// SPDX-License-Identifier: Apache-2.0
// A library that uses memory while it is loaded and unloaded; for process_cases.c.
#include <stdlib.h>
#include <string.h>

static char* kept_small;
static char* kept_large;

__attribute__((constructor)) static void load(void) {
  kept_small = strdup("kept while loaded");
  kept_large = calloc(3, 1 << 20);
}

__attribute__((destructor)) static void unload(void) {
  if (kept_large[12345] != 0 || strcmp(kept_small, "kept while loaded") != 0) abort();
  free(kept_small);
  free(kept_large);
}

__attribute__((visibility("default"))) void* plugin_allocate(size_t size) {
  return malloc(size);
}
