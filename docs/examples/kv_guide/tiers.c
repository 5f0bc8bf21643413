// SPDX-License-Identifier: Apache-2.0
// tiers TIER_FILE: the KV-cache over two tiers, `near` and `far`: pools, refusals, limits, pause
// and resume, loss, statistics. Explained by docs/kv-cache.md.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <terrace/kv.h>

enum { kBlockTokens = 16, kLayers = 4, kLayerBytes = 4096, kPrompt = 64 };

static void need(terrace_status status) {
  if (status == TERRACE_OK) return;
  fprintf(stderr, "%s: %s\n", terrace_status_text(status), terrace_last_error());
  exit(1);
}

// What terrace_kv_get() says once and for all.
struct cache {
  terrace_kv kv;
  char* base;
  uint64_t block_bytes;
};

static struct cache open_cache(terrace_context machine) {
  const char* const tiers[] = {"near", "far"};
  const uint64_t blocks[] = {16, 48};
  terrace_kv_options options = {.struct_size = sizeof options,
                                .block_tokens = kBlockTokens,
                                .layers = kLayers,
                                .layer_bytes = kLayerBytes,
                                .tier_count = 2,
                                .tiers = tiers,
                                .tier_blocks = blocks};
  terrace_kv kv;
  need(terrace_kv_open(machine, &options, &kv));

  terrace_kv_info info = {.struct_size = sizeof info};
  need(terrace_kv_get(kv, &info));
  return (struct cache){kv, info.base, info.block_bytes};
}

// Stands for the model: fills the blocks from a token on, or counts those that are not as it would
// have filled them.
static int model(const struct cache* cache, terrace_sequence sequence, uint64_t first_token,
                 int compute) {
  const uint32_t* table;
  uint64_t blocks;
  int wrong = 0;
  need(terrace_sequence_table(sequence, &table, &blocks));
  for (uint32_t layer = 0; layer < kLayers; ++layer) {
    need(terrace_sequence_wait_layer(sequence, layer));
    for (uint64_t i = first_token / kBlockTokens; i < blocks; ++i) {
      unsigned char* at =
          (unsigned char*)cache->base + table[i] * cache->block_bytes + layer * kLayerBytes;
      const unsigned char value = (unsigned char)(i * kLayers + layer + 1);
      if (compute) memset(at, value, kLayerBytes);
      wrong += at[0] != value || memcmp(at, at + 1, kLayerBytes - 1) != 0;
    }
  }
  return wrong;
}

// A user's turn: what is not there is computed.
static terrace_sequence begin(const struct cache* cache, uint32_t user) {
  terrace_token prompt[kPrompt];
  for (int i = 0; i < kPrompt; ++i) prompt[i] = (terrace_token)user * 1000 + i;
  terrace_sequence_options options = {.struct_size = sizeof options,
                                      .tokens = prompt,
                                      .token_count = kPrompt,
                                      .max_tokens = kPrompt,
                                      .tenant = user};
  terrace_sequence_info at = {.struct_size = sizeof at};
  terrace_sequence sequence;
  need(terrace_sequence_begin(cache->kv, &options, &sequence, &at));
  need(terrace_sequence_append(sequence, prompt + at.tokens, kPrompt - at.tokens));
  model(cache, sequence, at.tokens, 1);
  need(terrace_sequence_written(sequence, kPrompt));
  return sequence;
}

static void be_refused(const struct cache* cache) {
  terrace_sequence large, other;
  terrace_sequence_options options = {.struct_size = sizeof options,
                                      .max_tokens = 60 * kBlockTokens};
  need(terrace_sequence_begin(cache->kv, &options, &large, NULL));
  options.max_tokens = 5 * kBlockTokens;
  if (terrace_sequence_begin(cache->kv, &options, &other, NULL) == TERRACE_NO_ROOM) {
    printf("refused: %s\n", terrace_last_error());
  }
  need(terrace_sequence_end(large));

  need(terrace_kv_set_limit(cache->kv, 7, 4));
  options.tenant = 7;
  if (terrace_sequence_begin(cache->kv, &options, &other, NULL) == TERRACE_LIMIT) {
    printf("refused: %s\n", terrace_last_error());
  }
  need(terrace_kv_set_limit(cache->kv, 7, UINT64_MAX));
}

static void pause_and_resume(const struct cache* cache) {
  terrace_sequence sequence = begin(cache, 1);
  need(terrace_sequence_pause(sequence));
  // Six others fill the near tier meanwhile.
  for (uint32_t user = 2; user < 8; ++user) need(terrace_sequence_end(begin(cache, user)));
  need(terrace_sequence_prefetch(sequence));

  terrace_sequence_info at = {.struct_size = sizeof at};
  need(terrace_sequence_resume(sequence, &at));
  printf("resumed with %d of %d tokens, %d blocks wrong\n", (int)at.tokens, kPrompt,
         model(cache, sequence, 0, 0));
  need(terrace_kv_step(cache->kv));
  need(terrace_sequence_end(sequence));
}

static void lose_a_block(const struct cache* cache) {
  terrace_sequence sequence = begin(cache, 8);
  terrace_sequence_info info = {.struct_size = sizeof info};
  const uint32_t* table;
  uint64_t blocks;
  need(terrace_sequence_table(sequence, &table, &blocks));
  // As a handler of memory errors would, with the address that it was told.
  need(terrace_kv_lose(cache->kv, cache->base + table[2] * cache->block_bytes));

  need(terrace_sequence_get(sequence, &info));
  if (info.lost_from == TERRACE_NOTHING_LOST) return;
  const uint64_t lost_from = info.lost_from;
  printf("lost from token %d on\n", (int)lost_from);
  need(terrace_sequence_truncate(sequence, lost_from));
  terrace_token again[kPrompt];
  for (int i = 0; i < kPrompt; ++i) again[i] = 8000 + i;
  need(terrace_sequence_append(sequence, again + lost_from, kPrompt - lost_from));
  model(cache, sequence, lost_from, 1);
  need(terrace_sequence_written(sequence, kPrompt));
  printf("computed again, %d blocks wrong\n", model(cache, sequence, 0, 0));
  need(terrace_sequence_end(sequence));
}

static void print_statistics(const struct cache* cache) {
  terrace_kv_info info = {.struct_size = sizeof info};
  need(terrace_kv_get(cache->kv, &info));
  uint64_t hits = 0, cached = 0;
  for (uint32_t tier = 0; tier < info.tier_count; ++tier) {
    hits += info.hit_blocks[tier];
    cached += info.cached_blocks[tier];
  }
  printf("%d of %d looked-up blocks were there, %d are cached, %d lost, %d sequences refused\n",
         (int)hits, (int)info.looked_up_blocks, (int)cached, (int)info.lost_blocks,
         (int)info.refused_sequences);
}

int main(int argc, char** argv) {
  terrace_context machine;
  terrace_options options = {.struct_size = sizeof options,
                             .tiers_file = argc > 1 ? argv[1] : NULL};
  need(terrace_open(&options, &machine));
  const struct cache cache = open_cache(machine);
  be_refused(&cache);
  pause_and_resume(&cache);
  lose_a_block(&cache);
  print_statistics(&cache);
  need(terrace_kv_close(cache.kv));
  need(terrace_close(machine));
  return 0;
}
