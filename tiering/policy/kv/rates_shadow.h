// SPDX-License-Identifier: Apache-2.0
// What a cache that goes by learnt rates alone would have, beside the policy `terrace` and over its
// records, whoever decides at the time: one side of contest.h. Requests come one after the other
// here; what may go is as in prefix_cache.h.
// Not thread-safe; allocates at construction only. O(1) a block and an eviction.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tiering/policy/kv/ranked_candidates.h"

namespace terrace::policy {

class RatesShadow {
 public:
  /// A cache of `slots` blocks; a record's number is below `records`.
  RatesShadow(std::uint32_t slots, std::uint32_t records)
      : slots_(slots), candidates_(records, {}), members_(records) {}

  bool holds(std::uint32_t record) const { return members_[record].inside; }

  /// Class and age of a record are these from now on.
  void set_cell(std::uint32_t record, std::uint32_t cell);
  /// The model was fitted again; `others` are ranked by it.
  void rank_as(const RankedCandidates& others) { candidates_.rank_as(others); }

  /// A request wants these records, first block first.
  void serve(std::span<const std::uint32_t> records, const ReuseModel& model);
  /// The record stands for nothing any more. Blocks behind it stay until they are worth least.
  void forget(std::uint32_t record) {
    if (members_[record].inside) leave(record);
  }

 private:
  static constexpr std::uint32_t kNone = RankedCandidates::kNone;
  struct Member {
    std::uint32_t parent = kNone;
    std::uint32_t parent_stay = 0;  ///< another one by now: the parent was forgotten
    std::uint32_t stay = 0;         ///< how often it has left
    std::uint32_t children = 0;
    std::uint32_t cell = 0;
    bool inside = false;
    bool idle = false;  ///< a candidate
  };

  void set_idle(std::uint32_t record, bool idle);
  bool make_room(std::uint32_t record, const ReuseModel& model);
  void enter(std::uint32_t record);
  void leave(std::uint32_t record);

  std::uint32_t slots_;
  RankedCandidates candidates_;
  std::vector<Member> members_;
  std::uint32_t held_ = 0;
  std::uint32_t tip_ = kNone;  ///< last block so far of the request at hand
};

}  // namespace terrace::policy
