// SPDX-License-Identifier: Apache-2.0
// A language model that is small and real: decoder layers with multi-head softmax attention over
// all tokens before, norms, feed-forward parts, tied embedding. Its weights are random numbers from
// a fixed seed, so that everybody has the same; its words mean nothing. Keys and values stand
// wherever KeysValues says, which is all that the server and the reference do differently: the
// arithmetic is compiled once and its results are equal to the last bit, or some key or value was
// wrong. Thread-safe: a Model does not change.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace kv_server {

using Token = std::int32_t;

inline constexpr std::size_t kLayers = 4;
inline constexpr std::size_t kHeads = 4;
inline constexpr std::size_t kHeadWidth = 16;
inline constexpr std::size_t kWidth = kHeads * kHeadWidth;
inline constexpr std::size_t kHidden = 2 * kWidth;
inline constexpr Token kVocabulary = 512;
inline constexpr std::size_t kMaxTokens = 4096;
/// Floats of one token in one layer: its key, then its value.
inline constexpr std::size_t kKeyValue = 2 * kWidth;

/// Where keys and values are.
class KeysValues {
 public:
  virtual ~KeysValues() = default;
  /// Called before a layer's are read.
  virtual void enter_layer(std::size_t layer) = 0;
  /// kKeyValue floats, which stay there until the token is computed.
  virtual float* at(std::size_t layer, std::size_t position) = 0;
};

struct Answer {
  Token next = 0;            ///< the most likely token
  std::uint32_t digest = 0;  ///< of the final state's bits: any other key or value gives another
};

class Model {
 public:
  Model();
  /// Computes one token, writes its keys and values, and reads those of all before.
  Answer compute(Token token, std::size_t position, KeysValues& cache) const;

 private:
  using State = std::array<float, kWidth>;
  /// Rows are inputs, so that a product is a sum of rows and its order the same everywhere.
  using Square = std::array<State, kWidth>;
  struct Layer {
    Square query, key, value, out;
    std::array<std::array<float, kHidden>, kWidth> up;
    std::array<State, kHidden> down;
  };

  static State attend(const State& query, std::size_t layer, std::size_t position,
                      KeysValues& cache);

  std::vector<Layer> layers_;
  std::vector<State> embedding_;
  std::vector<State> places_;
};

}  // namespace kv_server
