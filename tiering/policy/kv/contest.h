// SPDX-License-Identifier: Apache-2.0
// Who decides in the policy `terrace`: learnt rates, or LRU. Caches of both are followed over the
// policy's records, so what either would have saved is known whoever decides, and neither has to
// be tried out. LRU decides first, and until the rates would have saved more by more than chance
// has it: where they are no better, `terrace` is LRU to the block. It is again when they would have
// saved less lately. What sequences generate is in neither cache until a request asks for it.
// Not thread-safe; allocates at construction only. O(1) a block.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "tiering/policy/kv/lru_shadow.h"
#include "tiering/policy/kv/rates_shadow.h"

namespace terrace::policy {

/// The verdict over what one side has saved more, request by request.
class Lead {
 public:
  /// What the rates saved and LRU did not, in blocks or their cost; less than 0: the other way.
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
  Contest(std::uint32_t slots, std::uint32_t records, RecomputeCost cost)
      : cost_(cost), lru_(slots, records), rates_(slots, records, cost) {}

  bool rates_lead() const { return lead_.of_rates(); }

  // As RatesShadow's.
  void set_place(std::uint32_t record, std::uint32_t cell, std::uint8_t band) {
    rates_.set_place(record, cell, band);
  }
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
  RecomputeCost cost_;
  LruShadow lru_;
  RatesShadow rates_;
  Lead lead_;
};

}  // namespace terrace::policy
