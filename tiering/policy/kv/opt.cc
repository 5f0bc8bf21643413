// SPDX-License-Identifier: Apache-2.0
// opt: the block that is wanted again last goes, and a new block that is wanted later than all
// others gets no place (L. Belady, IBM Systems Journal 5(2), 1966; with bypass). A parent is wanted
// no later than its child, so the order never asks for a parent before its child: the rules of
// prefix_cache.h cost nothing, and no policy hits more.
#include <cassert>

#include "tiering/policy/kv/keyed_heap.h"
#include "tiering/policy/kv/list_policies.h"

namespace terrace::policy {
namespace {

class Opt final : public kv::EvictionPolicy {
 public:
  Opt(std::uint32_t slots, std::shared_ptr<const KvFuture> future)
      : future_(std::move(future)), idle_(slots), keys_(slots) {}

  void begin(const KvRequest& request) override {
    first_ = next_;
    next_ += request.blocks.size();
    assert(next_ <= future_->size());
  }
  void inserted(KvSlot slot, std::uint32_t position) override { keys_[slot] = key_of(position); }
  void touched(KvSlot slot, std::uint32_t position) override { keys_[slot] = key_of(position); }
  void released(KvSlot slot) override { idle_.insert(slot, keys_[slot]); }
  void held(KvSlot slot) override { idle_.erase(slot); }
  KvSlot victim_for(std::uint32_t position) override {
    if (idle_.empty() || idle_.least_key() >= key_of(position)) return kNoSlot;
    return idle_.least();
  }
  void evicted(KvSlot slot) override { idle_.erase(slot); }
  /// Of what is not in the trace the future is not known: never again.
  void joined(KvSlot slot, const kv::KvBlock& block) override {
    keys_[slot] = request_key(0, block.position);
  }
  KvSlot least() override { return idle_.empty() ? kNoSlot : idle_.least(); }

 private:
  /// Least: wanted last, and of one request the deepest.
  std::uint64_t key_of(std::uint32_t position) const {
    return request_key(kNeverAgain - (*future_)[first_ + position], position);
  }

  std::shared_ptr<const KvFuture> future_;
  KeyedHeap idle_;
  std::vector<std::uint64_t> keys_;
  std::size_t first_ = 0;
  std::size_t next_ = 0;
};

}  // namespace

std::unique_ptr<kv::EvictionPolicy> make_kv_opt(const KvPolicySetup& setup) {
  return std::make_unique<Opt>(setup.slots, setup.future);
}

}  // namespace terrace::policy
