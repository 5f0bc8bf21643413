// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/split_rule.h"

#include <random>

#include <terrace/units.h>

namespace terrace::cli {
namespace {

/// Counts are written once a second, so a file cannot cover less.
constexpr Nanoseconds kLeastTime = milliseconds(1000);
/// Header, tiers and one second of a small program.
constexpr Bytes kLeastSize = KiB(16);

}  // namespace

Result<session::SplitRule> split_rule(const Settings& settings) {
  session::SplitRule rule;
  const Bytes size = settings.size("split-size");
  const Nanoseconds time = settings.duration("split-time");
  rule.bytes = size.value;
  rule.time_ns = time.value;
  rule.keep = settings.integer("split-keep");
  if (rule.bytes == 0 && rule.time_ns == 0) {
    if (rule.keep == 0) return rule;
    return make_error(ErrorCode::kUsage, 0,
                      "--split-keep is for a recording in several files; add --split-size or "
                      "--split-time");
  }
  if (rule.bytes != 0 && size < kLeastSize) {
    return make_error(ErrorCode::kUsage, 0, "--split-size: below 16K; write 16K or more");
  }
  if (rule.time_ns != 0 && time < kLeastTime) {
    return make_error(ErrorCode::kUsage, 0, "--split-time: below a second; write 1s or more");
  }
  std::random_device random;
  do {
    rule.recording = std::uint64_t{random()} << 32 | random();
  } while (rule.recording == 0);
  return rule;
}

}  // namespace terrace::cli
