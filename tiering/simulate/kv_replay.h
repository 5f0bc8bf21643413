// SPDX-License-Identifier: Apache-2.0
// A request trace through caches of KV blocks: each size and policy asked for, side by side, over
// one reading of the file. The heart of `terrace simulate kv` (docs/simulator.md). Requests come
// one after the other: a request's blocks are leased while it is served, and none overlaps another.
// Not thread-safe; allocates. Memory grows with the caches, not with the trace, but for policies
// that need the future: those take 4 bytes for each block that is asked for, and while these are
// worked out 8 more and a map of distinct blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <terrace/result.h>

#include "tiering/policy/kv/kv_policy.h"
#include "tiering/simulate/trace_reader.h"

namespace terrace::simulate {

/// Tokens of one block, as in Mooncake's traces.
inline constexpr std::uint32_t kKvBlockTokens = 512;
inline constexpr std::uint32_t kMostKvSlots = 1u << 22;

struct KvReplayOptions {
  std::vector<std::uint32_t> slots;  ///< sizes of the cache, each from 1 to kMostKvSlots
  std::vector<const policy::KvPolicySpec*> policies;
  double fast_share = 0.5;     ///< of the slots, on the fast tier
  policy::RecomputeCost cost;  ///< what policies that weigh it are told
  /// Seconds to the first token of a prompt with so many tokens cached, and so many blocks of them
  /// on the slow tier. Null: not predicted.
  std::function<Result<double>(std::uint32_t prompt, std::uint32_t cached, std::uint64_t slow)>
      first_token;
  std::function<void(std::uint64_t requests)> progress;  ///< may be null
};

struct KvOutcome {
  std::uint32_t slots = 0;
  std::string policy;
  std::uint64_t requests = 0;
  std::uint64_t wanted_blocks = 0;
  std::uint64_t hit_fast = 0;
  std::uint64_t hit_slow = 0;
  std::uint64_t moved_blocks = 0;
  double first_token_seconds = 0;  ///< mean over requests
  double recomputed_seconds = 0;   ///< of that: computing, without the way from the slow tier
  double uncached_seconds = 0;     ///< the same when nothing is ever cached

  double share(std::uint64_t blocks) const {
    return wanted_blocks > 0 ? static_cast<double>(blocks) / static_cast<double>(wanted_blocks) : 0;
  }
  /// Share of the prompts' computing that hits made needless.
  double saved() const {
    return uncached_seconds > 0 ? 1 - recomputed_seconds / uncached_seconds : 0;
  }
  double hit() const { return share(hit_fast + hit_slow); }
};

/// Chain hashes of a request's blocks. Azure's traces name none: every block of every request is
/// another one, so nothing is ever hit. `first_unnamed` counts those that were given.
std::vector<policy::ChainHash> blocks_of(const Request& request, std::uint64_t& first_unnamed);

/// Outcomes by size, then by policy, in the order of the options. Errors: those of the reader;
/// kUsage when the trace holds no request.
Result<std::vector<KvOutcome>> replay_kv(const std::string& path, TraceFormat format,
                                         const KvReplayOptions& options);

/// For each block of each request the number of the next request that wants it.
policy::KvFuture future_of(std::span<const policy::ChainHash> blocks,
                           std::span<const std::uint32_t> request_blocks);

}  // namespace terrace::simulate
