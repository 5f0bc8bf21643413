// SPDX-License-Identifier: Apache-2.0
// Random trees of prefixes, requests that overlap and policies: what must hold whatever they are.
#include <gtest/gtest.h>

#include <algorithm>
#include <list>
#include <map>
#include <set>

#include "tests/fuzz/mutate.h"
#include "tiering/policy/kv/keyed_heap.h"
#include "tiering/policy/kv/prefix_cache.h"

namespace terrace::policy::kv_policy_property_test {
namespace {

using Blocks = std::vector<ChainHash>;

/// Conversations that go on, branch and share their heads.
class RandomRequests {
 public:
  explicit RandomRequests(std::mt19937& random) : random_(random) {}

  Blocks next() {
    Blocks blocks;
    if (!former_.empty() && random_() % 3 != 0) {
      blocks = former_[random_() % former_.size()];
      blocks.resize(1 + random_() % blocks.size());
    }
    for (std::size_t more = random_() % 6; more > 0 || blocks.empty(); more -= more > 0) {
      blocks.push_back(next_hash_++ * 0x9E3779B97F4A7C15u);
    }
    if (blocks.size() > 40) blocks.resize(40);
    former_.push_back(blocks);
    if (former_.size() > 60) former_.erase(former_.begin());
    return blocks;
  }

 private:
  std::mt19937& random_;
  std::vector<Blocks> former_;
  ChainHash next_hash_ = 1;
};

std::shared_ptr<const KvFuture> future_of(const std::vector<Blocks>& requests) {
  std::size_t total = 0;
  for (const Blocks& blocks : requests) total += blocks.size();
  auto future = std::make_shared<KvFuture>(total);
  std::map<ChainHash, std::uint32_t> next;
  for (std::size_t i = requests.size(); i > 0; --i) {
    const Blocks& blocks = requests[i - 1];
    total -= blocks.size();
    for (std::size_t k = 0; k < blocks.size(); ++k) {
      const auto found = next.find(blocks[k]);
      (*future)[total + k] = found == next.end() ? kNeverAgain : found->second;
    }
    for (const ChainHash hash : blocks) next[hash] = static_cast<std::uint32_t>(i - 1);
  }
  return future;
}

/// What is cached, told by the observer alone.
class Watch final : public KvObserver {
 public:
  explicit Watch(std::uint32_t slots) : used_(slots, 0) {}
  void inserted(KvSlot slot) override { EXPECT_EQ(used_[slot]++, 0); }
  void hit(KvSlot slot) override { EXPECT_EQ(used_[slot], 1); }
  void evicted(KvSlot slot) override { EXPECT_EQ(used_[slot]--, 1); }
  std::size_t used() const {
    return static_cast<std::size_t>(std::count(used_.begin(), used_.end(), 1));
  }

 private:
  std::vector<int> used_;
};

struct Running {
  Blocks blocks;
  std::uint32_t leased;
};

void expect_sound(const PrefixCache& cache, const std::list<Running>& running,
                  const std::map<ChainHash, ChainHash>& parent, const char* name) {
  for (const Running& one : running) {
    for (std::uint32_t i = 0; i < one.leased; ++i) {
      ASSERT_TRUE(cache.contains(one.blocks[i])) << name << ": a leased block is gone";
    }
  }
  for (const auto& [hash, above] : parent) {
    ASSERT_TRUE(!cache.contains(hash) || cache.contains(above)) << name << ": an orphan";
  }
}

TEST(KvPolicyProperty, KeepsLeasesAndParentsWhileRequestsOverlap) {
  std::mt19937 random(fuzz::logged_seed());
  for (int round = 0; round < 30 && !testing::Test::HasFatalFailure(); ++round) {
    RandomRequests source(random);
    std::vector<Blocks> requests(150);
    for (Blocks& blocks : requests) blocks = source.next();
    const auto future = future_of(requests);
    const auto slots = static_cast<std::uint32_t>(1 + random() % 120);
    for (const KvPolicySpec& spec : kv_policies()) {
      Watch watch(slots);
      PrefixCache cache(slots, spec.make({.slots = slots, .future = future}), &watch);
      std::list<Running> running;
      std::map<ChainHash, ChainHash> parent;
      for (const Blocks& blocks : requests) {
        for (std::size_t i = 1; i < blocks.size(); ++i) parent[blocks[i]] = blocks[i - 1];
        const std::uint32_t found = cache.longest_prefix(blocks);
        const KvServed served = cache.begin(blocks);
        ASSERT_EQ(served.hit_blocks, found);
        ASSERT_LE(served.leased_blocks, blocks.size());
        running.push_back({blocks, served.leased_blocks});
        expect_sound(cache, running, parent, spec.name.data());
        ASSERT_EQ(cache.cached(), watch.used());
        while (running.size() > random() % 4) {
          cache.end(running.front().blocks, running.front().leased);
          running.pop_front();
        }
      }
    }
  }
}

/// LRU over a list and a set, written without regard to speed.
std::uint64_t plain_lru_hits(const std::vector<Blocks>& requests, std::size_t slots) {
  std::list<ChainHash> order;  // oldest first
  std::uint64_t hits = 0;
  const auto cached = [&](ChainHash hash) {
    return std::find(order.begin(), order.end(), hash) != order.end();
  };
  for (const Blocks& blocks : requests) {
    std::size_t found = 0;
    while (found < blocks.size() && cached(blocks[found])) ++found;
    hits += found;
    // Deepest first, so that of one request the deepest is the oldest. What does not fit beside
    // the rest of the request is never there.
    const std::size_t kept = std::min(blocks.size(), slots);
    for (std::size_t i = kept; i > 0; --i) {
      order.remove(blocks[i - 1]);
      order.push_back(blocks[i - 1]);
    }
    while (order.size() > slots) order.pop_front();
  }
  return hits;
}

std::uint64_t hits_of(const KvPolicySpec& spec, const std::vector<Blocks>& requests,
                      std::uint32_t slots, const std::shared_ptr<const KvFuture>& future) {
  PrefixCache cache(slots, spec.make({.slots = slots, .future = future}), nullptr);
  std::uint64_t hits = 0;
  for (const Blocks& blocks : requests) {
    const KvServed served = cache.begin(blocks);
    cache.end(blocks, served.leased_blocks);
    hits += served.hit_blocks;
  }
  return hits;
}

TEST(KvPolicyProperty, LruEqualsAPlainListAndNothingBeatsOpt) {
  std::mt19937 random(fuzz::logged_seed());
  for (int round = 0; round < 40; ++round) {
    RandomRequests source(random);
    std::vector<Blocks> requests(300);
    for (Blocks& blocks : requests) blocks = source.next();
    const auto future = future_of(requests);
    const auto slots = static_cast<std::uint32_t>(1 + random() % 200);
    const std::uint64_t bound = hits_of(*find_kv_policy("opt"), requests, slots, future);
    for (const KvPolicySpec& spec : kv_policies()) {
      EXPECT_LE(hits_of(spec, requests, slots, future), bound) << spec.name << ", " << slots;
    }
    EXPECT_EQ(hits_of(*find_kv_policy("lru"), requests, slots, future),
              plain_lru_hits(requests, slots))
        << slots;
  }
}

TEST(KvPolicyProperty, HeapEqualsAnOrderedSet) {
  std::mt19937 random(fuzz::logged_seed());
  constexpr std::uint32_t kMost = 50;
  KeyedHeap heap(kMost);
  std::set<std::pair<std::uint64_t, KvSlot>> order;
  std::vector<std::uint64_t> keys(kMost);
  for (int step = 0; step < 100000; ++step) {
    const auto slot = static_cast<KvSlot>(random() % kMost);
    if (heap.contains(slot)) {
      heap.erase(slot);
      order.erase({keys[slot], slot});
    } else {
      keys[slot] = random() * std::uint64_t{100} + slot;
      heap.insert(slot, keys[slot]);
      order.insert({keys[slot], slot});
    }
    ASSERT_EQ(heap.size(), order.size());
    ASSERT_TRUE(order.empty() || heap.least() == order.begin()->second);
  }
}

}  // namespace
}  // namespace terrace::policy::kv_policy_property_test
