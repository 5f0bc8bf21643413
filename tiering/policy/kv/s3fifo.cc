// SPDX-License-Identifier: Apache-2.0
// s3fifo: three FIFO queues (J. Yang et al., SOSP 2023). New blocks go to a small queue of a tenth
// of the slots; from there to the main one when they were hit more than once, else out, leaving a
// ghost. What comes back while its ghost is remembered goes to the main queue, in which a hit is
// worth another round. Here queues are in the order of arrival, among blocks that may be evicted.
#include <algorithm>

#include "allocators/kv/chain_index.h"
#include "tiering/policy/kv/keyed_heap.h"
#include "tiering/policy/kv/list_policies.h"

namespace terrace::policy {
namespace {

using kv::ChainIndex;

constexpr std::uint32_t kSmallPart = 10;
constexpr std::uint8_t kMostHits = 3;

/// The last hashes that left, as many as there are slots.
class GhostRing {
 public:
  explicit GhostRing(std::uint32_t most) : index_(most), ring_(most) {}
  bool contains(ChainHash hash) const { return index_.find(hash) != ChainIndex::kNone; }
  void add(ChainHash hash) {
    if (contains(hash)) return;
    Ghost& oldest = ring_[next_];
    if (oldest.there) index_.erase(oldest.hash);
    oldest = {hash, true};
    index_.insert(hash, next_);
    next_ = next_ + 1 == ring_.size() ? 0 : next_ + 1;
  }

 private:
  struct Ghost {
    ChainHash hash = 0;
    bool there = false;
  };
  ChainIndex index_;
  std::vector<Ghost> ring_;
  std::uint32_t next_ = 0;
};

class S3Fifo final : public kv::EvictionPolicy {
 public:
  explicit S3Fifo(std::uint32_t slots)
      : idle_small_(slots),
        idle_main_(slots),
        ghosts_(slots),
        blocks_(slots),
        small_room_(std::max(1u, slots / kSmallPart)) {}

  void begin(const KvRequest& request) override { request_ = request; }
  void inserted(KvSlot slot, std::uint32_t position) override {
    enter(slot, request_.blocks[position], position);
  }
  void joined(KvSlot slot, const kv::KvBlock& block) override {
    enter(slot, block.hash, block.position);
  }
  void touched(KvSlot slot, std::uint32_t) override {
    blocks_[slot].hits = std::min<std::uint8_t>(kMostHits, blocks_[slot].hits + 1);
  }
  void released(KvSlot slot) override { queue_of(slot).insert(slot, blocks_[slot].key); }
  void held(KvSlot slot) override { queue_of(slot).erase(slot); }
  KvSlot victim_for(std::uint32_t) override { return least(); }
  KvSlot least() override {
    // Each turn takes a hit or a place in the small queue from some block, so this ends.
    while (!idle_small_.empty() || !idle_main_.empty()) {
      const bool small = !idle_small_.empty() && (small_ >= small_room_ || idle_main_.empty());
      const KvSlot slot = small ? idle_small_.least() : idle_main_.least();
      if (small ? blocks_[slot].hits <= 1 : blocks_[slot].hits == 0) return slot;
      renew(slot);
    }
    return kNoSlot;
  }
  void evicted(KvSlot slot) override {
    queue_of(slot).erase(slot);
    if (blocks_[slot].main) return;
    --small_;
    ghosts_.add(blocks_[slot].hash);
  }

 private:
  struct Block {
    ChainHash hash = 0;
    std::uint64_t key = 0;
    std::uint8_t hits = 0;
    bool main = false;
  };
  void enter(KvSlot slot, ChainHash hash, std::uint32_t position) {
    const bool known = ghosts_.contains(hash);
    blocks_[slot] = {hash, request_key(request_.number, position), 0, known};
    if (!known) ++small_;
  }
  KeyedHeap& queue_of(KvSlot slot) { return blocks_[slot].main ? idle_main_ : idle_small_; }
  void renew(KvSlot slot) {
    Block& block = blocks_[slot];
    queue_of(slot).erase(slot);
    block.hits = block.main ? static_cast<std::uint8_t>(block.hits - 1) : std::uint8_t{0};
    if (!block.main) --small_;
    block.main = true;
    block.key = (request_.number << 32) | static_cast<std::uint32_t>(block.key);
    idle_main_.insert(slot, block.key);
  }

  KeyedHeap idle_small_;
  KeyedHeap idle_main_;
  GhostRing ghosts_;
  std::vector<Block> blocks_;
  std::uint32_t small_ = 0;
  std::uint32_t small_room_;
  KvRequest request_;
};

}  // namespace

std::unique_ptr<kv::EvictionPolicy> make_kv_s3fifo(const KvPolicySetup& setup) {
  return std::make_unique<S3Fifo>(setup.slots);
}

}  // namespace terrace::policy
