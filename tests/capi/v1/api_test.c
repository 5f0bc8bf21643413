// SPDX-License-Identifier: Apache-2.0
// api_test.c as it was with the first version of terrace.h, whose copy stands beside this: what a
// program built then does with the library of now. Neither is changed once that version is out.
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/capi/check.h"
#include "tests/capi/machine.h"

static const uint64_t kMiB = 1 << 20;
static const uint64_t kForEver = UINT64_MAX;

static terrace_tensor make(terrace_context machine, uint64_t mib, const char* tier, void** at) {
  const terrace_tensor_options options = {.struct_size = sizeof options,
                                          .kind = TERRACE_WEIGHT,
                                          .bytes = mib * kMiB,
                                          .name = "blk.7.attn_q",
                                          .layer = 7,
                                          .tier = tier};
  terrace_tensor tensor = {0};
  CHECK_STATUS(TERRACE_OK, terrace_allocate(machine, &options, &tensor, at));
  return tensor;
}

static terrace_tensor_info info_of(terrace_tensor tensor) {
  terrace_tensor_info info = {.struct_size = sizeof info};
  CHECK_STATUS(TERRACE_OK, terrace_get_tensor(tensor, &info));
  return info;
}

static terrace_tier_info tier_of(terrace_context machine, uint32_t index) {
  terrace_tier_info info = {.struct_size = sizeof info};
  CHECK_STATUS(TERRACE_OK, terrace_get_tier(machine, index, &info));
  return info;
}

static void fill(unsigned char* at, uint64_t bytes, unsigned seed) {
  for (uint64_t i = 0; i < bytes; i += 64) at[i] = (unsigned char)(i / 64 * 7 + seed);
}

static int holds(const unsigned char* at, uint64_t bytes, unsigned seed) {
  for (uint64_t i = 0; i < bytes; i += 64) {
    if (at[i] != (unsigned char)(i / 64 * 7 + seed)) return 0;
  }
  return 1;
}

static terrace_status move_to(terrace_tensor tensor, const char* tier, uint32_t flags,
                              terrace_job_info* info) {
  const terrace_move_options options = {
      .struct_size = sizeof options, .flags = flags, .tier = tier};
  terrace_job job;
  const terrace_status begun = terrace_migrate(tensor, &options, &job);
  if (begun != TERRACE_OK) return begun;
  const terrace_status ended = terrace_job_wait(job, kForEver);
  if (info != NULL) CHECK_STATUS(TERRACE_OK, terrace_job_poll(job, info));
  CHECK_STATUS(TERRACE_OK, terrace_job_end(job));
  return ended;
}

static void discovers_this_machine(void) {
  terrace_context machine;
  CHECK_STATUS(TERRACE_OK, terrace_open(NULL, &machine));
  uint32_t count = 0;
  CHECK_STATUS(TERRACE_OK, terrace_tier_count(machine, &count));
  CHECK(count >= 1);
  const terrace_tier_info fastest = tier_of(machine, 0);
  CHECK(fastest.name[0] != '\0');
  CHECK(fastest.capacity_bytes > 0);
  CHECK(fastest.free_bytes <= fastest.capacity_bytes);
  CHECK_STATUS(TERRACE_OK, terrace_close(machine));
}

static void says_what_each_tier_has(terrace_context machine) {
  uint32_t count = 0;
  uint32_t far = 0;
  CHECK_STATUS(TERRACE_OK, terrace_tier_count(machine, &count));
  CHECK(count == 2);
  CHECK_STATUS(TERRACE_OK, terrace_find_tier(machine, "far", &far));
  CHECK(far == 1);
  CHECK(tier_of(machine, 0).kind == TERRACE_TIER_DRAM);
  CHECK(tier_of(machine, 0).node_count == 1);
  CHECK(tier_of(machine, 1).kind == TERRACE_TIER_FILE);
  CHECK(tier_of(machine, 1).capacity_bytes == kFarMiB * kMiB);
  CHECK(tier_of(machine, 1).read_gbps == 2.0);
  void* at = NULL;
  const uint64_t before = tier_of(machine, 0).free_bytes;
  const terrace_tensor tensor = make(machine, 6, "near", &at);
  CHECK(tier_of(machine, 0).used_bytes == 6 * kMiB);
  CHECK(tier_of(machine, 0).free_bytes == before - 6 * kMiB);
  CHECK_STATUS(TERRACE_OK, terrace_free(tensor));
  CHECK(tier_of(machine, 0).used_bytes == 0);
}

static void tensor_is_zero_aligned_and_described(terrace_context machine) {
  const terrace_tensor_options options = {.struct_size = sizeof options,
                                          .kind = TERRACE_KV,
                                          .bytes = 5 * kMiB + 3,
                                          .alignment = 16 * kMiB,
                                          .name = "kv",
                                          .layer = -3,
                                          .pages = TERRACE_PAGES_SMALL,
                                          .tier = "far"};
  terrace_tensor tensor;
  void* at = NULL;
  CHECK_STATUS(TERRACE_OK, terrace_allocate(machine, &options, &tensor, &at));
  CHECK((uintptr_t)at % (16 * kMiB) == 0);
  const unsigned char* bytes = at;
  uint64_t sum = 0;
  for (uint64_t i = 0; i < options.bytes; ++i) sum += bytes[i];
  CHECK(sum == 0);
  const terrace_tensor_info info = info_of(tensor);
  CHECK(info.kind == TERRACE_KV && info.layer == -3 && strcmp(info.name, "kv") == 0);
  CHECK(info.address == at && info.bytes == options.bytes && info.adopted == 0);
  CHECK(info.tier_bytes[1] == 6 * kMiB && info.tier_bytes[0] == 0 && info.other_bytes == 0);
  terrace_tensor same = {0};
  CHECK_STATUS(TERRACE_OK, terrace_tensor_at(machine, bytes + 4 * kMiB, &same));
  CHECK(same.id == tensor.id);
  CHECK_STATUS(TERRACE_OK, terrace_free(tensor));
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_tensor_at(machine, at, &same));
}

static void shares_spread_block_by_block(terrace_context machine) {
  const double shares[] = {3, 1};
  const terrace_tensor_options options = {
      .struct_size = sizeof options, .bytes = 32 * kMiB, .shares = shares, .share_count = 2};
  terrace_tensor tensor;
  void* at = NULL;
  CHECK_STATUS(TERRACE_OK, terrace_allocate(machine, &options, &tensor, &at));
  memset(at, 1, 32 * kMiB);
  const terrace_tensor_info info = info_of(tensor);
  CHECK(info.tier_bytes[0] == 24 * kMiB && info.tier_bytes[1] == 8 * kMiB);
  uint32_t seen[TERRACE_MAX_TIERS];
  uint32_t absent = 99;
  CHECK_STATUS(TERRACE_OK, terrace_look(tensor, 0, seen, &absent));
  CHECK(seen[0] == 12 && seen[1] == 4 && absent == 0);
  CHECK_STATUS(TERRACE_OK, terrace_free(tensor));
}

// Events, which come from another thread.
struct Seen {
  pthread_mutex_t lock;
  pthread_cond_t more;
  int pressures;
  int evictions;
  uint64_t bytes;
};

static void note(void* user, const terrace_event* event) {
  struct Seen* seen = user;
  pthread_mutex_lock(&seen->lock);
  if (event->kind == TERRACE_EVENT_PRESSURE) ++seen->pressures;
  if (event->kind == TERRACE_EVENT_EVICTION) ++seen->evictions;
  seen->bytes += event->bytes;
  pthread_cond_broadcast(&seen->more);
  pthread_mutex_unlock(&seen->lock);
}

/// Waits until so many have come; no more than these.
static int comes(struct Seen* seen, const int* count, int wanted) {
  pthread_mutex_lock(&seen->lock);
  while (*count < wanted) pthread_cond_wait(&seen->more, &seen->lock);
  const int right = *count == wanted;
  pthread_mutex_unlock(&seen->lock);
  return right;
}

static void full_tier_spills_tells_and_strict_refuses(terrace_context machine) {
  struct Seen seen = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0};
  CHECK_STATUS(TERRACE_OK, terrace_set_event_handler(machine, note, &seen));
  const terrace_tensor large = make(machine, kNearMiB + 4, "near", NULL);
  const terrace_tensor_info info = info_of(large);
  CHECK(info.tier_bytes[0] == kNearMiB * kMiB && info.tier_bytes[1] == 4 * kMiB);
  CHECK(comes(&seen, &seen.pressures, 1));
  CHECK(seen.bytes == 4 * kMiB);
  terrace_tensor_options options = {.struct_size = sizeof options,
                                    .bytes = 2 * kMiB,
                                    .tier = "near",
                                    .flags = TERRACE_TENSOR_STRICT};
  terrace_tensor none = {77};
  CHECK_STATUS(TERRACE_NO_ROOM, terrace_allocate(machine, &options, &none, NULL));
  CHECK(none.id == 77 && said("near") && said("0 MiB"));
  CHECK(comes(&seen, &seen.pressures, 2));
  CHECK_STATUS(TERRACE_OK, terrace_set_event_handler(machine, NULL, NULL));
  CHECK_STATUS(TERRACE_OK, terrace_free(large));
}

static void resized_tensor_keeps_its_content(terrace_context machine) {
  for (int far = 0; far < 2; ++far) {
    void* at = NULL;
    const terrace_tensor tensor = make(machine, 6, far ? "far" : "near", &at);
    fill(at, 6 * kMiB, 5);
    CHECK_STATUS(TERRACE_OK, terrace_resize(tensor, 20 * kMiB, &at));
    CHECK(holds(at, 6 * kMiB, 5));
    CHECK(((unsigned char*)at)[19 * kMiB] == 0);
    CHECK(info_of(tensor).tier_bytes[far] == 20 * kMiB);
    CHECK_STATUS(TERRACE_OK, terrace_resize(tensor, 3 * kMiB, &at));
    CHECK(holds(at, 3 * kMiB, 5));
    CHECK(info_of(tensor).tier_bytes[far] == 4 * kMiB);
    CHECK_STATUS(TERRACE_OK, terrace_resize(tensor, 4 * kMiB, &at));
    CHECK(((unsigned char*)at)[3 * kMiB + 64] == 0);
    CHECK(tier_of(machine, (uint32_t)far).used_bytes == 4 * kMiB);
    CHECK_STATUS(TERRACE_OK, terrace_free(tensor));
  }
}

static void moves_there_and_back_without_a_change(terrace_context machine) {
  void* at = NULL;
  const terrace_tensor tensor = make(machine, 20, "near", &at);
  fill(at, 20 * kMiB, 9);
  terrace_job_info info = {.struct_size = sizeof info};
  const terrace_status moved = move_to(tensor, "far", 0, &info);
  if (moved == TERRACE_UNSUPPORTED) {
    printf("skipped: moves between memory and files: %s\n", terrace_last_error());
  } else {
    CHECK_STATUS(TERRACE_OK, moved);
    CHECK(info.state == TERRACE_JOB_ENDED && info.result == TERRACE_OK);
    CHECK(info.moved_bytes == 20 * kMiB && info.total_bytes == 20 * kMiB);
    CHECK(holds(at, 20 * kMiB, 9));
    CHECK(info_of(tensor).tier_bytes[1] == 20 * kMiB && info_of(tensor).address == at);
    CHECK(tier_of(machine, 0).used_bytes == 0);
    CHECK_STATUS(TERRACE_OK, move_to(tensor, "near", 0, NULL));
    CHECK(holds(at, 20 * kMiB, 9));
    CHECK(info_of(tensor).tier_bytes[0] == 20 * kMiB);
    CHECK(tier_of(machine, 1).used_bytes == 0);
    CHECK(info_of(tensor).moved_bytes == 40 * kMiB);
  }
  CHECK_STATUS(TERRACE_OK, terrace_free(tensor));
}

static void pinned_tensor_stays(terrace_context machine) {
  const terrace_tensor tensor = make(machine, 4, "near", NULL);
  CHECK_STATUS(TERRACE_OK, terrace_pin(tensor));
  CHECK_STATUS(TERRACE_BUSY, move_to(tensor, "far", 0, NULL));
  CHECK_STATUS(TERRACE_BUSY, terrace_resize(tensor, 8 * kMiB, NULL));
  CHECK_STATUS(TERRACE_BUSY, terrace_free(tensor));
  CHECK(said("pinned") && info_of(tensor).pins == 1);
  CHECK_STATUS(TERRACE_OK, terrace_unpin(tensor));
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_unpin(tensor));
  CHECK_STATUS(TERRACE_OK, terrace_free(tensor));
}

static void prefetch_takes_the_room_of_what_is_used_last(terrace_context machine) {
  struct Seen seen = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0};
  void* cold_at = NULL;
  void* wanted_at = NULL;
  CHECK_STATUS(TERRACE_OK, terrace_set_event_handler(machine, note, &seen));
  const terrace_tensor soon = make(machine, 32, "near", NULL);
  const terrace_tensor last = make(machine, 32, "near", &cold_at);
  const terrace_tensor wanted = make(machine, 8, "far", &wanted_at);
  fill(cold_at, 32 * kMiB, 1);
  fill(wanted_at, 8 * kMiB, 2);
  CHECK_STATUS(TERRACE_OK, terrace_next_use(soon, 1, 0));
  CHECK_STATUS(TERRACE_OK, terrace_next_use(last, 1, 5));
  CHECK_STATUS(TERRACE_OK, terrace_next_use(wanted, 0, 3));
  terrace_job job;
  CHECK_STATUS(TERRACE_OK, terrace_prefetch(wanted, 1, &job));
  const terrace_status done = terrace_job_wait(job, kForEver);
  terrace_job_info info = {.struct_size = sizeof info};
  CHECK_STATUS(TERRACE_OK, terrace_job_poll(job, &info));
  if (done == TERRACE_OK) {
    CHECK(info.evicted_bytes == 8 * kMiB);
    CHECK(info_of(wanted).tier_bytes[0] == 8 * kMiB && info_of(soon).tier_bytes[0] == 32 * kMiB);
    CHECK(info_of(last).tier_bytes[0] == 24 * kMiB && info_of(last).tier_bytes[1] == 8 * kMiB);
    CHECK(holds(cold_at, 32 * kMiB, 1) && holds(wanted_at, 8 * kMiB, 2));
    CHECK(comes(&seen, &seen.evictions, 1));
    terrace_traffic traffic = {.struct_size = sizeof traffic};
    CHECK_STATUS(TERRACE_OK, terrace_get_traffic(machine, &traffic));
    CHECK(traffic.evicted_bytes >= 8 * kMiB);
  } else {
    printf("skipped: room by eviction: %s\n", info.reason);
  }
  CHECK_STATUS(TERRACE_OK, terrace_job_end(job));
  CHECK_STATUS(TERRACE_OK, terrace_set_event_handler(machine, NULL, NULL));
  CHECK_STATUS(TERRACE_OK, terrace_free(soon));
  CHECK_STATUS(TERRACE_OK, terrace_free(last));
  CHECK_STATUS(TERRACE_OK, terrace_free(wanted));
}

static void nothing_leaves_for_what_is_used_later(terrace_context machine) {
  const terrace_tensor soon = make(machine, kNearMiB, "near", NULL);
  const terrace_tensor later = make(machine, 8, "far", NULL);
  CHECK_STATUS(TERRACE_OK, terrace_next_use(soon, 1, 0));
  CHECK_STATUS(TERRACE_OK, terrace_next_use(later, 2, 0));
  CHECK_STATUS(TERRACE_NO_ROOM, move_to(later, "near", TERRACE_MOVE_MAKE_ROOM, NULL));
  CHECK(said("near is full") && info_of(soon).tier_bytes[0] == kNearMiB * kMiB);
  CHECK_STATUS(TERRACE_OK, terrace_free(soon));
  CHECK_STATUS(TERRACE_OK, terrace_free(later));
}

static void touches_are_counted_by_tier(terrace_context machine) {
  const double shares[] = {1, 1};
  const terrace_tensor_options options = {
      .struct_size = sizeof options, .bytes = 8 * kMiB, .shares = shares, .share_count = 2};
  terrace_tensor tensor;
  terrace_traffic before = {.struct_size = sizeof before};
  terrace_traffic after = {.struct_size = sizeof after};
  CHECK_STATUS(TERRACE_OK, terrace_allocate(machine, &options, &tensor, NULL));
  CHECK_STATUS(TERRACE_OK, terrace_get_traffic(machine, &before));
  CHECK_STATUS(TERRACE_OK, terrace_step(machine));
  CHECK_STATUS(TERRACE_OK, terrace_phase(machine, 4));
  CHECK_STATUS(TERRACE_OK, terrace_touch(tensor, 1000, 10));
  CHECK_STATUS(TERRACE_OK, terrace_get_traffic(machine, &after));
  CHECK(after.step == before.step + 1 && after.phase == 4);
  CHECK(after.read_bytes[0] - before.read_bytes[0] == 500);
  CHECK(after.read_bytes[1] - before.read_bytes[1] == 500);
  CHECK(after.written_bytes[1] - before.written_bytes[1] == 5);
  CHECK(info_of(tensor).read_bytes == 1000 && info_of(tensor).written_bytes == 10);
  CHECK_STATUS(TERRACE_OK, terrace_free(tensor));
}

static void adopted_memory_stays_the_callers(terrace_context machine) {
  const uint64_t size = 8 * kMiB;
  void* at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(at != MAP_FAILED);
  fill(at, size, 3);
  const terrace_tensor_options options = {
      .struct_size = sizeof options, .kind = TERRACE_KV, .bytes = size, .name = "own"};
  terrace_tensor tensor;
  terrace_tensor again;
  CHECK_STATUS(TERRACE_OK, terrace_adopt(machine, at, &options, &tensor));
  CHECK_STATUS(TERRACE_BUSY, terrace_adopt(machine, at, &options, &again));
  CHECK(info_of(tensor).adopted == 1 && info_of(tensor).address == at);
  terrace_tensor found = {0};
  CHECK_STATUS(TERRACE_OK, terrace_tensor_at(machine, (char*)at + size - 1, &found));
  CHECK(found.id == tensor.id);
  CHECK_STATUS(TERRACE_OK, move_to(tensor, "near", 0, NULL));
  CHECK(info_of(tensor).tier_bytes[0] == size);
  CHECK_STATUS(TERRACE_UNSUPPORTED, move_to(tensor, "far", 0, NULL));
  CHECK_STATUS(TERRACE_UNSUPPORTED, terrace_resize(tensor, 2 * size, NULL));
  CHECK_STATUS(TERRACE_OK, terrace_free(tensor));
  CHECK(holds(at, size, 3));
  CHECK(munmap(at, size) == 0);
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_adopt(machine, at, &options, &tensor));
}

static void pool_gives_small_blocks_of_its_tier(terrace_context machine) {
  const terrace_pool_options options = {
      .struct_size = sizeof options, .tier = "far", .name = "norms", .limit_bytes = 16 * kMiB};
  terrace_pool pool;
  CHECK_STATUS(TERRACE_OK, terrace_pool_open(machine, &options, &pool));
  void* blocks[100];
  for (int i = 0; i < 100; ++i) {
    CHECK_STATUS(TERRACE_OK, terrace_pool_allocate(pool, 4096, 256, &blocks[i]));
    CHECK((uintptr_t)blocks[i] % 256 == 0);
    memset(blocks[i], i, 4096);
  }
  CHECK(tier_of(machine, 1).used_bytes > 0 && tier_of(machine, 0).used_bytes == 0);
  for (int i = 0; i < 100; ++i) {
    CHECK(((unsigned char*)blocks[i])[4095] == i);
    CHECK_STATUS(TERRACE_OK, terrace_pool_free(pool, blocks[i]));
  }
  void* huge = NULL;
  CHECK_STATUS(TERRACE_NO_ROOM, terrace_pool_allocate(pool, 64 * kMiB, 0, &huge));
  CHECK_STATUS(TERRACE_OK, terrace_pool_close(pool));
  CHECK_STATUS(TERRACE_BAD_HANDLE, terrace_pool_close(pool));
  CHECK(tier_of(machine, 1).used_bytes == 0);
}

int main(void) {
  discovers_this_machine();
  terrace_context machine;
  CHECK_STATUS(TERRACE_OK, open_machine(&machine));
  if (failures != 0) return 1;
  says_what_each_tier_has(machine);
  tensor_is_zero_aligned_and_described(machine);
  shares_spread_block_by_block(machine);
  full_tier_spills_tells_and_strict_refuses(machine);
  resized_tensor_keeps_its_content(machine);
  moves_there_and_back_without_a_change(machine);
  pinned_tensor_stays(machine);
  prefetch_takes_the_room_of_what_is_used_last(machine);
  nothing_leaves_for_what_is_used_later(machine);
  touches_are_counted_by_tier(machine);
  adopted_memory_stays_the_callers(machine);
  pool_gives_small_blocks_of_its_tier(machine);
  CHECK_STATUS(TERRACE_OK, terrace_close(machine));
  forget_machine();
  return failures == 0 ? 0 : 1;
}
