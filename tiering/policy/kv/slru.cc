// SPDX-License-Identifier: Apache-2.0
// slru: segmented LRU (R. Karedla et al., IEEE Computer 27(3), 1994). A hit protects a block; a
// fifth of the slots are protected, and the least recent of them falls back to the end of the
// others when they are too many.
#include <algorithm>

#include "tiering/policy/kv/keyed_heap.h"
#include "tiering/policy/kv/list_policies.h"

namespace terrace::policy {
namespace {

constexpr std::uint32_t kProtectedPart = 5;

class Slru final : public kv::EvictionPolicy {
 public:
  explicit Slru(std::uint32_t slots)
      : idle_(slots),
        idle_protected_(slots),
        protected_(slots),
        keys_(slots),
        most_protected_(slots / kProtectedPart) {}

  void begin(const KvRequest& request) override { request_ = request.number; }
  void inserted(KvSlot slot, std::uint32_t position) override {
    keys_[slot] = request_key(request_, position);
  }
  void touched(KvSlot slot, std::uint32_t position) override {
    protected_.erase(slot);
    keys_[slot] = request_key(request_, position);
    if (most_protected_ == 0) return;
    protected_.insert(slot, keys_[slot]);
    if (protected_.size() > most_protected_) demote(protected_.least());
  }
  void released(KvSlot slot) override {
    (protected_.contains(slot) ? idle_protected_ : idle_).insert(slot, keys_[slot]);
  }
  void held(KvSlot slot) override { forget_idle(slot); }
  KvSlot victim_for(std::uint32_t) override { return least(); }
  KvSlot least() override {
    if (!idle_.empty()) return idle_.least();
    return idle_protected_.empty() ? kNoSlot : idle_protected_.least();
  }
  void evicted(KvSlot slot) override {
    forget_idle(slot);
    protected_.erase(slot);
  }
  void joined(KvSlot slot, const kv::KvBlock& block) override { inserted(slot, block.position); }

 private:
  void forget_idle(KvSlot slot) {
    idle_.erase(slot);
    idle_protected_.erase(slot);
  }
  void demote(KvSlot slot) {
    protected_.erase(slot);
    const auto depth = static_cast<std::uint32_t>(keys_[slot]);
    keys_[slot] = (request_ << 32) | depth;
    if (!idle_protected_.contains(slot)) return;
    idle_protected_.erase(slot);
    idle_.insert(slot, keys_[slot]);
  }

  KeyedHeap idle_;
  KeyedHeap idle_protected_;
  KeyedHeap protected_;
  std::vector<std::uint64_t> keys_;
  std::size_t most_protected_;
  std::uint64_t request_ = 0;
};

}  // namespace

std::unique_ptr<kv::EvictionPolicy> make_kv_slru(const KvPolicySetup& setup) {
  return std::make_unique<Slru>(setup.slots);
}

}  // namespace terrace::policy
