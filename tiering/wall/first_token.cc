// SPDX-License-Identifier: Apache-2.0
#include "tiering/wall/first_token.h"

#include <algorithm>
#include <cmath>

namespace terrace::wall {
namespace {

// Sizes from 64 tokens on, two to a doubling; cached shares in eighths.
constexpr double kLeastTokens = 64;
constexpr std::size_t kPerDoubling = 2;
constexpr std::size_t kSizes = kPerDoubling * 18 + 1;
constexpr std::size_t kShares = 8;
// Where growth with the prefix is read off: most prompts are shorter, and windows count by then.
constexpr double kGrownTokens = 32768;

double tokens_at(std::size_t size) {
  return std::round(kLeastTokens * std::exp2(static_cast<double>(size) / kPerDoubling));
}

struct Between {
  std::size_t low;
  double part;  ///< of the way to the next point
};

Between between(double place, std::size_t last) {
  const double inside = std::clamp(place, 0.0, static_cast<double>(last));
  const std::size_t low = std::min(static_cast<std::size_t>(inside), last - 1);
  return {low, inside - static_cast<double>(low)};
}

double resident_kv(const WallLoad& load) {
  double bytes = 0;
  for (const WallLoad::Class& one : load.classes) {
    if (one.name == "kv") bytes += one.resident;
  }
  return bytes;
}

}  // namespace

FirstTokenTable::FirstTokenTable(const FittedConstants& constants, WallMachine machine,
                                 ModelLoads model)
    : assumptions_{model.family, constants.compute_share, constants.compute_spread},
      fit_(constants.fit),
      machine_(std::move(machine)),
      model_(std::move(model)),
      grid_(kSizes * (kShares + 1), -1) {}

Result<double> FirstTokenTable::at(std::size_t size, std::size_t share) {
  double& known = grid_[size * (kShares + 1) + share];
  if (known >= 0) return known;
  const double tokens = tokens_at(size);
  const double reused =
      std::min(tokens - 1, std::round(tokens * static_cast<double>(share) / kShares));
  const Result<WallLoad> load = model_.prompt_behind(tokens, reused);
  if (!load.ok()) return load.error();
  const Result<StepPrediction> step = predict_step(fit_, machine_, *load, assumptions_);
  if (!step.ok()) return step.error();
  known = step->seconds;
  return known;
}

Result<double> FirstTokenTable::seconds(double prompt_tokens, double reused_tokens) {
  const double tokens = std::max(1.0, prompt_tokens);
  const Between size =
      between(kPerDoubling * std::log2(std::max(1.0, tokens / kLeastTokens)), kSizes - 1);
  const Between share = between(kShares * std::clamp(reused_tokens / tokens, 0.0, 1.0), kShares);
  double sum = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const std::size_t up = i / 2;
    const std::size_t right = i % 2;
    const double weight =
        (up == 1 ? size.part : 1 - size.part) * (right == 1 ? share.part : 1 - share.part);
    if (weight <= 0) continue;
    const Result<double> point = at(size.low + up, share.low + right);
    if (!point.ok()) return point.error();
    sum += weight * *point;
  }
  return sum;
}

Result<double> FirstTokenTable::recompute_growth(double block_tokens) const {
  const double before = std::round(kGrownTokens / block_tokens);
  const Result<WallLoad> first = model_.prompt_behind(block_tokens, 0);
  if (!first.ok()) return first.error();
  const Result<WallLoad> later =
      model_.prompt_behind((before + 1) * block_tokens, before * block_tokens);
  if (!later.ok()) return later.error();
  return std::max(0.0, (later->flops - first->flops) / first->flops / before);
}

Result<double> FirstTokenTable::kv_bytes(double tokens) const {
  // The difference, since a step's load holds the token that it adds too.
  const Result<WallLoad> one = model_.decode(tokens, 1);
  if (!one.ok()) return one.error();
  const Result<WallLoad> two = model_.decode(2 * tokens, 1);
  if (!two.ok()) return two.error();
  const double bytes = resident_kv(*two) - resident_kv(*one);
  if (bytes > 0) return bytes;
  return make_error(ErrorCode::kUsage, 0,
                    "%.100s: its shape is not public, so its KV is not known; choose another "
                    "--model, `terrace wall names` lists them",
                    model_.name.c_str());
}

}  // namespace terrace::wall
