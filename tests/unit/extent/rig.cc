// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/extent/rig.h"

#include <cstring>

namespace terrace::extent {
namespace {

constexpr std::uint64_t kStride = 1024;  // bytes between words: each 4 KiB page has four

std::uint64_t word(std::uint64_t offset, std::uint64_t round) {
  return (offset + 1) * 0x9E3779B97F4A7C15u ^ round;
}

}  // namespace

void Rig::start(Observation observation, backing::Exactness exactness, GBps bandwidth) {
  const Status opened = arena.open();
  ASSERT_TRUE(opened) << opened.error().message;
  const backing::LinkConfig config{bandwidth, microseconds(1)};
  const Status started = links.start(arena.base(), arena.block_count(), &config, 1, exactness);
  if (!started) std::strcpy(missing, started.error().message);
  if (const auto remap = CopyRemap::open()) exchange = Exchange(*remap);
  extents.configure(arena, links, BindMode::kAdvisory, observation);
  TierPages plain;
  plain.nodes.words[0] = 1;
  extents.add_tier(plain);
  TierPages emulated;
  emulated.backing = BackingKind::kEmulatedLink;
  extents.add_tier(emulated);
}

Object* Rig::carve(const std::vector<std::uint8_t>& tiers) {
  Object* object = arena.carve(static_cast<std::uint32_t>(tiers.size()), 1);
  if (object == nullptr) return nullptr;
  object->size_bytes = tiers.size() << kBlockShift;
  std::memcpy(arena.tiers_of(*object), tiers.data(), tiers.size());
  return object;
}

Object* Rig::map_ordinary(const std::vector<std::uint8_t>& tiers) {
  Object* object = carve(tiers);
  EXPECT_EQ(extents.map_ordinary(*object), 0);
  arena.publish(*object);
  return object;
}

Object* Rig::map_placed(const std::vector<std::uint8_t>& tiers) {
  Object* object = carve(tiers);
  EXPECT_EQ(extents.map_placed(*object), 0);
  arena.publish(*object);
  return object;
}

void Rig::end(Object* object) {
  extents.unmap(*object);
  arena.release(*object);
}

void fill(char* at, std::uint64_t bytes, std::uint64_t round) {
  for (std::uint64_t i = 0; i < bytes; i += kStride) {
    const std::uint64_t value = word(i, round);
    std::memcpy(at + i, &value, sizeof value);
  }
}

::testing::AssertionResult holds(const char* at, std::uint64_t bytes, std::uint64_t round) {
  for (std::uint64_t i = 0; i < bytes; i += kStride) {
    std::uint64_t value = 0;
    std::memcpy(&value, at + i, sizeof value);
    if (value == word(i, round)) continue;
    return ::testing::AssertionFailure() << "byte " << i << " of round " << round << " holds "
                                         << std::hex << value << ", not " << word(i, round);
  }
  return ::testing::AssertionSuccess();
}

::testing::AssertionResult is_zero(const char* at, std::uint64_t bytes) {
  for (std::uint64_t i = 0; i < bytes; i += 64) {
    if (at[i] != 0) return ::testing::AssertionFailure() << "byte " << i << " is not zero";
  }
  return ::testing::AssertionSuccess();
}

}  // namespace terrace::extent
