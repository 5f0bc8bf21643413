// SPDX-License-Identifier: Apache-2.0
#include "profiler/sources/budget.h"

namespace terrace::sources {
namespace {

// Shorter spans than this say little of how busy the program is.
constexpr Nanoseconds kShortestSpan = milliseconds(500);
// A program that sleeps is looked at as if it used this much of a CPU: it may wake at any time.
constexpr std::uint64_t kLeastBusy = Budget::kMillion / 20;
// However dear a look was, there is another one: a program may change what it touches.
constexpr Nanoseconds kLongestPause = milliseconds(60000);
// A program that hardly gets a CPU earns nothing to be looked at for, and of a session without a
// look nothing can be said: as often as this it is looked at as if it had half a CPU.
constexpr Nanoseconds kStarvedPause = milliseconds(4000);

}  // namespace

void Budget::program_ran(Nanoseconds program_cpu, Nanoseconds now) {
  if (!begun_) {
    begun_ = true;
    counted_at_ = now;
    counted_cpu_ = program_cpu;
    return;
  }
  const Nanoseconds span = now - counted_at_;
  if (span < kShortestSpan) return;
  const std::uint64_t used =
      program_cpu > counted_cpu_ ? (program_cpu - counted_cpu_).value / 1000 : 0;
  const std::uint64_t busy = used * kMillion / (span.value / 1000);
  // Half of the old figure stays: load comes in bursts.
  busy_ppm_ = (busy_ppm_ + busy) / 2;
  if (busy_ppm_ < kLeastBusy) busy_ppm_ = kLeastBusy;
  counted_at_ = now;
  counted_cpu_ = program_cpu;
}

Nanoseconds Budget::longest_pause(Nanoseconds cost) const {
  const Nanoseconds of_half_a_cpu(cost.value * kMillion / paced_ppm_ * 2);
  if (of_half_a_cpu > kLongestPause) return kLongestPause;
  return of_half_a_cpu > kStarvedPause ? of_half_a_cpu : kStarvedPause;
}

Nanoseconds Budget::pause_for(Nanoseconds cost) const {
  if (paced_ppm_ == 0) return Nanoseconds();
  // cost / (share * busy), in an order that neither overflows nor loses the digits.
  const std::uint64_t per_second = std::uint64_t{paced_ppm_} * busy_ppm_ / kMillion;
  const std::uint64_t pause =
      per_second != 0 ? cost.value * kMillion / per_second : kLongestPause.value;
  return pause > kLongestPause.value ? kLongestPause : Nanoseconds(pause);
}

void Budget::spent(Nanoseconds cost, Nanoseconds now) {
  if (paced_ppm_ == 0) return;
  const Nanoseconds from = free_at_ > now ? free_at_ : now;
  const Nanoseconds latest = now + longest_pause(cost);
  const Nanoseconds wanted = from + pause_for(cost);
  // What an earlier and dearer look asked for stays.
  if (wanted <= latest) {
    free_at_ = wanted;
  } else if (from < latest) {
    free_at_ = latest;
  }
}

}  // namespace terrace::sources
