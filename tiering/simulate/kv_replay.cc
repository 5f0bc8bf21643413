// SPDX-License-Identifier: Apache-2.0
#include "tiering/simulate/kv_replay.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <unordered_map>

#include "tiering/policy/kv/prefix_cache.h"
#include "tiering/simulate/kv_tiers.h"

namespace terrace::simulate {
namespace {

using Blocks = std::vector<policy::ChainHash>;
constexpr std::uint64_t kProgressEvery = 1000;

/// One cache with its tiers and counts.
class Lane {
 public:
  Lane(std::uint32_t slots, const policy::KvPolicySpec& spec, double fast_share,
       const std::shared_ptr<const policy::KvFuture>& future, policy::RecomputeCost cost)
      : tiers_(slots, static_cast<std::uint32_t>(std::lround(fast_share * slots))),
        cache_(slots, spec.make({.slots = slots, .future = future, .cost = cost}), &tiers_) {
    outcome_.slots = slots;
    outcome_.policy = spec.name;
  }

  Status serve(const Request& request, const Blocks& blocks, const KvReplayOptions& options) {
    const std::uint64_t slow_before = tiers_.hits_slow();
    const policy::KvServed served = cache_.begin(blocks);
    cache_.end(blocks, served.leased_blocks);
    ++outcome_.requests;
    outcome_.wanted_blocks += blocks.size();
    if (!options.first_token || request.context_tokens == 0) return ok_status();
    return count_seconds(request.context_tokens, served.hit_blocks,
                         tiers_.hits_slow() - slow_before, options);
  }

  KvOutcome outcome() const {
    KvOutcome outcome = outcome_;
    outcome.hit_fast = tiers_.hits_fast();
    outcome.hit_slow = tiers_.hits_slow();
    outcome.moved_blocks = tiers_.moves();
    const auto requests = static_cast<double>(std::max<std::uint64_t>(1, outcome.requests));
    outcome.first_token_seconds /= requests;
    outcome.recomputed_seconds /= requests;
    outcome.uncached_seconds /= requests;
    return outcome;
  }

 private:
  Status count_seconds(std::uint32_t prompt, std::uint64_t hit_blocks, std::uint64_t slow,
                       const KvReplayOptions& options) {
    const auto cached =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(hit_blocks * kKvBlockTokens, prompt));
    const auto first = options.first_token(prompt, cached, slow);
    if (!first) return first.error();
    const auto computing = options.first_token(prompt, cached, 0);
    if (!computing) return computing.error();
    const auto uncached = options.first_token(prompt, 0, 0);
    if (!uncached) return uncached.error();
    outcome_.first_token_seconds += *first;
    outcome_.recomputed_seconds += *computing;
    outcome_.uncached_seconds += *uncached;
    return ok_status();
  }

  KvTiers tiers_;
  policy::PrefixCache cache_;
  KvOutcome outcome_;
};

/// Calls `visit(request, blocks)`, which returns a Status, for each request. The count of requests.
template <typename Visit>
Result<std::uint64_t> for_each_request(const std::string& path, TraceFormat format,
                                       const Visit& visit) {
  auto reader = TraceReader::open(path, format, PrefixBlocks::kRead);
  if (!reader) return reader.error();
  std::uint64_t unnamed = 0;
  std::uint64_t requests = 0;
  while (true) {
    const auto request = reader->next();
    if (!request) return request.error();
    if (!request->has_value()) break;
    const Status visited = visit(**request, blocks_of(**request, unnamed));
    if (!visited) return visited.error();
    ++requests;
  }
  if (requests > 0) return requests;
  return make_error(ErrorCode::kUsage, 0, "%s: the trace holds no request", path.c_str());
}

Result<std::shared_ptr<const policy::KvFuture>> read_future(const std::string& path,
                                                            TraceFormat format) {
  Blocks all;
  std::vector<std::uint32_t> lengths;
  const auto read = for_each_request(path, format, [&](const Request&, const Blocks& blocks) {
    all.insert(all.end(), blocks.begin(), blocks.end());
    lengths.push_back(static_cast<std::uint32_t>(blocks.size()));
    return ok_status();
  });
  if (!read) return read.error();
  return std::make_shared<const policy::KvFuture>(future_of(all, lengths));
}

}  // namespace

std::vector<policy::ChainHash> blocks_of(const Request& request, std::uint64_t& first_unnamed) {
  if (!request.prefix_blocks.empty()) return request.prefix_blocks;
  Blocks blocks((request.context_tokens + kKvBlockTokens - 1) / kKvBlockTokens);
  // From the far end, where no trace that numbers its blocks gets to.
  for (policy::ChainHash& block : blocks) block = ~first_unnamed++;
  return blocks;
}

policy::KvFuture future_of(std::span<const policy::ChainHash> blocks,
                           std::span<const std::uint32_t> request_blocks) {
  policy::KvFuture future(blocks.size());
  std::unordered_map<policy::ChainHash, std::uint32_t> next;
  std::size_t first = blocks.size();
  for (std::size_t i = request_blocks.size(); i > 0; --i) {
    const std::size_t end = first;
    first -= request_blocks[i - 1];
    for (std::size_t at = first; at < end; ++at) {
      const auto found = next.find(blocks[at]);
      future[at] = found == next.end() ? policy::kNeverAgain : found->second;
    }
    for (std::size_t at = first; at < end; ++at)
      next[blocks[at]] = static_cast<std::uint32_t>(i - 1);
  }
  return future;
}

Result<std::vector<KvOutcome>> replay_kv(const std::string& path, TraceFormat format,
                                         const KvReplayOptions& options) {
  std::shared_ptr<const policy::KvFuture> future;
  if (std::any_of(options.policies.begin(), options.policies.end(),
                  [](const policy::KvPolicySpec* spec) { return spec->needs_future; })) {
    auto read = read_future(path, format);
    if (!read) return read.error();
    future = std::move(*read);
  }
  std::vector<std::unique_ptr<Lane>> lanes;
  for (const std::uint32_t slots : options.slots) {
    for (const policy::KvPolicySpec* spec : options.policies) {
      lanes.push_back(
          std::make_unique<Lane>(slots, *spec, options.fast_share, future, options.cost));
    }
  }
  std::uint64_t done = 0;
  const auto served =
      for_each_request(path, format, [&](const Request& request, const Blocks& blocks) -> Status {
        for (const auto& lane : lanes) {
          const Status status = lane->serve(request, blocks, options);
          if (!status) return status;
        }
        if (options.progress && ++done % kProgressEvery == 0) options.progress(done);
        return ok_status();
      });
  if (!served) return served.error();
  std::vector<KvOutcome> outcomes;
  for (const auto& lane : lanes) outcomes.push_back(lane->outcome());
  return outcomes;
}

}  // namespace terrace::simulate
