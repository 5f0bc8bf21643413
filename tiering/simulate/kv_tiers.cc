// SPDX-License-Identifier: Apache-2.0
#include "tiering/simulate/kv_tiers.h"

namespace terrace::simulate {

KvTiers::KvTiers(std::uint32_t slots, std::uint32_t fast_slots)
    : order_(slots, 1), on_fast_(slots, 0), fast_slots_(fast_slots) {}

void KvTiers::put_on_fast(policy::KvSlot slot) {
  if (fast_slots_ == 0) return;
  if (fast_used_ == fast_slots_) {
    const std::uint32_t oldest = order_.first(0);
    order_.remove(oldest);
    on_fast_[oldest] = 0;
    ++moves_;
  } else {
    ++fast_used_;
  }
  order_.append(0, slot);
  on_fast_[slot] = 1;
}

void KvTiers::inserted(policy::KvSlot slot) {
  put_on_fast(slot);
}

void KvTiers::hit(policy::KvSlot slot) {
  if (on_fast_[slot] != 0) {
    ++hits_fast_;
    order_.remove(slot);
    order_.append(0, slot);
    return;
  }
  ++hits_slow_;
  if (fast_slots_ == 0) return;
  ++moves_;
  put_on_fast(slot);
}

void KvTiers::evicted(policy::KvSlot slot) {
  if (on_fast_[slot] == 0) return;
  order_.remove(slot);
  on_fast_[slot] = 0;
  --fast_used_;
}

}  // namespace terrace::simulate
