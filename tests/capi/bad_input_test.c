// SPDX-License-Identifier: Apache-2.0
// What a caller does wrong gets a code with a text, aborts nothing and changes nothing.
#include <math.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>

#include "tests/capi/check.h"
#include "tests/capi/machine.h"

static const uint64_t kMiB = 1 << 20;

static terrace_tensor_options plain(void) {
  const terrace_tensor_options options = {.struct_size = sizeof options, .bytes = 2 * kMiB};
  return options;
}

static void ended_and_foreign_handles_are_refused(terrace_context machine) {
  const terrace_tensor_options options = plain();
  terrace_tensor tensor;
  void* at = NULL;
  CHECK_STATUS(TERRACE_OK, terrace_allocate(machine, &options, &tensor, &at));
  CHECK_STATUS(TERRACE_OK, terrace_free(tensor));
  CHECK_STATUS(TERRACE_BAD_HANDLE, terrace_free(tensor));
  CHECK(said("freed"));
  terrace_tensor_info info = {.struct_size = sizeof info};
  terrace_job job = {0};
  CHECK_STATUS(TERRACE_BAD_HANDLE, terrace_get_tensor(tensor, &info));
  CHECK_STATUS(TERRACE_BAD_HANDLE, terrace_resize(tensor, 1, &at));
  CHECK_STATUS(TERRACE_BAD_HANDLE, terrace_touch(tensor, 1, 1));
  CHECK_STATUS(TERRACE_BAD_HANDLE, terrace_pin(tensor));
  CHECK_STATUS(TERRACE_BAD_HANDLE, terrace_prefetch(tensor, 0, &job));
  // The slot is used again, under another handle.
  terrace_tensor next;
  CHECK_STATUS(TERRACE_OK, terrace_allocate(machine, &options, &next, &at));
  CHECK(next.id != tensor.id);
  CHECK_STATUS(TERRACE_BAD_HANDLE, terrace_free(tensor));
  const uint64_t numbers[] = {0, 1, ~(uint64_t)0, machine.id, (uint64_t)(uintptr_t)at, next.id + 1};
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; ++i) {
    CHECK_STATUS(TERRACE_BAD_HANDLE, terrace_free((terrace_tensor){numbers[i]}));
    CHECK_STATUS(TERRACE_BAD_HANDLE, terrace_job_wait((terrace_job){numbers[i]}, 0));
    CHECK_STATUS(TERRACE_BAD_HANDLE, terrace_job_cancel((terrace_job){numbers[i]}));
    CHECK_STATUS(TERRACE_BAD_HANDLE, terrace_job_end((terrace_job){numbers[i]}));
    CHECK_STATUS(TERRACE_BAD_HANDLE, terrace_pool_free((terrace_pool){numbers[i]}, at));
    CHECK_STATUS(TERRACE_BAD_HANDLE, terrace_pool_close((terrace_pool){numbers[i]}));
  }
  CHECK_STATUS(TERRACE_BAD_HANDLE, terrace_close((terrace_context){next.id}));
  CHECK_STATUS(TERRACE_BAD_HANDLE, terrace_step((terrace_context){0}));
  CHECK_STATUS(TERRACE_OK, terrace_free(next));
}

static void structs_of_a_wrong_size_are_refused(terrace_context machine) {
  terrace_tensor tensor = {5};
  terrace_tensor_options options = plain();
  options.struct_size = 0;
  CHECK_STATUS(TERRACE_BAD_STRUCT, terrace_allocate(machine, &options, &tensor, NULL));
  CHECK(said("terrace_tensor_options.struct_size is 0"));
  options.struct_size = sizeof options - 4;
  CHECK_STATUS(TERRACE_BAD_STRUCT, terrace_allocate(machine, &options, &tensor, NULL));
  options.struct_size = UINT32_MAX;
  CHECK_STATUS(TERRACE_BAD_STRUCT, terrace_allocate(machine, &options, &tensor, NULL));
  CHECK(tensor.id == 5);
  terrace_tier_info info = {.struct_size = 3};
  CHECK_STATUS(TERRACE_BAD_STRUCT, terrace_get_tier(machine, 0, &info));
}

static void programs_of_a_later_version_are_understood(terrace_context machine) {
  struct {
    terrace_tensor_options known;
    uint64_t later;
  } options = {plain(), 0};
  options.known.struct_size = sizeof options;
  terrace_tensor tensor;
  CHECK_STATUS(TERRACE_OK, terrace_allocate(machine, &options.known, &tensor, NULL));
  CHECK_STATUS(TERRACE_OK, terrace_free(tensor));
  options.later = 1;
  CHECK_STATUS(TERRACE_BAD_STRUCT, terrace_allocate(machine, &options.known, &tensor, NULL));
  CHECK(said("newer library"));
  struct {
    terrace_tier_info known;
    uint64_t later;
  } info;
  memset(&info, 0xff, sizeof info);
  info.known.struct_size = sizeof info;
  CHECK_STATUS(TERRACE_OK, terrace_get_tier(machine, 0, &info.known));
  CHECK(info.later == 0 && info.known.struct_size == sizeof info);
}

static void numbers_out_of_range_are_refused(terrace_context machine) {
  terrace_tensor tensor = {5};
  terrace_tensor_options options = plain();
  options.bytes = 0;
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_allocate(machine, &options, &tensor, NULL));
  const uint64_t huge[] = {UINT64_MAX, UINT64_MAX - 4095, (uint64_t)1 << 63, (uint64_t)1 << 46,
                           (uint64_t)1 << 40};
  for (size_t i = 0; i < sizeof huge / sizeof huge[0]; ++i) {
    options.bytes = huge[i];
    const terrace_status refused = terrace_allocate(machine, &options, &tensor, NULL);
    CHECK(refused == TERRACE_NO_ROOM || refused == TERRACE_NO_MEMORY);
  }
  options = plain();
  options.alignment = 3;
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_allocate(machine, &options, &tensor, NULL));
  options.alignment = (uint64_t)1 << 63;
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_allocate(machine, &options, &tensor, NULL));
  options = plain();
  options.kind = 99;
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_allocate(machine, &options, &tensor, NULL));
  options = plain();
  options.pages = -1;
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_allocate(machine, &options, &tensor, NULL));
  options = plain();
  options.flags = 0x80;
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_allocate(machine, &options, &tensor, NULL));
  CHECK(tensor.id == 5);
  terrace_tier_info info = {.struct_size = sizeof info};
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_get_tier(machine, UINT32_MAX, &info));
  terrace_options wide = {.struct_size = sizeof wide, .move_threads = 100000};
  terrace_context none = {0};
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_open(&wide, &none));
}

static void wishes_that_mean_nothing_are_refused(terrace_context machine) {
  terrace_tensor tensor = {5};
  terrace_tensor_options options = plain();
  options.tier = "hbm7";
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_allocate(machine, &options, &tensor, NULL));
  CHECK(said("hbm7") && said("near, far"));
  const double bad[][2] = {{0, 0}, {-1, 2}, {NAN, 1}, {INFINITY, 1}, {1e308, 1e308}};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
    options = plain();
    options.shares = bad[i];
    options.share_count = 2;
    CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_allocate(machine, &options, &tensor, NULL));
  }
  options.share_count = 3;
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_allocate(machine, &options, &tensor, NULL));
  options.share_count = 2;
  options.tier = "near";
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_allocate(machine, &options, &tensor, NULL));
}

static void null_pointers_are_refused(terrace_context machine) {
  const terrace_tensor_options options = plain();
  terrace_tensor tensor;
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_open(NULL, NULL));
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_allocate(machine, NULL, &tensor, NULL));
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_allocate(machine, &options, NULL, NULL));
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_adopt(machine, NULL, &options, &tensor));
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_tensor_at(machine, NULL, &tensor));
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_find_tier(machine, NULL, NULL));
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_tier_count(machine, NULL));
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_get_traffic(machine, NULL));
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_pool_open(machine, NULL, NULL));
  CHECK_STATUS(TERRACE_OK, terrace_allocate(machine, &options, &tensor, NULL));
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_load(tensor, NULL, NULL));
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_migrate(tensor, NULL, NULL));
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_prefetch(tensor, 0, NULL));
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_look(tensor, 0, NULL, NULL));
  CHECK_STATUS(TERRACE_OK, terrace_free(tensor));
}

static void bad_moves_are_refused(terrace_context machine) {
  const terrace_tensor_options options = plain();
  terrace_tensor tensor;
  terrace_job job = {5};
  CHECK_STATUS(TERRACE_OK, terrace_allocate(machine, &options, &tensor, NULL));
  terrace_move_options move = {.struct_size = sizeof move};
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_migrate(tensor, &move, &job));
  move.tier = "nowhere";
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_migrate(tensor, &move, &job));
  move.tier = "far";
  move.offset = 2 * kMiB;
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_migrate(tensor, &move, &job));
  move.offset = 1;
  move.bytes = UINT64_MAX;
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_migrate(tensor, &move, &job));
  move.offset = 0;
  move.bytes = 0;
  move.flags = 0x40;
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_migrate(tensor, &move, &job));
  CHECK(job.id == 5);
  CHECK_STATUS(TERRACE_OK, terrace_free(tensor));
}

static void bad_tier_files_are_named(void) {
  terrace_context none = {9};
  terrace_options options = {.struct_size = sizeof options, .tiers_file = "/nonexistent.toml"};
  CHECK_STATUS(TERRACE_IO, terrace_open(&options, &none));
  CHECK(said("/nonexistent.toml") && none.id == 9);
  options.tiers_file = tiers_file();
  options.class_tier[TERRACE_KV] = "hbm";
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_open(&options, &none));
  CHECK(said("\"hbm\"") && none.id == 9);
}

static void childs_calls_are_refused(terrace_context machine) {
  const pid_t child = fork();
  if (child == 0) {
    uint32_t count = 0;
    const terrace_tensor_options options = plain();
    terrace_tensor tensor;
    const int refused = terrace_tier_count(machine, &count) == TERRACE_BAD_HANDLE &&
                        terrace_allocate(machine, &options, &tensor, NULL) == TERRACE_BAD_HANDLE &&
                        terrace_close(machine) == TERRACE_BAD_HANDLE;
    terrace_context own;
    const int can_open = !CHILD_STARTS_THREADS ||
                         (open_machine(&own) == TERRACE_OK && terrace_close(own) == TERRACE_OK);
    _exit(refused && can_open ? 0 : 1);
  }
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void closed_context_takes_everything_along(void) {
  terrace_context first;
  terrace_context second;
  const terrace_tensor_options options = plain();
  const terrace_pool_options pool_options = {.struct_size = sizeof pool_options};
  terrace_tensor tensor;
  terrace_pool pool;
  terrace_job job;
  void* block;
  CHECK_STATUS(TERRACE_OK, open_machine(&first));
  CHECK_STATUS(TERRACE_OK, terrace_allocate(first, &options, &tensor, NULL));
  CHECK_STATUS(TERRACE_OK, terrace_pool_open(first, &pool_options, &pool));
  CHECK_STATUS(TERRACE_OK, terrace_pool_allocate(pool, 100, 0, &block));
  CHECK_STATUS(TERRACE_OK, terrace_prefetch(tensor, 0, &job));
  CHECK_STATUS(TERRACE_OK, terrace_close(first));
  CHECK_STATUS(TERRACE_BAD_HANDLE, terrace_close(first));
  CHECK_STATUS(TERRACE_OK, open_machine(&second));
  CHECK(second.id != first.id);
  CHECK_STATUS(TERRACE_BAD_HANDLE, terrace_free(tensor));
  CHECK_STATUS(TERRACE_BAD_HANDLE, terrace_pool_free(pool, block));
  CHECK_STATUS(TERRACE_BAD_HANDLE, terrace_job_wait(job, 0));
  CHECK_STATUS(TERRACE_OK, terrace_close(second));
}

static void too_many_contexts_are_refused(void) {
  terrace_context all[65];
  int opened = 0;
  while (opened < 65 && open_machine(&all[opened]) == TERRACE_OK) ++opened;
  CHECK(opened >= 2 && opened <= 64);
  for (int i = 0; i < opened; ++i) CHECK_STATUS(TERRACE_OK, terrace_close(all[i]));
}

int main(void) {
  terrace_context machine;
  CHECK_STATUS(TERRACE_OK, open_machine(&machine));
  if (failures != 0) return 1;
  ended_and_foreign_handles_are_refused(machine);
  structs_of_a_wrong_size_are_refused(machine);
  programs_of_a_later_version_are_understood(machine);
  numbers_out_of_range_are_refused(machine);
  wishes_that_mean_nothing_are_refused(machine);
  null_pointers_are_refused(machine);
  bad_moves_are_refused(machine);
  bad_tier_files_are_named();
  childs_calls_are_refused(machine);
  CHECK_STATUS(TERRACE_OK, terrace_close(machine));
  closed_context_takes_everything_along();
  too_many_contexts_are_refused();
  CHECK(strcmp(terrace_status_text(TERRACE_OK), "success") == 0);
  CHECK(strcmp(terrace_status_text(-1), "unknown status") == 0);
  CHECK(strcmp(terrace_status_text(1000), "unknown status") == 0);
  forget_machine();
  return failures == 0 ? 0 : 1;
}
