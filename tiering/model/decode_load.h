// SPDX-License-Identifier: Apache-2.0
// What one step of a language model reads, writes, holds and computes, from its shape: a decoded
// token for each sequence of a batch, or a prompt. docs/catalogue.md gives each formula and where
// it comes from. Read by the predictor. Pure functions: thread-safe; allocate only their results.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include <terrace/result.h>
#include <terrace/units.h>

#include "tiering/model/language_model.h"
#include "tiering/model/quantisation.h"

namespace terrace::model {

enum class MemoryClass : std::uint8_t {
  kWeight = 0,     ///< read whole every step: attention, dense and shared feed-forward, norms, head
  kExpert = 1,     ///< routed experts: read when chosen
  kEmbedding = 2,  ///< input tables: a row for each token (a tied table is kWeight)
  kKv = 3,         ///< keys and values of the context
  kActivation = 4,  ///< what a step makes and uses at once
};
inline constexpr std::size_t kMemoryClasses = 5;
const char* name_of(MemoryClass memory);

/// Bytes of one class. Expected values where chance decides (routing), so not whole numbers.
struct ClassLoad {
  double resident_bytes = 0;
  double read_bytes = 0;     ///< in one step
  double written_bytes = 0;  ///< in one step
};

struct Load {
  std::array<ClassLoad, kMemoryClasses> classes;
  double flops = 0;                   ///< in one step; a multiplication and an addition are two
  double experts_read_per_layer = 0;  ///< expected distinct routed experts; 0: no mixture
  bool kv_known = true;               ///< false: the model's shape is not public

  const ClassLoad& of(MemoryClass memory) const {
    return classes[static_cast<std::size_t>(memory)];
  }
  ClassLoad& of(MemoryClass memory) { return classes[static_cast<std::size_t>(memory)]; }
  double resident_bytes() const;
  double read_bytes() const;
  double written_bytes() const;
};

/// How unevenly a router's choices fall: the k-th most popular expert is chosen in proportion to
/// k to the power of -exponent. 0: uniform.
struct RoutingSkew {
  double exponent = 0;
};

struct DecodePoint {
  std::uint64_t context_tokens = 0;  ///< of each sequence, before the step
  std::uint64_t batch = 1;           ///< sequences
  RoutingSkew skew;
};

struct PromptPoint {
  std::uint64_t prompt_tokens = 0;  ///< of each sequence, the reused ones included
  std::uint64_t batch = 1;
  std::uint64_t reused_tokens = 0;  ///< prefix whose KV is there already
  RoutingSkew skew;
};

/// Errors: kUsage for a batch of 0, a negative or non-finite skew, or a context that no machine
/// holds; a reused prefix that leaves nothing of the prompt.
Result<Load> decode_load(const LanguageModel& model, const Quantisation& weights,
                         const BlockFormat& kv, const DecodePoint& point);
Result<Load> prompt_load(const LanguageModel& model, const Quantisation& weights,
                         const BlockFormat& kv, const PromptPoint& point);

/// Bytes that a token adds in all layers together while no window is full. 0 when the shape is not
/// public.
double kv_bytes_per_token(const LanguageModel& model, const BlockFormat& kv);
/// Bytes that a context holds: layers with a window hold no more than the window.
double kv_bytes(const LanguageModel& model, const BlockFormat& kv, std::uint64_t context_tokens);
/// KV of one token in one layer.
double kv_bytes_of_layer(const LanguageModel& model, const BlockFormat& kv, std::uint64_t layer);

/// Probability that a token's step chooses each expert, most popular first: `active` of them
/// without repetition. Sums to `active`.
std::vector<double> expert_probabilities(const MixtureShape& mixture, RoutingSkew skew);
/// Expected distinct experts that `tokens` independent tokens choose in a layer.
double expected_distinct_experts(const MixtureShape& mixture, RoutingSkew skew,
                                 std::uint64_t tokens);

}  // namespace terrace::model
