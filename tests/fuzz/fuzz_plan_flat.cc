// SPDX-License-Identifier: Apache-2.0
// Damaged flat files: validate_flat must refuse them, or everything that it lets through must be
// safe to follow. Half of the mutants get a fresh checksum, so that the checks behind it are met.
#include <gtest/gtest.h>

#include <cstring>

#include "allocators/base/crc32.h"
#include "tests/fuzz/mutate.h"
#include "tests/unit/plan/plan_fixture.h"
#include "tiering/plan/flat_writer.h"
#include "tiering/runtime/flat_plan.h"

namespace terrace::runtime {
namespace {

// Follows all that the runtime follows; a sanitizer sees a step outside of the buffer.
void follow(const FlatView& view) {
  std::uint64_t sum = view.header->flags;
  for (std::uint32_t t = 0; t < view.header->tier_count; ++t) {
    sum += std::strlen(view.tiers[t].name) + std::strlen(view.tiers[t].path);
    const bool dax = view.tiers[t].backing == static_cast<std::uint8_t>(BackingKind::kDax);
    ASSERT_EQ(dax, view.tiers[t].path[0] == '/');
  }
  for (std::uint32_t o = 0; o < view.header->object_count; ++o) {
    const std::uint8_t* map = view.block_map(view.objects[o]);
    for (std::uint64_t b = 0; b < view.objects[o].block_count; ++b) {
      ASSERT_LT(map[b], view.header->tier_count);
      sum += map[b];
    }
  }
  sum += std::strlen(view.header->session_path) + std::strlen(view.header->status_path);
  ASSERT_NE(sum, UINT64_MAX);
}

void check(const std::string& bytes) {
  std::vector<std::uint64_t> exact((bytes.size() + 7) / 8);
  if (!bytes.empty()) std::memcpy(exact.data(), bytes.data(), bytes.size());
  FlatView view;
  const char* problem = validate_flat(exact.data(), bytes.size(), view);
  ASSERT_EQ(problem == nullptr, view.valid());
  if (view.valid()) follow(view);
}

std::string resealed(std::string bytes) {
  if (bytes.size() < sizeof(FlatHeader)) return bytes;
  FlatHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  header.total_bytes = bytes.size();
  header.crc32 = crc32(bytes.data() + sizeof header, bytes.size() - sizeof header);
  std::memcpy(bytes.data(), &header, sizeof header);
  return bytes;
}

TEST(FuzzPlanFlat, WhatPassesIsSafeToFollow) {
  const std::string path = fixture::temporary_path("fuzz.flat");
  const plan::Plan plan = fixture::small_plan();
  Topology machine = fixture::plan_machine();
  machine.tiers[1].backing = BackingKind::kDax;
  machine.tiers[1].path = "/dev/dax0.0";
  ASSERT_TRUE(plan::write_flat(path, machine, &plan, {}).ok());
  const std::string whole = fixture::file_bytes(path);
  std::remove(path.c_str());
  fuzz::Mutator mutator(fuzz::logged_seed());
  for (int round = 0; round < 20000 && !testing::Test::HasFatalFailure(); ++round) {
    const std::string bytes = mutator.damaged_bytes(whole);
    check(round % 2 == 0 ? bytes : resealed(bytes));
  }
}

}  // namespace
}  // namespace terrace::runtime
