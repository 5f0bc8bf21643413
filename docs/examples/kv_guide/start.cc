// SPDX-License-Identifier: Apache-2.0
// start.c in C++.
#include <cstdint>
#include <cstdio>
#include <numeric>
#include <span>
#include <vector>

#include <terrace/kv.hpp>

namespace {

constexpr std::uint32_t kBlockTokens = 16;
constexpr std::uint32_t kLayers = 4;
constexpr std::uint32_t kWidth = 64;

void answer(terrace::KvCache& cache, const terrace::KvBlocks& blocks,
            std::span<const terrace_token> prompt) {
  auto [sequence, at] = cache.begin({.tokens = prompt, .max_tokens = prompt.size() + 28});
  sequence.append(prompt.subspan(at.tokens));

  const std::span<const std::uint32_t> table = sequence.table();
  const auto part_of = [&](std::size_t position, std::uint32_t layer) -> float& {
    const auto part = blocks.layer_as<float>(table[position / kBlockTokens], layer);
    return part[position % kBlockTokens * kWidth];
  };
  double sum = 0;
  for (std::uint32_t layer = 0; layer < kLayers; ++layer) {
    sequence.wait_layer(layer);
    for (std::size_t i = at.tokens; i < prompt.size(); ++i) {
      part_of(i, layer) = static_cast<float>(prompt[i] * static_cast<int>(layer + 1));
    }
    for (std::size_t i = 0; i < prompt.size(); ++i) sum += static_cast<double>(part_of(i, layer));
  }
  sequence.written(prompt.size());
  std::printf("%2d tokens were there, %3d computed, sum %.0f, %d blocks\n",
              static_cast<int>(at.tokens), static_cast<int>(prompt.size() - at.tokens), sum,
              static_cast<int>(table.size()));
}

}  // namespace

int main() try {
  terrace::Machine machine;
  terrace::KvCache cache(machine, {.block_tokens = kBlockTokens,
                                   .layers = kLayers,
                                   .layer_bytes = kBlockTokens * kWidth * sizeof(float),
                                   .blocks = 256});
  const terrace::KvBlocks blocks = cache.blocks(kLayers);

  std::vector<terrace_token> prompt(100);
  std::iota(prompt.begin(), prompt.end(), 0);
  answer(cache, blocks, prompt);
  answer(cache, blocks, prompt);
} catch (const terrace::ApiError& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
