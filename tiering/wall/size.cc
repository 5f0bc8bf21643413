// SPDX-License-Identifier: Apache-2.0
#include "tiering/wall/size.h"

#include <algorithm>
#include <array>
#include <limits>

namespace terrace::wall {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::infinity();

/// Lower is better, the first that differs decides.
using Rank = std::array<double, 5>;

double known(double figure) {
  return figure > 0 ? figure : kUnknown;
}

/// Where no price is known, what takes less power and fewer expanders is likely to cost less.
Rank rank_of(const Sized& sized, const std::vector<Candidate>& candidates) {
  const Candidate& candidate = candidates[sized.candidate];
  const double speed = sized.tokens_per_second_each;
  if (sized.reaches) {
    return {0, known(candidate.machine.price_usd), known(candidate.machine.power_watts),
            static_cast<double>(candidate.cxl_devices), -speed};
  }
  const double missing = sized.answer.needed_bytes - sized.answer.capacity_bytes;
  return {sized.answer.fits ? 1.0 : 2.0, -speed, missing, 0, 0};
}

}  // namespace

Result<std::vector<Sized>> size_up(const FittedConstants& constants,
                                   const std::vector<Candidate>& candidates,
                                   const ModelLoads& model, const Target& target,
                                   Confidence confidence) {
  std::vector<Sized> all;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    Result<Answer> answer =
        answer_for(constants, candidates[i].machine, model, target.context, target.users);
    if (!answer.ok()) return answer.error();
    Sized sized;
    sized.candidate = i;
    sized.answer = std::move(*answer);
    sized.answer.cxl_devices = candidates[i].cxl_devices;
    if (sized.answer.fits) {
      const Estimate& speed = sized.answer.tokens_per_second;
      const double counted = confidence == Confidence::kCareful ? speed.low : speed.value;
      sized.tokens_per_second_each = counted / target.users;
      sized.reaches = sized.tokens_per_second_each >= target.tokens_per_second;
    }
    if (!sized.reaches) sized.lacks = sized.answer.fits ? "speed" : "capacity";
    all.push_back(std::move(sized));
  }
  std::stable_sort(all.begin(), all.end(), [&](const Sized& a, const Sized& b) {
    return rank_of(a, candidates) < rank_of(b, candidates);
  });
  return all;
}

}  // namespace terrace::wall
