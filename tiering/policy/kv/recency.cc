// SPDX-License-Identifier: Apache-2.0
// lru and fifo: the block whose last use, or whose arrival, is longest ago; of one request the
// deepest first. Heap-ordered keys, since leaves alone may go.
#include "tiering/policy/kv/keyed_heap.h"
#include "tiering/policy/kv/list_policies.h"

namespace terrace::policy {
namespace {

enum class Renewal : std::uint8_t {
  kNever = 0,  ///< fifo: a hit changes nothing
  kOnHit = 1,  ///< lru
};

class Recency final : public kv::EvictionPolicy {
 public:
  Recency(std::uint32_t slots, Renewal renewal) : idle_(slots), keys_(slots), renewal_(renewal) {}

  void begin(const KvRequest& request) override { request_ = request.number; }
  void inserted(KvSlot slot, std::uint32_t position) override {
    keys_[slot] = request_key(request_, position);
  }
  void touched(KvSlot slot, std::uint32_t position) override {
    if (renewal_ == Renewal::kOnHit) keys_[slot] = request_key(request_, position);
  }
  void released(KvSlot slot) override { idle_.insert(slot, keys_[slot]); }
  void held(KvSlot slot) override { idle_.erase(slot); }
  KvSlot victim_for(std::uint32_t) override { return least(); }
  void evicted(KvSlot slot) override { idle_.erase(slot); }
  void joined(KvSlot slot, const kv::KvBlock& block) override { inserted(slot, block.position); }
  KvSlot least() override { return idle_.empty() ? kNoSlot : idle_.least(); }

 private:
  KeyedHeap idle_;
  std::vector<std::uint64_t> keys_;
  std::uint64_t request_ = 0;
  Renewal renewal_;
};

}  // namespace

std::unique_ptr<kv::EvictionPolicy> make_kv_lru(const KvPolicySetup& setup) {
  return std::make_unique<Recency>(setup.slots, Renewal::kOnHit);
}
std::unique_ptr<kv::EvictionPolicy> make_kv_fifo(const KvPolicySetup& setup) {
  return std::make_unique<Recency>(setup.slots, Renewal::kNever);
}

}  // namespace terrace::policy
