// SPDX-License-Identifier: Apache-2.0
#include "profiler/heat/steady.h"

#include <algorithm>
#include <iterator>
#include <optional>

namespace terrace::heat {
namespace {

constexpr double kNanosecond = 1e-9;
constexpr double kLoadingShare = 0.4;

bool usable(const session::StepRecord& step) {
  return step.period_ns > 0 && step.observations > 0;
}

std::vector<Span> merged(std::vector<Span> spans) {
  std::sort(spans.begin(), spans.end(),
            [](const Span& a, const Span& b) { return a.begin_s < b.begin_s; });
  std::vector<Span> whole;
  for (const Span& span : spans) {
    if (!whole.empty() && span.begin_s <= whole.back().end_s) {
      whole.back().end_s = std::max(whole.back().end_s, span.end_s);
    } else {
      whole.push_back(span);
    }
  }
  return whole;
}

/// The recorder looks for the step half as often each time that it is as it was: the next record
/// may come after twice the time that this one took.
double reach_after(double since_last_s) {
  return std::clamp(2 * since_last_s + kStepReach, kStepReach, kLongestStepReach);
}

/// The end of the last look for the step before this one was found; the session may not tell.
std::optional<double> last_in_vain(const session::Session& session,
                                   const session::StepRecord& step) {
  std::optional<double> end_s;
  for (const session::LookRecord& look : session.looks) {
    const bool for_step = look.kind == static_cast<std::uint32_t>(session::LookKind::kStep);
    if (!for_step || look.end_ns >= step.at_ns) continue;
    const bool found =
        std::any_of(session.steps.begin(), session.steps.end(), [&](const auto& other) {
          return usable(other) && other.at_ns >= look.begin_ns && other.at_ns <= look.end_ns;
        });
    if (!found) end_s = std::max(end_s.value_or(0), since_start(session, look.end_ns));
  }
  return end_s;
}

std::vector<Span> spans_of_steps(const session::Session& session) {
  const double last = since_start(session, session.last_ns);
  std::vector<Span> spans;
  double before = 0;
  for (const session::StepRecord& step : session.steps) {
    if (!usable(step)) continue;
    const double at = since_start(session, step.at_ns);
    const double period = static_cast<double>(step.period_ns) * kNanosecond;
    const double reach = spans.empty() ? kStepReach : reach_after(at - before);
    double begin = at - period * step.observations;
    if (const auto in_vain = last_in_vain(session, step); in_vain) {
      begin = std::min(begin, std::max(*in_vain, at - kLongestStepReach));
    }
    spans.push_back({std::max(0.0, begin), std::min(last, at + reach)});
    before = at;
  }
  return merged(spans);
}

double weighted_median_period(const session::Session& session) {
  std::vector<session::StepRecord> steps;
  std::copy_if(session.steps.begin(), session.steps.end(), std::back_inserter(steps), usable);
  std::sort(steps.begin(), steps.end(),
            [](const auto& a, const auto& b) { return a.period_ns < b.period_ns; });
  double total = 0;
  for (const auto& step : steps) total += step.observations;
  double below = 0;
  for (const auto& step : steps) {
    below += step.observations;
    if (below * 2 >= total) return static_cast<double>(step.period_ns) * kNanosecond;
  }
  return 0;
}

bool any_heat_within(const session::Session& session, const Steady& steady) {
  return std::any_of(session.objects.begin(), session.objects.end(), [&](const auto& object) {
    return std::any_of(object.heat.begin(), object.heat.end(), [&](const auto& sample) {
      return steady.holds(middle_of(session, sample.record));
    });
  });
}

/// Without a step to go by: the end of the session, and what of the heat reaches into it.
Span end_of(const session::Session& session) {
  const double last = since_start(session, session.last_ns);
  Span span{last * kLoadingShare, last};
  std::optional<double> latest;
  for (const session::Object& object : session.objects) {
    for (const session::HeatSample& sample : object.heat) {
      if (since_start(session, sample.record.end_ns) <= span.begin_s) continue;
      latest = std::max(latest.value_or(0), since_start(session, sample.record.begin_ns));
    }
  }
  span.begin_s = std::min(span.begin_s, latest.value_or(span.begin_s));
  return span;
}

/// False: no step is complete between two marks.
bool take_marks(const session::Session& session, Steady& steady) {
  if (session.marks.empty()) return false;
  const session::MarkRecord& first = session.marks.front();
  const session::MarkRecord& last = session.marks.back();
  if (last.at_ns <= first.at_ns || last.steps <= first.steps) return false;
  steady.spans.push_back({since_start(session, first.at_ns), since_start(session, last.at_ns)});
  steady.step_seconds = static_cast<double>(last.at_ns - first.at_ns) * kNanosecond /
                        static_cast<double>(last.steps - first.steps);
  steady.told = true;
  return true;
}

}  // namespace

double middle_of(const session::Session& session, const session::HeatRecord& record) {
  return (since_start(session, record.begin_ns) + since_start(session, record.end_ns)) / 2;
}

bool Steady::holds(double at_s) const {
  const auto after =
      std::upper_bound(spans.begin(), spans.end(), at_s,
                       [](double at, const Span& span) { return at < span.begin_s; });
  return after != spans.begin() && at_s <= std::prev(after)->end_s;
}

double Steady::seconds() const {
  double sum = 0;
  for (const Span& span : spans) sum += span.end_s - span.begin_s;
  return sum;
}

double Steady::seconds_within(double begin_s, double end_s) const {
  double sum = 0;
  for (const Span& span : spans) {
    sum += std::max(0.0, std::min(span.end_s, end_s) - std::max(span.begin_s, begin_s));
  }
  return sum;
}

double since_start(const session::Session& session, std::uint64_t ns) {
  const std::uint64_t start = session.header.start_monotonic_ns;
  return ns > start ? static_cast<double>(ns - start) * kNanosecond : 0;
}

Steady find_steady(const session::Session& session) {
  // Less of the session's end than this, and the step was hardly ever found, though the program was
  // at its work.
  constexpr double kLeastOfEnd = 0.125;
  Steady steady;
  if (take_marks(session, steady)) return steady;
  steady.spans = spans_of_steps(session);
  steady.step_seconds = weighted_median_period(session);
  const Span end = end_of(session);
  if (!any_heat_within(session, steady)) {
    steady.spans = {end};
  } else if (steady.seconds() < kLeastOfEnd * (end.end_s - end.begin_s)) {
    steady.spans.push_back(end);
    steady.spans = merged(steady.spans);
  }
  return steady;
}

}  // namespace terrace::heat
