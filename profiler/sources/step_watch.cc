// SPDX-License-Identifier: Apache-2.0
#include "profiler/sources/step_watch.h"

#include <algorithm>

namespace terrace::sources {
namespace {

constexpr std::uint32_t kAlike = 3;          ///< gaps
constexpr std::uint64_t kEqualParts = 8;     ///< apart by no more than one in so many
constexpr std::uint64_t kLookedAtParts = 4;  ///< of a gap, its last part is looked at
constexpr Nanoseconds kLeastLookedAt = milliseconds(8);
constexpr std::uint64_t kPollParts = 64;  ///< of the time since the last touch, between two polls

}  // namespace

void StepWatch::begin(std::uint32_t block, std::uint32_t wanted, Nanoseconds now) {
  *this = StepWatch();
  block_ = block;
  wanted_ = wanted;
  begun_ = now;
}

void StepWatch::poll(bool touched, Nanoseconds now) {
  ++polls_;
  touched_polls_ += touched ? 1 : 0;
  const bool after_rest = after_rest_;
  after_rest_ = false;
  // A pass over a block can straddle two polls: only the first of adjacent touches counts.
  const bool first = touched && !touched_before_;
  touched_before_ = touched;
  if (!first) return;
  if (after_rest) {
    // Sooner than foreseen, at a time that nobody knows: what follows has other gaps.
    seen_ = false;
    gap_count_ = 0;
    return;
  }
  if (seen_ && gap_count_ < kWanted) gaps_[gap_count_++] = (now - last_touch_).value;
  seen_ = true;
  last_touch_ = now;
}

/// The last few, so that a change shows.
bool StepWatch::gaps_are_alike() const {
  if (gap_count_ < kAlike) return false;
  const std::uint64_t* const last = gaps_ + gap_count_;
  const auto [least, most] = std::minmax_element(last - kAlike, last);
  return *most - *least <= *most / kEqualParts;
}

Nanoseconds StepWatch::next_poll(Nanoseconds now) {
  const Nanoseconds since = now - (seen_ ? last_touch_ : begun_);
  const Nanoseconds part(since.value / kPollParts);
  const Nanoseconds soon = now + (part > kPoll ? part : kPoll);
  if (!seen_ || !gaps_are_alike()) return soon;
  const std::uint64_t gap = gaps_[gap_count_ - 1];
  const std::uint64_t looked_at =
      gap / kLookedAtParts > kLeastLookedAt.value ? gap / kLookedAtParts : kLeastLookedAt.value;
  if (gap <= looked_at) return soon;
  const Nanoseconds again = last_touch_ + Nanoseconds(gap - looked_at);
  if (again <= soon) return soon;
  // Rest only from a poll that saw nothing: the pass may still be going on, and leaves one more.
  if (touched_before_) return soon;
  after_rest_ = true;
  return again;
}

std::uint64_t StepWatch::median_gap() const {
  std::uint64_t sorted[kWanted];
  for (std::uint32_t i = 0; i < gap_count_; ++i) {
    std::uint32_t j = i;
    for (; j > 0 && sorted[j - 1] > gaps_[i]; --j) sorted[j] = sorted[j - 1];
    sorted[j] = gaps_[i];
  }
  return sorted[gap_count_ / 2];
}

std::uint32_t StepWatch::observations() const {
  if (gap_count_ < 4) return 0;
  const std::uint64_t median = median_gap();
  std::uint64_t steps = 0;
  for (std::uint32_t i = 0; i < gap_count_; ++i) steps += (gaps_[i] + median / 2) / median;
  return static_cast<std::uint32_t>(steps);
}

Nanoseconds StepWatch::period() const {
  const std::uint32_t steps = observations();
  if (steps == 0 || is_too_fast() || median_gap() <= 2 * kPoll.value) return Nanoseconds();
  std::uint64_t sum = 0;
  std::uint32_t counted = 0;
  const std::uint64_t median = median_gap();
  for (std::uint32_t i = 0; i < gap_count_; ++i) {
    const auto multiple = static_cast<std::uint32_t>((gaps_[i] + median / 2) / median);
    if (multiple == 0) continue;
    sum += gaps_[i];
    counted += multiple;
  }
  return counted != 0 ? Nanoseconds(sum / counted) : Nanoseconds();
}

}  // namespace terrace::sources
