// SPDX-License-Identifier: Apache-2.0
#include "tiering/policy/online_target.h"

#include <algorithm>
#include <cmath>

#include <terrace/units.h>

#include "tiering/plan/programme.h"

namespace terrace::policy {
namespace {

constexpr std::uint32_t kPhaseBlocks = 16;  // 32 MiB, as the planner's default
// Of a slow link's bandwidth, as the planner: the rest is for moves and disturbances.
constexpr double kSlowLinkUse = 0.92;
constexpr double kBlock = static_cast<double>(kBlockBytes.value);

// Blocks of one object that are streamed together.
struct Chunk {
  std::vector<BlockId> blocks;
};

model::Workload workload_of(const TargetRequest& request) {
  model::Workload workload;
  for (std::uint32_t o = 0; o < request.layout.objects.size(); ++o) {
    const ObjectSpan& span = request.layout.objects[o];
    model::ObjectLoad load;
    load.heat_index = o;
    for (BlockId block = span.first; block < span.first + span.count; ++block) {
      const BlockOutlook& outlook = request.outlook[block];
      model::BlockLoad one;
      if (request.table.tier_of(block) != kNowhere && outlook.rate > 0) {
        one.bytes_per_step = outlook.rate * kBlock;
        one.access = outlook.streamed ? model::Access::kStreamed : model::Access::kRouted;
      }
      load.blocks.push_back(one);
    }
    for (std::uint32_t first = 0; first < span.count; first += kPhaseBlocks) {
      workload.phases.push_back({o, first, std::min(kPhaseBlocks, span.count - first)});
    }
    workload.objects.push_back(std::move(load));
  }
  return workload;
}

std::vector<Chunk> streamed_chunks(const TargetRequest& request) {
  std::vector<Chunk> chunks;
  for (const ObjectSpan& span : request.layout.objects) {
    Chunk chunk;
    for (BlockId block = span.first; block < span.first + span.count; ++block) {
      if (request.table.tier_of(block) != kNowhere && request.outlook[block].streamed) {
        chunk.blocks.push_back(block);
      }
      if (chunk.blocks.size() == kPhaseBlocks) {
        chunks.push_back(std::move(chunk));
        chunk = {};
      }
    }
    if (!chunk.blocks.empty()) chunks.push_back(std::move(chunk));
  }
  return chunks;
}

// What a byte costs on each link when moves take their part of it. Of the slow links, what the
// programme leaves free anyway is there for them first.
std::vector<double> rates_beside_moves(const TargetRequest& request) {
  std::vector<double> seconds_per_byte = request.machine.seconds_per_byte;
  for (std::size_t tier = 0; tier < seconds_per_byte.size(); ++tier) {
    const double spare = tier == 0 ? 1 : kSlowLinkUse;
    seconds_per_byte[tier] /= std::min(1.0, (1 - request.load_of_moves[tier]) / spare);
  }
  return seconds_per_byte;
}

// How many of the streamed blocks the programme puts on each tier; the others' room is not its own.
Result<std::vector<double>> stream_shares(const TargetRequest& request) {
  const bool any = std::any_of(request.outlook.begin(), request.outlook.end(),
                               [](const BlockOutlook& outlook) { return outlook.streamed; });
  if (!any) return std::vector<double>{};
  std::vector<std::uint64_t> capacity = request.machine.capacity_blocks;
  capacity[0] -= std::min(capacity[0] - 1, request.reserve_blocks);
  const model::Workload workload = workload_of(request);
  const model::Rates rates{request.machine.engine_seconds_per_byte, rates_beside_moves(request)};
  const plan::Programme programme =
      plan::plan_programme(workload, rates, plan::Constraints{}, capacity, kSlowLinkUse);
  auto solution = plan::solve(programme);
  if (!solution) return solution.error();
  const std::size_t tiers = capacity.size();
  std::vector<double> shares(tiers, 0.0);
  double sum = 0;
  for (std::size_t r = 0; r < programme.ranges.size(); ++r) {
    // A phase too short to hide anything in is not kept apart from the routed blocks of its heat.
    const std::vector<plan::BlockRef>& blocks = programme.ranges[r].blocks;
    const auto streams = std::count_if(blocks.begin(), blocks.end(), [&](const auto& ref) {
      return workload.objects[ref.object].blocks[ref.block].access == model::Access::kStreamed;
    });
    const double part = static_cast<double>(streams) / static_cast<double>(blocks.size());
    for (std::size_t tier = 0; tier < tiers; ++tier) {
      shares[tier] += part * solution->blocks[r * tiers + tier];
      sum += part * solution->blocks[r * tiers + tier];
    }
  }
  if (sum <= 0) return std::vector<double>{};
  for (double& share : shares) share /= sum;
  return shares;
}

double chunk_seconds(double engine_seconds_per_byte, const std::vector<double>& seconds_per_byte,
                     const std::vector<std::uint64_t>& on_tier, std::size_t blocks) {
  double seconds = engine_seconds_per_byte * static_cast<double>(blocks);
  for (std::size_t tier = 0; tier < on_tier.size(); ++tier) {
    seconds = std::max(seconds, static_cast<double>(on_tier[tier]) * seconds_per_byte[tier]);
  }
  return seconds * kBlock;
}

// Whole blocks of a chunk on each tier; what rounding leaves is carried to the next chunk.
std::vector<std::uint64_t> quota_of(const std::vector<double>& shares, std::size_t blocks,
                                    std::vector<double>& owed) {
  std::vector<std::uint64_t> quota(shares.size(), 0);
  for (std::size_t tier = 0; tier < shares.size(); ++tier) {
    owed[tier] += shares[tier] * static_cast<double>(blocks);
  }
  for (std::size_t i = 0; i < blocks; ++i) {
    const auto most = std::max_element(owed.begin(), owed.end());
    *most -= 1;
    ++quota[static_cast<std::size_t>(most - owed.begin())];
  }
  return quota;
}

// Blocks stay where they are as far as the quota allows; the others fill the gaps, fastest first.
std::uint64_t place_chunk(const Chunk& chunk, const PlacementTable& table,
                          std::vector<std::uint64_t> quota, std::vector<std::uint8_t>& tier_of) {
  std::vector<BlockId> leaving;
  for (const BlockId block : chunk.blocks) {
    const std::uint8_t tier = table.tier_of(block);
    if (quota[tier] > 0) {
      --quota[tier];
      tier_of[block] = tier;
    } else {
      leaving.push_back(block);
    }
  }
  std::size_t tier = 0;
  for (const BlockId block : leaving) {
    while (quota[tier] == 0) ++tier;
    --quota[tier];
    tier_of[block] = static_cast<std::uint8_t>(tier);
  }
  return leaving.size();
}

void place_streams(const TargetRequest& request, Target& target) {
  const std::vector<Chunk> chunks = streamed_chunks(request);
  std::vector<double> owed(request.machine.tiers(), 0.0);
  const std::vector<double> rates = rates_beside_moves(request);
  const double engine = request.machine.engine_seconds_per_byte;
  for (const Chunk& chunk : chunks) {
    std::vector<std::uint64_t> now(request.machine.tiers(), 0);
    for (const BlockId block : chunk.blocks) ++now[request.table.tier_of(block)];
    const auto quota = quota_of(target.stream_shares, chunk.blocks.size(), owed);
    const double gain = chunk_seconds(engine, rates, now, chunk.blocks.size()) -
                        chunk_seconds(engine, rates, quota, chunk.blocks.size());
    target.stream_gain_seconds += gain * request.outlook[chunk.blocks.front()].horizon_steps;
    target.stream_moves += place_chunk(chunk, request.table, quota, target.tier_of);
  }
}

// Do the streams' moves earn what they cost? If not, streams stay.
bool streams_pay(const TargetRequest& request, const Target& target) {
  return target.stream_gain_seconds >
         static_cast<double>(target.stream_moves) * request.swap_seconds / 2;
}

void keep_streams(const TargetRequest& request, Target& target) {
  for (BlockId block = 0; block < request.table.blocks(); ++block) {
    if (request.outlook[block].streamed) target.tier_of[block] = request.table.tier_of(block);
  }
}

struct Candidate {
  BlockId block;
  bool here;  // on the tier that is asked about
  double score;
};

// One that is there already counts the price of an exchange more, so that nothing moves for less
// than it costs, and doubt speaks for what is. Resting blocks are the first to stay and the last to
// come.
Candidate candidate_of(const TargetRequest& request, BlockId block, std::uint8_t tier) {
  const BlockOutlook& outlook = request.outlook[block];
  const bool here = request.table.tier_of(block) == tier;
  if (outlook.resting) return {block, here, here ? HUGE_VAL : -HUGE_VAL};
  const double doubt = here ? outlook.doubt + request.swap_seconds : -outlook.doubt;
  return {block, here, outlook.worth + doubt};
}

// Splits the candidates so that the best ones come first, as many as there is room for. When the
// tier is full and stays so, which is nearly always, only those of its blocks can lose their place
// that are not above all others, and only those others can come that are not below all of them:
// few, and only they have to be told apart.
void put_best_first(std::vector<Candidate>& candidates, std::size_t room) {
  std::size_t here = 0;
  double lowest_here = HUGE_VAL;
  double best_there = -HUGE_VAL;
  for (const Candidate& one : candidates) {
    here += one.here ? 1 : 0;
    lowest_here = std::min(lowest_here, one.here ? one.score : HUGE_VAL);
    best_there = std::max(best_there, one.here ? -HUGE_VAL : one.score);
  }
  auto first = candidates.begin();
  auto last = candidates.end();
  if (here == room) {
    first = std::partition(first, last, [best_there](const Candidate& one) {
      return one.here && one.score > best_there;
    });
    last = std::partition(first, last, [lowest_here](const Candidate& one) {
      return one.here || one.score >= lowest_here;
    });
  }
  const auto middle = candidates.begin() + static_cast<std::ptrdiff_t>(room);
  std::nth_element(first, middle, last, [](const Candidate& a, const Candidate& b) {
    return a.score > b.score || (a.score == b.score && a.block < b.block);
  });
}

// Blocks that no stream's share has a place for.
std::vector<BlockId> blocks_beside_streams(const TargetRequest& request) {
  std::vector<BlockId> blocks;
  blocks.reserve(request.table.blocks());
  for (BlockId block = 0; block < request.table.blocks(); ++block) {
    if (request.table.tier_of(block) == kNowhere || request.outlook[block].streamed) continue;
    blocks.push_back(block);
  }
  return blocks;
}

std::vector<std::uint64_t> room_beside_streams(const TargetRequest& request, const Target& target) {
  std::vector<std::uint64_t> room = request.machine.capacity_blocks;
  room[0] -= std::min(room[0], request.reserve_blocks);
  for (BlockId block = 0; block < request.table.blocks(); ++block) {
    if (request.table.tier_of(block) == kNowhere || !request.outlook[block].streamed) continue;
    std::uint64_t& left = room[target.tier_of[block]];
    left -= std::min<std::uint64_t>(left, 1);
  }
  return room;
}

// The most valuable blocks to the fastest tier that has room.
void place_by_worth(const TargetRequest& request, Target& target) {
  const std::vector<std::uint64_t> room = room_beside_streams(request, target);
  std::vector<BlockId> left = blocks_beside_streams(request);
  std::vector<Candidate> candidates;
  candidates.reserve(left.size());
  for (std::uint8_t tier = 0; tier < request.machine.tiers(); ++tier) {
    if (left.size() <= room[tier]) {
      for (const BlockId block : left) target.tier_of[block] = tier;
      return;
    }
    candidates.clear();
    for (const BlockId block : left) candidates.push_back(candidate_of(request, block, tier));
    put_best_first(candidates, room[tier]);
    left.clear();
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (i < room[tier]) {
        target.tier_of[candidates[i].block] = tier;
      } else {
        left.push_back(candidates[i].block);
      }
    }
  }
  for (const BlockId block : left) target.tier_of[block] = request.table.tier_of(block);
}

}  // namespace

Result<Target> find_target(const TargetRequest& request) {
  Target target;
  target.tier_of.assign(request.table.blocks(), kNowhere);
  if (request.known_shares.empty()) {
    auto shares = stream_shares(request);
    if (!shares) return shares.error();
    target.stream_shares = std::move(*shares);
  } else {
    target.stream_shares = request.known_shares;
  }
  if (!target.stream_shares.empty()) place_streams(request, target);
  if (!streams_pay(request, target)) keep_streams(request, target);
  place_by_worth(request, target);
  return target;
}

}  // namespace terrace::policy
