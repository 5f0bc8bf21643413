// SPDX-License-Identifier: Apache-2.0
// The shortest use of the KV-cache: two requests with the same beginning. The second one computes
// only what the first one has not.
#include <stdio.h>
#include <stdlib.h>

#include <terrace/kv.h>

enum { kBlockTokens = 16, kLayers = 4, kWidth = 64, kPrompt = 100 };

static void need(terrace_status status) {
  if (status == TERRACE_OK) return;
  fprintf(stderr, "%s: %s\n", terrace_status_text(status), terrace_last_error());
  exit(1);
}

// What the model keeps of a token in a layer: kWidth floats.
static float* part_of(const terrace_kv_info* cache, const uint32_t* table, uint64_t position,
                      uint32_t layer) {
  char* block = (char*)cache->base + table[position / kBlockTokens] * cache->block_bytes;
  float* part = (float*)(block + layer * (cache->block_bytes / kLayers));
  return part + position % kBlockTokens * kWidth;
}

static void answer(terrace_kv kv, const terrace_kv_info* cache, const terrace_token* prompt) {
  terrace_sequence sequence;
  terrace_sequence_info at = {.struct_size = sizeof at};
  terrace_sequence_options options = {.struct_size = sizeof options,
                                      .tokens = prompt,
                                      .token_count = kPrompt,
                                      .max_tokens = kPrompt + 28};
  need(terrace_sequence_begin(kv, &options, &sequence, &at));
  need(terrace_sequence_append(sequence, prompt + at.tokens, kPrompt - at.tokens));

  const uint32_t* table;
  uint64_t blocks;
  need(terrace_sequence_table(sequence, &table, &blocks));
  double sum = 0;
  for (uint32_t layer = 0; layer < kLayers; ++layer) {
    need(terrace_sequence_wait_layer(sequence, layer));
    for (uint64_t i = at.tokens; i < kPrompt; ++i) {
      part_of(cache, table, i, layer)[0] = (float)(prompt[i] * (int)(layer + 1));
    }
    for (uint64_t i = 0; i < kPrompt; ++i) sum += part_of(cache, table, i, layer)[0];
  }
  need(terrace_sequence_written(sequence, kPrompt));
  printf("%2d tokens were there, %3d computed, sum %.0f, %d blocks\n", (int)at.tokens,
         (int)(kPrompt - at.tokens), sum, (int)blocks);
  need(terrace_sequence_end(sequence));
}

int main(void) {
  terrace_context machine;
  terrace_kv kv;
  terrace_kv_options options = {.struct_size = sizeof options,
                                .block_tokens = kBlockTokens,
                                .layers = kLayers,
                                .layer_bytes = kBlockTokens * kWidth * sizeof(float),
                                .blocks = 256};
  need(terrace_open(NULL, &machine));
  need(terrace_kv_open(machine, &options, &kv));
  terrace_kv_info cache = {.struct_size = sizeof cache};
  need(terrace_kv_get(kv, &cache));

  terrace_token prompt[kPrompt];
  for (int i = 0; i < kPrompt; ++i) prompt[i] = i;
  answer(kv, &cache, prompt);
  answer(kv, &cache, prompt);

  need(terrace_kv_close(kv));
  need(terrace_close(machine));
  return 0;
}
