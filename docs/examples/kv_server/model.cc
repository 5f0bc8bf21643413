// SPDX-License-Identifier: Apache-2.0
#include "model.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace kv_server {
namespace {

/// Splitmix64 (Steele, Lea, Flood 2014): the same numbers on every machine.
class Numbers {
 public:
  /// Between -1 and 1.
  float next() {
    state_ += 0x9E3779B97F4A7C15;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    z ^= z >> 31;
    return static_cast<float>(static_cast<std::int64_t>(z) >> 40) * 0x1p-23f;
  }

 private:
  std::uint64_t state_ = 7;
};

/// Scaled so that a product's variance is that of what goes in.
template <typename Matrix>
void fill(Matrix& matrix, std::size_t inputs, Numbers& numbers) {
  const float scale = std::sqrt(3.0f / static_cast<float>(inputs));
  for (auto& row : matrix) {
    for (float& weight : row) weight = scale * numbers.next();
  }
}

template <std::size_t Inputs, std::size_t Outputs>
std::array<float, Outputs> product(const std::array<float, Inputs>& input,
                                   const std::array<std::array<float, Outputs>, Inputs>& matrix) {
  std::array<float, Outputs> sum{};
  for (std::size_t i = 0; i < Inputs; ++i) {
    for (std::size_t j = 0; j < Outputs; ++j) sum[j] += input[i] * matrix[i][j];
  }
  return sum;
}

/// Root-mean-square norm.
std::array<float, kWidth> normed(const std::array<float, kWidth>& state) {
  float squares = 0;
  for (const float value : state) squares += value * value;
  const float scale = 1.0f / std::sqrt(squares / static_cast<float>(kWidth) + 1e-6f);
  std::array<float, kWidth> result;
  for (std::size_t i = 0; i < kWidth; ++i) result[i] = state[i] * scale;
  return result;
}

/// FNV-1a.
std::uint32_t digest_of(const std::array<float, kWidth>& state) {
  std::uint32_t digest = 2166136261u;
  for (const float value : state) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    digest = (digest ^ bits) * 16777619u;
    digest = (digest ^ (bits >> 16)) * 16777619u;
  }
  return digest;
}

}  // namespace

Model::Model()
    : layers_(kLayers), embedding_(static_cast<std::size_t>(kVocabulary)), places_(kMaxTokens) {
  Numbers numbers;
  fill(embedding_, 3, numbers);
  for (Layer& layer : layers_) {
    for (Square* square : {&layer.query, &layer.key, &layer.value, &layer.out}) {
      fill(*square, kWidth, numbers);
    }
    fill(layer.up, kWidth, numbers);
    fill(layer.down, kHidden, numbers);
  }
  // Sines and cosines of falling frequencies, as in "Attention is all you need".
  for (std::size_t place = 0; place < kMaxTokens; ++place) {
    for (std::size_t i = 0; i < kWidth; i += 2) {
      const double rate = std::pow(1e4, -static_cast<double>(i) / kWidth);
      places_[place][i] = static_cast<float>(std::sin(static_cast<double>(place) * rate));
      places_[place][i + 1] = static_cast<float>(std::cos(static_cast<double>(place) * rate));
    }
  }
}

Model::State Model::attend(const State& query, std::size_t layer, std::size_t position,
                           KeysValues& cache) {
  thread_local std::vector<std::array<float, kHeads>> weights(kMaxTokens);
  std::array<float, kHeads> highest;
  highest.fill(-1e30f);
  for (std::size_t i = 0; i <= position; ++i) {
    const float* const key = cache.at(layer, i);
    for (std::size_t head = 0; head < kHeads; ++head) {
      float score = 0;
      const std::size_t first = head * kHeadWidth;
      for (std::size_t j = first; j < first + kHeadWidth; ++j) score += query[j] * key[j];
      weights[i][head] = score * 0.25f;  // 1 / sqrt(kHeadWidth)
      highest[head] = std::max(highest[head], weights[i][head]);
    }
  }
  std::array<float, kHeads> sums{};
  State mixed{};
  for (std::size_t i = 0; i <= position; ++i) {
    const float* const value = cache.at(layer, i) + kWidth;
    for (std::size_t head = 0; head < kHeads; ++head) {
      const float weight = std::exp(weights[i][head] - highest[head]);
      sums[head] += weight;
      const std::size_t first = head * kHeadWidth;
      for (std::size_t j = first; j < first + kHeadWidth; ++j) mixed[j] += weight * value[j];
    }
  }
  for (std::size_t j = 0; j < kWidth; ++j) mixed[j] /= sums[j / kHeadWidth];
  return mixed;
}

Answer Model::compute(Token token, std::size_t position, KeysValues& cache) const {
  State state = embedding_[static_cast<std::size_t>(token)];
  for (std::size_t i = 0; i < kWidth; ++i) state[i] += places_[position][i];
  const auto add = [&](const State& part) {
    for (std::size_t i = 0; i < kWidth; ++i) state[i] += part[i];
  };
  for (std::size_t i = 0; i < kLayers; ++i) {
    const Layer& layer = layers_[i];
    cache.enter_layer(i);
    const State input = normed(state);
    const State key = product(input, layer.key);
    const State value = product(input, layer.value);
    float* const own = cache.at(i, position);
    std::copy(key.begin(), key.end(), own);
    std::copy(value.begin(), value.end(), own + kWidth);
    add(product(attend(product(input, layer.query), i, position, cache), layer.out));
    auto hidden = product(normed(state), layer.up);
    for (float& one : hidden) one = std::max(one, 0.0f);
    add(product(hidden, layer.down));
  }
  const State last = normed(state);
  Answer answer{0, digest_of(last)};
  float best = -1e30f;
  for (Token word = 0; word < kVocabulary; ++word) {
    float likely = 0;
    for (std::size_t i = 0; i < kWidth; ++i) {
      likely += last[i] * embedding_[static_cast<std::size_t>(word)][i];
    }
    if (likely > best) answer.next = word;
    best = std::max(best, likely);
  }
  return answer;
}

}  // namespace kv_server
