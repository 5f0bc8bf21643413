// SPDX-License-Identifier: Apache-2.0
// Who may go from a prefix store, against a model that does it plainly.
#include "allocators/kv/store_index.h"

#include <gtest/gtest.h>

#include <map>
#include <new>
#include <optional>
#include <random>

#include "tests/unit/kv/failing_new.h"

namespace terrace::kv::store_index_test {
namespace {

struct ModelRecord {
  ChainHash parent = 0;
  std::uint64_t used = 0;
  std::uint32_t pins = 0;
};

class Model {
 public:
  bool has_child(ChainHash hash) const {
    for (const auto& [other, record] : records) {
      if (record.parent == hash) return true;
    }
    return false;
  }
  std::optional<ChainHash> victim(ChainHash spared) const {
    std::optional<ChainHash> oldest;
    for (const auto& [hash, record] : records) {
      if (record.pins != 0 || hash == spared || has_child(hash)) continue;
      if (!oldest || record.used < records.at(*oldest).used) oldest = hash;
    }
    return oldest;
  }
  std::map<ChainHash, ModelRecord> records;
  std::uint64_t now = 0;
};

constexpr std::uint32_t kSlots = 12;

void add(StoreIndex& index, Model& model, ChainHash hash, ChainHash parent) {
  const bool full = model.records.size() == kSlots;
  const auto victim = full ? model.victim(parent) : std::nullopt;
  const StoreSlot at = parent == 0 ? kNoStoreSlot : index.find_live(parent);
  const StoreIndex::Place place = index.reserve(hash, at);
  ASSERT_EQ(place.slot != kNoStoreSlot, !full || victim.has_value());
  if (place.slot == kNoStoreSlot) return;
  EXPECT_EQ(place.replaces, full);
  index.commit(place.slot);
  if (victim) {
    EXPECT_EQ(index.find(*victim), kNoStoreSlot);
    model.records.erase(*victim);
  }
  model.records[hash] = {parent, ++model.now, 0};
}

TEST(StoreIndex, ChoosesVictimsAsTheModelDoes) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    StoreIndex index(kSlots);
    for (StoreSlot slot = kSlots; slot-- > 0;) index.add_free(slot);
    Model model;
    for (ChainHash next = 1; next < 300; ++next) {
      std::vector<ChainHash> there = {0};
      for (const auto& [hash, record] : model.records) there.push_back(hash);
      const ChainHash chosen = there[random() % there.size()];
      const StoreSlot slot = chosen == 0 ? kNoStoreSlot : index.find_live(chosen);
      ASSERT_EQ(slot == kNoStoreSlot, chosen == 0);
      const std::uint64_t what = random() % 8;
      if (what < 4 || chosen == 0) {
        add(index, model, next, chosen);
      } else if (what < 6) {
        index.touch(slot);
        model.records[chosen].used = ++model.now;
      } else if (model.records[chosen].pins == 0) {
        index.pin(slot);
        ++model.records[chosen].pins;
      } else {
        index.unpin(slot);
        --model.records[chosen].pins;
      }
      ASSERT_EQ(index.live(), model.records.size());
    }
  }
}

TEST(StoreIndex, DropTakesAllThatBuildOnARecord) {
  StoreIndex index(8);
  for (StoreSlot slot = 8; slot-- > 0;) index.add_free(slot);
  const auto put = [&](ChainHash hash, StoreSlot parent) {
    const StoreSlot slot = index.reserve(hash, parent).slot;
    index.commit(slot);
    return slot;
  };
  const StoreSlot root = put(1, kNoStoreSlot);
  const StoreSlot middle = put(2, root);
  const StoreSlot leaf = put(3, middle);
  put(4, root);
  const std::vector<StoreSlot> dropped = index.drop(middle);
  EXPECT_EQ(dropped, (std::vector<StoreSlot>{middle, leaf}));
  EXPECT_EQ(index.live(), 2u);
  EXPECT_EQ(index.find(3), kNoStoreSlot);
  EXPECT_NE(index.find_live(4), kNoStoreSlot);
}

TEST(StoreIndex, DroppedSlotIsFreeWhenItsLastReaderHasGone) {
  StoreIndex index(1);
  index.add_free(0);
  index.commit(index.reserve(1, kNoStoreSlot).slot);
  index.pin(0);
  index.drop(0);
  index.unpin(0);  // the pool says so
  EXPECT_EQ(index.reserve(2, kNoStoreSlot).slot, kNoStoreSlot);
  index.unpin(0);  // the reader
  EXPECT_EQ(index.reserve(2, kNoStoreSlot).slot, 0u);
}

TEST(StoreIndex, UnverifiedRecordsAreNotFoundAndDoNotGo) {
  StoreIndex index(2);
  EXPECT_TRUE(index.add_unverified(0, 1, 5));
  EXPECT_TRUE(index.add_unverified(1, 2, 6));
  EXPECT_FALSE(index.add_unverified(1, 2, 6)) << "of this hash already";
  index.adopt(1, 0);
  EXPECT_EQ(index.find_live(1), kNoStoreSlot);
  EXPECT_EQ(index.reserve(3, kNoStoreSlot).slot, kNoStoreSlot);
  index.commit(0);
  EXPECT_EQ(index.reserve(3, kNoStoreSlot).slot, kNoStoreSlot) << "another builds on it";
  index.commit(1);
  EXPECT_EQ(index.reserve(3, kNoStoreSlot).slot, 1u);
}

TEST(StoreIndex, NeedsNoMemoryToLeaseUseAndLetGo) {
  StoreIndex index(2);
  for (const StoreSlot slot : {0, 1}) index.add_free(slot);
  for (const ChainHash hash : {1, 2}) index.commit(index.reserve(hash, kNoStoreSlot).slot);
  {
    const NthNewFails failing(1);
    const StoreSlot oldest = index.find_live(1);
    index.pin(oldest);
    index.touch(oldest);
    index.unpin(oldest);
    EXPECT_FALSE(failing.failed());
  }
  EXPECT_TRUE(index.reserve(3, kNoStoreSlot).replaces);
  EXPECT_EQ(index.find(2), kNoStoreSlot);
  EXPECT_NE(index.find_live(1), kNoStoreSlot);
}

TEST(StoreIndex, AReserveWithoutMemoryChangesNothing) {
  std::uint64_t refused = 0;
  for (std::uint64_t nth = 1;; ++nth) {
    StoreIndex index(1);
    index.add_free(0);
    {
      const NthNewFails failing(nth);
      try {
        index.reserve(1, kNoStoreSlot);
      } catch (const std::bad_alloc&) {
        ++refused;
      }
    }
    if (refused < nth) break;
    EXPECT_EQ(index.find(1), kNoStoreSlot);
    EXPECT_NE(index.reserve(1, kNoStoreSlot).slot, kNoStoreSlot);
  }
  EXPECT_GT(refused, 1u);
}

}  // namespace
}  // namespace terrace::kv::store_index_test
