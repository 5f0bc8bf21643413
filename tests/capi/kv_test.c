// SPDX-License-Identifier: Apache-2.0
// The KV-cache through the C API: what a server does with it, on two tiers of real memory.
#include <stdint.h>
#include <string.h>

#include <terrace/kv.h>

#include "tests/capi/check.h"
#include "tests/capi/machine.h"

enum { kBlockTokens = 16, kLayers = 4, kLayerBytes = 4096, kPrompt = 100 };

static terrace_kv open_cache(terrace_context machine, uint64_t near, uint64_t far) {
  static const char* const kTiers[] = {"near", "far"};
  const uint64_t blocks[] = {near, far};
  const terrace_kv_options options = {.struct_size = sizeof options,
                                      .block_tokens = kBlockTokens,
                                      .layers = kLayers,
                                      .layer_bytes = kLayerBytes,
                                      .tier_count = 2,
                                      .tiers = kTiers,
                                      .tier_blocks = blocks};
  terrace_kv cache = {0};
  CHECK_STATUS(TERRACE_OK, terrace_kv_open(machine, &options, &cache));
  return cache;
}

static void fill_prompt(terrace_token* tokens, int32_t first) {
  for (int i = 0; i < kPrompt; ++i) tokens[i] = first + i;
}

static terrace_sequence begin(terrace_kv cache, const terrace_token* tokens, uint64_t most,
                              terrace_sequence_info* info) {
  const terrace_sequence_options options = {
      .struct_size = sizeof options, .tokens = tokens, .token_count = kPrompt, .max_tokens = most};
  terrace_sequence sequence = {0};
  info->struct_size = sizeof *info;
  CHECK_STATUS(TERRACE_OK, terrace_sequence_begin(cache, &options, &sequence, info));
  return sequence;
}

/// The byte that block `i` of a prompt has in a layer.
static unsigned char mark(int32_t first, uint64_t i, int layer) {
  return (unsigned char)(first * 31 + (int)i * 7 + layer + 1);
}

/// Writes, or else compares, the first `count` blocks; how many bytes were not as wanted.
static int each_byte(terrace_kv cache, terrace_sequence sequence, int32_t first, uint64_t count,
                     int writing) {
  terrace_kv_info info = {.struct_size = sizeof info};
  const uint32_t* table = NULL;
  uint64_t entries = 0;
  CHECK_STATUS(TERRACE_OK, terrace_kv_get(cache, &info));
  CHECK_STATUS(TERRACE_OK, terrace_sequence_table(sequence, &table, &entries));
  CHECK(entries >= count);
  int wrong = 0;
  for (uint64_t i = 0; i < count && i < entries; ++i) {
    for (int layer = 0; layer < kLayers; ++layer) {
      unsigned char* at =
          (unsigned char*)info.base + table[i] * info.block_bytes + layer * kLayerBytes;
      if (writing) memset(at, mark(first, i, layer), kLayerBytes);
      for (int k = 0; k < kLayerBytes; ++k) wrong += at[k] != mark(first, i, layer);
    }
  }
  return wrong;
}

static terrace_sequence compute(terrace_kv cache, int32_t first, uint64_t most) {
  terrace_token tokens[kPrompt];
  terrace_sequence_info at;
  fill_prompt(tokens, first);
  const terrace_sequence sequence = begin(cache, tokens, most, &at);
  CHECK_STATUS(TERRACE_OK,
               terrace_sequence_append(sequence, tokens + at.tokens, kPrompt - at.tokens));
  CHECK(each_byte(cache, sequence, first, kPrompt / kBlockTokens + 1, 1) == 0);
  CHECK_STATUS(TERRACE_OK, terrace_sequence_written(sequence, kPrompt));
  return sequence;
}

static void a_prefix_is_found_with_its_bytes(terrace_context machine) {
  const terrace_kv cache = open_cache(machine, 64, 64);
  const terrace_sequence writer = compute(cache, 1000, 200);
  terrace_token tokens[kPrompt];
  uint64_t matched = 0;
  fill_prompt(tokens, 1000);
  CHECK_STATUS(TERRACE_OK, terrace_kv_match(cache, tokens, kPrompt, 0, &matched));
  CHECK(matched == kPrompt / kBlockTokens * kBlockTokens);
  CHECK_STATUS(TERRACE_OK, terrace_kv_match(cache, tokens, kPrompt, 1, &matched));
  CHECK(matched == 0);
  terrace_sequence_info at;
  const terrace_sequence reader = begin(cache, tokens, 200, &at);
  CHECK(at.tokens == kPrompt / kBlockTokens * kBlockTokens);
  CHECK(at.shared_blocks == kPrompt / kBlockTokens);
  CHECK_STATUS(TERRACE_OK, terrace_sequence_wait_layer(reader, kLayers - 1));
  CHECK(each_byte(cache, reader, 1000, kPrompt / kBlockTokens, 0) == 0);
  terrace_sequence fork;
  CHECK_STATUS(TERRACE_OK, terrace_sequence_fork(writer, 200, &fork));
  CHECK_STATUS(TERRACE_OK, terrace_sequence_append(fork, tokens, 1));
  CHECK(each_byte(cache, fork, 1000, kPrompt / kBlockTokens + 1, 0) == 0);
  CHECK_STATUS(TERRACE_OK, terrace_sequence_end(fork));
  CHECK_STATUS(TERRACE_OK, terrace_sequence_end(reader));
  CHECK_STATUS(TERRACE_OK, terrace_sequence_end(writer));
  CHECK_STATUS(TERRACE_OK, terrace_kv_close(cache));
}

static void a_paused_sequence_goes_on(terrace_context machine, uint64_t near) {
  const terrace_kv cache = open_cache(machine, near, 64);
  const terrace_sequence first = compute(cache, 5000, 110);
  CHECK_STATUS(TERRACE_OK, terrace_sequence_pause(first));
  CHECK_STATUS(TERRACE_BUSY, terrace_sequence_append(first, NULL, 0));
  for (int32_t other = 1; other <= 3; ++other) {
    CHECK_STATUS(TERRACE_OK, terrace_sequence_end(compute(cache, 10000 * other, 110)));
  }
  CHECK_STATUS(TERRACE_OK, terrace_sequence_prefetch(first));
  terrace_sequence_info at = {.struct_size = sizeof at};
  CHECK_STATUS(TERRACE_OK, terrace_sequence_resume(first, &at));
  // All of it where nobody needed the room; else what demotion was in time to keep.
  CHECK(at.paused == 0 && at.tokens <= kPrompt && (near < 64 || at.tokens == kPrompt));
  CHECK_STATUS(TERRACE_OK, terrace_sequence_wait_layer(first, kLayers - 1));
  CHECK(each_byte(cache, first, 5000, at.blocks, 0) == 0);
  CHECK_STATUS(TERRACE_OK, terrace_kv_step(cache));
  CHECK(each_byte(cache, first, 5000, at.blocks, 0) == 0);
  CHECK_STATUS(TERRACE_OK, terrace_kv_close(cache));
  CHECK_STATUS(TERRACE_BAD_HANDLE, terrace_sequence_end(first));
}

static void a_lost_block_is_told_and_computed_again(terrace_context machine) {
  const terrace_kv cache = open_cache(machine, 16, 16);
  const terrace_sequence sequence = compute(cache, 3000, 110);
  terrace_sequence_info at = {.struct_size = sizeof at};
  CHECK_STATUS(TERRACE_OK, terrace_sequence_get(sequence, &at));
  CHECK(at.lost_from == TERRACE_NOTHING_LOST && at.tokens == kPrompt && at.blocks == 7);
  terrace_kv_info info = {.struct_size = sizeof info};
  const uint32_t* table = NULL;
  uint64_t entries = 0;
  CHECK_STATUS(TERRACE_OK, terrace_kv_get(cache, &info));
  CHECK_STATUS(TERRACE_OK, terrace_sequence_table(sequence, &table, &entries));
  const uint32_t lost = table[3];
  CHECK_STATUS(TERRACE_OK, terrace_kv_lose(cache, (char*)info.base + lost * info.block_bytes + 77));
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_kv_lose(cache, &at));
  CHECK_STATUS(TERRACE_OK, terrace_sequence_get(sequence, &at));
  CHECK(at.lost_from == 3 * kBlockTokens);
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_sequence_truncate(sequence, kPrompt + 1));
  CHECK_STATUS(TERRACE_OK, terrace_sequence_truncate(sequence, at.lost_from));
  terrace_token tokens[kPrompt];
  fill_prompt(tokens, 3000);
  CHECK_STATUS(TERRACE_OK,
               terrace_sequence_append(sequence, tokens + at.lost_from, kPrompt - at.lost_from));
  CHECK_STATUS(TERRACE_OK, terrace_sequence_table(sequence, &table, &entries));
  for (uint64_t i = 0; i < entries; ++i) CHECK(table[i] != lost);
  CHECK(each_byte(cache, sequence, 3000, kPrompt / kBlockTokens + 1, 1) == 0);
  CHECK_STATUS(TERRACE_OK, terrace_sequence_written(sequence, kPrompt));
  CHECK_STATUS(TERRACE_OK, terrace_sequence_get(sequence, &at));
  CHECK(at.lost_from == TERRACE_NOTHING_LOST && at.written_tokens == kPrompt);
  CHECK_STATUS(TERRACE_OK, terrace_kv_close(cache));
}

static void the_pools_are_the_contexts_and_stay(terrace_context machine) {
  const terrace_kv cache = open_cache(machine, 8, 8);
  terrace_kv_info info = {.struct_size = sizeof info};
  CHECK_STATUS(TERRACE_OK, terrace_kv_get(cache, &info));
  CHECK(info.tier_count == 2 && info.tier_blocks[0] == 8 && info.tier_blocks[1] == 8);
  terrace_tensor pool;
  terrace_tensor_info tensor = {.struct_size = sizeof tensor};
  CHECK_STATUS(TERRACE_OK, terrace_tensor_at(machine, info.base, &pool));
  CHECK_STATUS(TERRACE_OK, terrace_get_tensor(pool, &tensor));
  CHECK(tensor.kind == TERRACE_KV && tensor.pins == 1 && strcmp(tensor.name, "kv") == 0);
  CHECK_STATUS(TERRACE_BUSY, terrace_unpin(pool));
  CHECK_STATUS(TERRACE_BUSY, terrace_free(pool));
  CHECK_STATUS(TERRACE_OK, terrace_kv_close(cache));
  CHECK_STATUS(TERRACE_BAD_HANDLE, terrace_get_tensor(pool, &tensor));
  terrace_tier_info tier = {.struct_size = sizeof tier};
  CHECK_STATUS(TERRACE_OK, terrace_get_tier(machine, 0, &tier));
  CHECK(tier.used_bytes == 0);
}

static void misuse_gets_a_code_with_a_text(terrace_context machine) {
  const terrace_kv cache = open_cache(machine, 8, 8);
  terrace_sequence_options options = {.struct_size = sizeof options, .max_tokens = 16};
  terrace_sequence sequence;
  CHECK_STATUS(TERRACE_OK, terrace_sequence_begin(cache, &options, &sequence, NULL));
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_sequence_append(sequence, NULL, 1));
  const terrace_token tokens[20] = {0};
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_sequence_append(sequence, tokens, 17));
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_sequence_append(sequence, tokens, UINT64_MAX));
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_sequence_written(sequence, 1));
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_sequence_wait_layer(sequence, kLayers));
  CHECK_STATUS(TERRACE_OK, terrace_sequence_end(sequence));
  CHECK_STATUS(TERRACE_BAD_HANDLE, terrace_sequence_end(sequence));
  CHECK_STATUS(TERRACE_BAD_HANDLE, terrace_sequence_append(sequence, tokens, 1));
  CHECK_STATUS(TERRACE_BAD_HANDLE, terrace_sequence_end((terrace_sequence){cache.id}));
  CHECK_STATUS(TERRACE_BAD_HANDLE, terrace_kv_step((terrace_kv){sequence.id}));
  options.max_tokens = 0;
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_sequence_begin(cache, &options, &sequence, NULL));
  options.max_tokens = UINT64_MAX;
  CHECK_STATUS(TERRACE_NO_ROOM, terrace_sequence_begin(cache, &options, &sequence, NULL));
  CHECK(said("all pools together hold 16 blocks"));
  options.max_tokens = 16;
  options.struct_size = 3;
  CHECK_STATUS(TERRACE_BAD_STRUCT, terrace_sequence_begin(cache, &options, &sequence, NULL));
  options.struct_size = sizeof options;
  CHECK_STATUS(TERRACE_OK, terrace_kv_set_limit(cache, 0, 0));
  CHECK_STATUS(TERRACE_LIMIT, terrace_sequence_begin(cache, &options, &sequence, NULL));
  CHECK_STATUS(TERRACE_OK, terrace_kv_close(cache));
  CHECK_STATUS(TERRACE_BAD_HANDLE, terrace_kv_close(cache));
}

static void shapes_that_cannot_be_are_refused(terrace_context machine) {
  const terrace_kv_options good = {.struct_size = sizeof good,
                                   .block_tokens = 16,
                                   .layers = 2,
                                   .layer_bytes = 64,
                                   .blocks = 4,
                                   .recompute_growth_ppm = 600};
  terrace_kv cache;
  terrace_kv_options bad = good;
  bad.block_tokens = 0;
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_kv_open(machine, &bad, &cache));
  bad = good;
  bad.layers = 5000;
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_kv_open(machine, &bad, &cache));
  bad = good;
  bad.layer_bytes = 65;
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_kv_open(machine, &bad, &cache));
  bad = good;
  bad.policy = "opt";
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_kv_open(machine, &bad, &cache));
  CHECK(said("lru"));
  bad = good;
  bad.blocks = 1000000000;
  CHECK_STATUS(TERRACE_NO_ROOM, terrace_kv_open(machine, &bad, &cache));
  bad = good;
  bad.blocks = 0;
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_kv_open(machine, &bad, &cache));
  bad = good;
  bad.recompute_growth_ppm = 1000000001;
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_kv_open(machine, &bad, &cache));
  CHECK(said("recompute_growth_ppm"));
  // From before the field was there.
  bad.struct_size = offsetof(terrace_kv_options, recompute_growth_ppm);
  CHECK_STATUS(TERRACE_OK, terrace_kv_open(machine, &bad, &cache));
  CHECK_STATUS(TERRACE_OK, terrace_kv_close(cache));
  CHECK_STATUS(TERRACE_OK, terrace_kv_open(machine, &good, &cache));
  // Left open: the context's end is the cache's.
}

int main(void) {
  terrace_context machine;
  CHECK_STATUS(TERRACE_OK, open_machine(&machine));
  if (failures != 0) return 1;
  a_prefix_is_found_with_its_bytes(machine);
  a_paused_sequence_goes_on(machine, 64);
  a_paused_sequence_goes_on(machine, 16);
  a_lost_block_is_told_and_computed_again(machine);
  the_pools_are_the_contexts_and_stay(machine);
  misuse_gets_a_code_with_a_text(machine);
  shapes_that_cannot_be_are_refused(machine);
  CHECK_STATUS(TERRACE_OK, terrace_close(machine));
  forget_machine();
  return failures == 0 ? 0 : 1;
}
