// SPDX-License-Identifier: Apache-2.0
// Arena, links, tiers and exchange as the runtime wires them, for tests of real memory: tier 0 is
// plain memory, tier 1 is behind an emulated link. One rig per program: the engine's thread and
// the arena stay until the program ends.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "allocators/extent/exchange.h"

namespace terrace::extent {

inline constexpr std::uint8_t kPlain = 0;
inline constexpr std::uint8_t kEmulated = 1;

struct Rig {
  Arena arena;
  backing::LinkEngine links;
  TieredExtents extents;
  Exchange exchange;
  /// Why emulated tiers cannot be had here; empty: they can.
  char missing[sizeof Error::message] = {};

  /// Starts everything; `bandwidth` is high in tests, since nothing here is timed.
  void start(Observation observation, backing::Exactness exactness, GBps bandwidth = GBps(50));
  /// An object with these tiers, carved, not mapped.
  Object* carve(const std::vector<std::uint8_t>& tiers);
  Object* map_ordinary(const std::vector<std::uint8_t>& tiers);
  Object* map_placed(const std::vector<std::uint8_t>& tiers);
  void end(Object* object);
  char* at(const Object& object) const { return arena.address_of(object.first_block); }
};

/// Words that tell block and round apart.
void fill(char* at, std::uint64_t bytes, std::uint64_t round);
/// True when every word is what fill() wrote.
::testing::AssertionResult holds(const char* at, std::uint64_t bytes, std::uint64_t round);
::testing::AssertionResult is_zero(const char* at, std::uint64_t bytes);

}  // namespace terrace::extent
