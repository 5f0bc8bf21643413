// SPDX-License-Identifier: Apache-2.0
// session_program FILE STEPS MILLISECONDS: a server that tells Terrace what it does, for
// session_test.cc. STEPS decoded tokens of MILLISECONDS each: a dense weight of 6 MiB read whole,
// an expert of 5 MiB read in every fourth, a KV cache that is read and written, an activation that
// only is written, and memory that nobody names; before them a load that writes all of it.
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "tests/capi/check.h"
#include "tests/capi/machine.h"

static const uint64_t kMiB = 1 << 20;

static terrace_tensor make(terrace_context machine, terrace_class kind, uint64_t bytes,
                           const char* name, const char* tier) {
  const terrace_tensor_options options = {
      .struct_size = sizeof options, .kind = kind, .bytes = bytes, .name = name, .tier = tier};
  terrace_tensor tensor = {0};
  CHECK_STATUS(TERRACE_OK, terrace_allocate(machine, &options, &tensor, NULL));
  CHECK_STATUS(TERRACE_OK, terrace_touch(tensor, 0, bytes));
  return tensor;
}

/// Time that passes is what is wanted: a session tells how long its steps took.
static void rest(long milliseconds) {
  struct timespec left = {milliseconds / 1000, milliseconds % 1000 * 1000000};
  int result = 0;
  do {
    result = nanosleep(&left, &left);
  } while (result != 0 && errno == EINTR);
  CHECK(result == 0);
}

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const int steps = atoi(argv[2]);
  const long milliseconds = atol(argv[3]);
  const terrace_options options = {
      .struct_size = sizeof options, .tiers_file = tiers_file(), .session_file = argv[1]};
  terrace_context machine = {0};
  CHECK_STATUS(TERRACE_OK, terrace_open(&options, &machine));
  const terrace_tensor dense =
      make(machine, TERRACE_WEIGHT, 6 * kMiB, "blk.7.attn_q.weight", "near");
  const terrace_tensor expert =
      make(machine, TERRACE_EXPERT, 5 * kMiB, "blk.7.ffn_gate_exps.weight[3]", "far");
  const terrace_tensor cache = make(machine, TERRACE_KV, 3 * kMiB, "kv.7", "near");
  const terrace_tensor scratch = make(machine, TERRACE_ACTIVATION, 2 * kMiB, "acts", "near");
  make(machine, TERRACE_SCRATCH, kMiB, NULL, "far");
  rest(5);
  for (int step = 0; step < steps; ++step) {
    CHECK_STATUS(TERRACE_OK, terrace_step(machine));
    CHECK_STATUS(TERRACE_OK, terrace_touch(dense, 6 * kMiB, 0));
    if (step % 4 == 3) CHECK_STATUS(TERRACE_OK, terrace_touch(expert, 5 * kMiB, 0));
    rest(milliseconds);
    CHECK_STATUS(TERRACE_OK, terrace_touch(cache, 3 * kMiB, 12345));
    CHECK_STATUS(TERRACE_OK, terrace_touch(scratch, 0, 1000001));
  }
  // The server idles before it ends, which is no step.
  rest(200);
  CHECK_STATUS(TERRACE_OK, terrace_close(machine));
  forget_machine();
  return failures != 0;
}
