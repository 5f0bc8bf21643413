// SPDX-License-Identifier: Apache-2.0
// `terrace simulate kv`: eviction policies of a KV-cache on a request trace. Reads what was asked
// for, replays, prints. Not thread-safe (standard output); allocates.
#pragma once

#include <string>
#include <vector>

#include <terrace/result.h>

#include "tiering/cli/settings.h"
#include "tiering/simulate/kv_replay.h"

namespace terrace::cli {

/// Errors, all before the first request is served but for a broken line of the trace: kUsage for a
/// missing or unknown trace format, a size that is 0 or too large, an unknown policy (with the
/// nearest), model or machine; kIo.
Status simulate_kv(const Settings& settings);

/// "1000,5000": kUsage for what is no count of blocks, 0, too many, or a size that is named twice.
Result<std::vector<std::uint32_t>> parse_kv_sizes(const std::string& text);

/// What the outcomes were reckoned with, for the text and the JSON.
struct KvSetting {
  std::string trace;
  std::string machine;
  std::string model;
  std::string fast_tier;
  std::string slow_tier;  ///< empty: there is one tier
  std::string cost;       ///< what policies weigh blocks by: flat or model
  double block_bytes = 0;
};

/// One line of JSON, without its newline.
std::string kv_outcome_as_json(const simulate::KvOutcome& outcome, const KvSetting& setting);
std::string kv_outcomes_as_text(const std::vector<simulate::KvOutcome>& outcomes,
                                const KvSetting& setting);

}  // namespace terrace::cli
