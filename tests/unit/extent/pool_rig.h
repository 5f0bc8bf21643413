// SPDX-License-Identifier: Apache-2.0
// Objects on DAX tiers as the runtime wires them, over an ordinary file and a folder: tier 0 is
// plain memory of 16 blocks, tier 1 a file of 8, tier 2 a folder of 8. One owner; each rig has an
// arena of its own.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <vector>

#include "allocators/extent/exchange.h"
#include "tests/unit/backing/pool_file.h"
#include "tests/unit/extent/rig.h"

namespace terrace::extent {

inline constexpr std::uint8_t kFile = 1;
inline constexpr std::uint8_t kFolder = 2;

class PoolRig {
 public:
  PoolRig() {
    const Status opened = arena.open();
    EXPECT_TRUE(opened) << opened.error().message;
    path = folder_.file("pool", 8);
    const Status file_opened = pools[kFile].open(path.c_str(), Bytes(), KiB(4));
    EXPECT_TRUE(file_opened) << file_opened.error().message;
    const Status folder_opened = pools[kFolder].open(folder_.path().c_str(), MiB(16), KiB(4));
    EXPECT_TRUE(folder_opened) << folder_opened.error().message;
    extents.configure(arena, links, BindMode::kOff, Observation::kNone);
    extents.pools().configure(arena, capacity);
    extents.add_tier(TierPages());
    capacity.add_tier(MiB(32));
    for (const std::uint8_t tier : {kFile, kFolder}) {
      TierPages pages;
      pages.backing = BackingKind::kDax;
      extents.add_tier(pages);
      capacity.add_tier(MiB(16));
      extents.pools().add_pool(tier, pools[tier]);
    }
    if (auto faults = os::UserFault::open()) {
      const auto remap = CopyRemap::open();
      exchange = Exchange(std::move(*faults), remap ? *remap : CopyRemap());
    }
  }
  ~PoolRig() {
    for (backing::BlockPool& pool : pools) pool.close();
  }
  PoolRig(const PoolRig&) = delete;
  PoolRig& operator=(const PoolRig&) = delete;

  /// An object with these tiers and their capacity, not mapped.
  Object* carve(const std::vector<std::uint8_t>& tiers) {
    Object* object = arena.carve(static_cast<std::uint32_t>(tiers.size()), 1);
    object->size_bytes = tiers.size() << kBlockShift;
    for (std::size_t i = 0; i < tiers.size(); ++i) {
      arena.tiers_of(*object)[i] = static_cast<std::uint8_t>(capacity.take_block(tiers[i]));
    }
    return object;
  }
  Object* map_placed(const std::vector<std::uint8_t>& tiers) {
    Object* object = carve(tiers);
    EXPECT_EQ(extents.map_placed(*object), 0);
    arena.publish(*object);
    return object;
  }
  /// Ordinary memory, about to be placed on these tiers.
  Object* map_ordinary(const std::vector<std::uint8_t>& tiers) {
    Object* object = carve(tiers);
    EXPECT_EQ(extents.map_ordinary(*object), 0);
    arena.publish(*object);
    return object;
  }
  void end(Object* object) {
    extents.unmap(*object);
    give_back_capacity(*object);
    arena.release(*object);
  }
  void give_back_capacity(const Object& object) {
    for (const std::uint8_t tier : tiers_of(object)) {
      if (tier != kNoTier) capacity.give_back(tier);
    }
  }
  char* at(const Object& object) const { return arena.address_of(object.first_block); }
  std::vector<std::uint8_t> tiers_of(const Object& object) const {
    const std::uint8_t* tiers = arena.tiers_of(object);
    return {tiers, tiers + object.block_count};
  }
  std::uint64_t held(std::uint8_t tier) { return extents.pools().held(tier); }

  Arena arena;
  Capacity capacity;
  backing::LinkEngine links;
  TieredExtents extents;
  Exchange exchange;
  backing::BlockPool pools[3];
  std::string path;  ///< of the file

 private:
  testing_support::Folder folder_;
};

}  // namespace terrace::extent
