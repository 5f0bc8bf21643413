// SPDX-License-Identifier: Apache-2.0
// Tensors behind an emulated link: placed there, prefetched from there and sent back, and a context
// that is closed with them.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/capi/check.h"

static const uint64_t kMiB = 1 << 20;
static char path[256];

static terrace_status open_linked(terrace_context* machine) {
  const char* folder = getenv("TMPDIR");
  snprintf(path, sizeof path, "%s/terrace-linked-%d.toml", folder != NULL ? folder : "/tmp",
           (int)getpid());
  FILE* file = fopen(path, "w");
  CHECK(file != NULL);
  fprintf(file,
          "only = true\n"
          "[[tier]]\nname = \"near\"\nkind = \"dram\"\nnodes = [0]\ncapacity = \"64MiB\"\n"
          "bandwidth = \"20GB/s\"\n"
          "[[tier]]\nname = \"link\"\nkind = \"cxl\"\nbacking = \"emulated\"\nnodes = [0]\n"
          "capacity = \"32MiB\"\nbandwidth = \"4GB/s\"\nlatency = \"250ns\"\n");
  fclose(file);
  const terrace_options options = {.struct_size = sizeof options, .tiers_file = path};
  const terrace_status opened = terrace_open(&options, machine);
  unlink(path);
  return opened;
}

static terrace_status move_to(terrace_tensor tensor, const char* tier) {
  const terrace_move_options options = {.struct_size = sizeof options, .tier = tier};
  terrace_job job;
  const terrace_status begun = terrace_migrate(tensor, &options, &job);
  if (begun != TERRACE_OK) return begun;
  const terrace_status ended = terrace_job_wait(job, UINT64_MAX);
  CHECK_STATUS(TERRACE_OK, terrace_job_end(job));
  return ended;
}

static void check_content(const unsigned char* at, uint64_t bytes) {
  uint64_t wrong = 0;
  for (uint64_t i = 0; i < bytes; i += 64) wrong += at[i] != (unsigned char)(i / 64 * 3 + 1);
  CHECK(wrong == 0);
}

static void moves_over_the_link_keep_the_content(terrace_context machine) {
  const terrace_tensor_options options = {
      .struct_size = sizeof options, .bytes = 10 * kMiB, .tier = "link"};
  terrace_tensor tensor;
  unsigned char* at = NULL;
  CHECK_STATUS(TERRACE_OK, terrace_allocate(machine, &options, &tensor, (void**)&at));
  if (at == NULL) return;
  for (uint64_t i = 0; i < options.bytes; i += 64) at[i] = (unsigned char)(i / 64 * 3 + 1);
  check_content(at, options.bytes);
  for (int round = 0; round < 2; ++round) {
    CHECK_STATUS(TERRACE_OK, move_to(tensor, "near"));
    check_content(at, options.bytes);
    terrace_tensor_info info = {.struct_size = sizeof info};
    CHECK_STATUS(TERRACE_OK, terrace_get_tensor(tensor, &info));
    CHECK(info.tier_bytes[0] == 10 * kMiB && info.tier_bytes[1] == 0);
    CHECK_STATUS(TERRACE_OK, move_to(tensor, "link"));
    check_content(at, options.bytes);
    CHECK_STATUS(TERRACE_OK, terrace_get_tensor(tensor, &info));
    CHECK(info.tier_bytes[0] == 0 && info.tier_bytes[1] == 10 * kMiB);
  }
  void* larger = NULL;
  CHECK_STATUS(TERRACE_OK, terrace_resize(tensor, 14 * kMiB, &larger));
  if (larger != NULL) check_content(larger, options.bytes);
  CHECK_STATUS(TERRACE_OK, terrace_free(tensor));
}

int main(void) {
  for (int round = 0; round < 2; ++round) {
    terrace_context machine;
    const terrace_status opened = open_linked(&machine);
    if (opened == TERRACE_UNSUPPORTED) {
      printf("skipped: emulated links: %s\n", terrace_last_error());
      return 0;
    }
    CHECK_STATUS(TERRACE_OK, opened);
    if (failures != 0) return 1;
    moves_over_the_link_keep_the_content(machine);
    const terrace_tensor_options options = {
        .struct_size = sizeof options, .bytes = 4 * kMiB, .tier = "link"};
    terrace_tensor left;
    void* at = NULL;
    CHECK_STATUS(TERRACE_OK, terrace_allocate(machine, &options, &left, &at));
    memset(at, 1, 4 * kMiB);
    CHECK_STATUS(TERRACE_OK, terrace_close(machine));
    CHECK_STATUS(TERRACE_BAD_HANDLE, terrace_free(left));
  }
  return failures == 0 ? 0 : 1;
}
