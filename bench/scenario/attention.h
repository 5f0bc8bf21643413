// SPDX-License-Identifier: Apache-2.0
// One layer's attention of several new tokens over all tokens whose keys and values are cached:
// scores, softmax, weighted sum, with several heads, in single precision. A token's key and value
// lie behind each other. Used by kv_prefetch.cc as the arithmetic that a prefetch hides behind.
// Not thread-safe; allocates at construction only. Reads each key and each value once.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

namespace bench {

inline constexpr std::size_t kHeads = 8;
inline constexpr std::size_t kHeadWidth = 64;
inline constexpr std::size_t kWidth = kHeads * kHeadWidth;
inline constexpr float kScoreScale = 0.125f;  ///< 1 / sqrt(kHeadWidth)
static_assert(kScoreScale * kScoreScale * kHeadWidth == 1);
/// Floats of one token in one layer: 4 KiB.
inline constexpr std::size_t kKeyValue = 2 * kWidth;

class Attention {
 public:
  using State = std::array<float, kWidth>;

  Attention(std::size_t queries, std::size_t tokens)
      : tokens_(tokens), queries_(queries), weights_(queries * kHeads * tokens), mixed_(queries) {
    for (std::size_t q = 0; q < queries; ++q) {
      for (std::size_t j = 0; j < kWidth; ++j) {
        queries_[q][j] = std::sin(static_cast<float>(q * kWidth + j));
      }
    }
  }

  /// `at(token)` is where its key and value are. What comes out goes in as the next layer's
  /// queries.
  template <typename At>
  void layer(const At& at) {
    for (std::size_t i = 0; i < tokens_; ++i) score(at(i), i);
    soften();
    for (State& state : mixed_) state.fill(0);
    for (std::size_t i = 0; i < tokens_; ++i) mix(at(i) + kWidth, i);
    for (std::size_t q = 0; q < queries_.size(); ++q) {
      for (std::size_t j = 0; j < kWidth; ++j) queries_[q][j] += mixed_[q][j];
    }
  }

  /// Of all that was computed: another key or value anywhere gives another one.
  double digest() const {
    double sum = 0;
    for (const State& state : queries_) {
      for (const float value : state) sum += static_cast<double>(value);
    }
    return sum;
  }

 private:
  float& weight(std::size_t q, std::size_t head, std::size_t token) {
    return weights_[(q * kHeads + head) * tokens_ + token];
  }

  void score(const float* key, std::size_t token) {
    for (std::size_t q = 0; q < queries_.size(); ++q) {
      for (std::size_t head = 0; head < kHeads; ++head) {
        const float* const a = queries_[q].data() + head * kHeadWidth;
        const float* const b = key + head * kHeadWidth;
        // Lanes, since a sum in order is not vectorised.
        std::array<float, 8> lanes{};
        for (std::size_t j = 0; j < kHeadWidth; j += lanes.size()) {
          for (std::size_t k = 0; k < lanes.size(); ++k) lanes[k] += a[j + k] * b[j + k];
        }
        float sum = 0;
        for (const float lane : lanes) sum += lane;
        weight(q, head, token) = sum * kScoreScale;
      }
    }
  }

  void soften() {
    for (std::size_t row = 0; row < queries_.size() * kHeads; ++row) {
      float* const weights = weights_.data() + row * tokens_;
      const float highest = *std::max_element(weights, weights + tokens_);
      float sum = 0;
      for (std::size_t i = 0; i < tokens_; ++i) sum += weights[i] = std::exp(weights[i] - highest);
      for (std::size_t i = 0; i < tokens_; ++i) weights[i] /= sum;
    }
  }

  void mix(const float* value, std::size_t token) {
    for (std::size_t q = 0; q < queries_.size(); ++q) {
      for (std::size_t head = 0; head < kHeads; ++head) {
        const float share = weight(q, head, token);
        float* const into = mixed_[q].data() + head * kHeadWidth;
        const float* const from = value + head * kHeadWidth;
        for (std::size_t j = 0; j < kHeadWidth; ++j) into[j] += share * from[j];
      }
    }
  }

  std::size_t tokens_;
  std::vector<State> queries_;
  std::vector<float> weights_;
  std::vector<State> mixed_;
};

}  // namespace bench
