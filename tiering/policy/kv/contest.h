// SPDX-License-Identifier: Apache-2.0
// Who decides in the policy `terrace`: learnt rates, or LRU. Caches of both are followed over the
// policy's records, so what either would have hit is known whoever decides, and neither has to
// be tried out. In blocks, and without weighing them by cost: few long prompts would say most. LRU
// decides first, and until the rates would have saved more by more than chance has it: where they
// are no better, `terrace` is LRU to the block. It is again when they would have saved less lately.
// What sequences generate is in neither cache until a request asks for it. Not thread-safe;
// allocates at construction only. O(1) a block.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "tiering/policy/kv/lru_shadow.h"
#include "tiering/policy/kv/rates_shadow.h"

namespace terrace::policy {

/// The verdict over what one side has hit more, request by request.
class Lead {
 public:
  /// Blocks that the rates hit more than LRU; less than 0: the other way.
  void count(double ahead);
  bool of_rates() const { return of_rates_; }

 private:
  struct Lately {
    double ahead = 0;    ///< sum, fading
    double squares = 0;  ///< of each request's
  };
  std::array<Lately, 2> lately_{};
  bool of_rates_ = false;
};

class Contest {
 public:
  /// Caches of `slots` blocks; a record's number is below `records`.
  Contest(std::uint32_t slots, std::uint32_t records)
      : lru_(slots, records), rates_(slots, records) {}

  bool rates_lead() const { return lead_.of_rates(); }

  // As RatesShadow's.
  void set_cell(std::uint32_t record, std::uint32_t cell) { rates_.set_cell(record, cell); }
  void rank_as(const RankedCandidates& others) { rates_.rank_as(others); }

  /// A request wants these records, first block first: what either has of them is counted, and
  /// both caches serve it.
  void serve(std::span<const std::uint32_t> records, const ReuseModel& model);
  /// The record stands for nothing any more.
  void forget(std::uint32_t record) {
    lru_.forget(record);
    rates_.forget(record);
  }

 private:
  LruShadow lru_;
  RatesShadow rates_;
  Lead lead_;
};

}  // namespace terrace::policy
