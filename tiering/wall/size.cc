// SPDX-License-Identifier: Apache-2.0
#include "tiering/wall/size.h"

#include <algorithm>
#include <limits>
#include <tuple>

namespace terrace::wall {
namespace {

struct Rank {
  int misses = 0;
  double cost = 0;
  double slowness = 0;
};

Rank rank_of(const Sized& sized, const std::vector<Candidate>& candidates) {
  const double price = candidates[sized.candidate].machine.price_usd;
  const double cost = price > 0 ? price : std::numeric_limits<double>::infinity();
  const double speed = sized.tokens_per_second_each;
  if (sized.reaches) return {0, cost, -speed};
  return {sized.answer.fits ? 1 : 2, -speed,
          sized.answer.needed_bytes - sized.answer.capacity_bytes};
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
    const Rank left = rank_of(a, candidates);
    const Rank right = rank_of(b, candidates);
    return std::tie(left.misses, left.cost, left.slowness) <
           std::tie(right.misses, right.cost, right.slowness);
  });
  return all;
}

}  // namespace terrace::wall
