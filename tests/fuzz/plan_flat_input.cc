// SPDX-License-Identifier: Apache-2.0
// A flat file: validate_flat must refuse it, or everything that it lets through must be safe to
// follow.
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "allocators/base/crc32.h"
#include "tests/fuzz/inputs.h"
#include "tiering/plan/flat_writer.h"
#include "tiering/runtime/flat_plan.h"

namespace terrace::fuzz {
namespace {

using namespace runtime;

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

int check(const std::string& bytes) {
  std::vector<std::uint64_t> exact((bytes.size() + 7) / 8);
  if (!bytes.empty()) std::memcpy(exact.data(), bytes.data(), bytes.size());
  FlatView view;
  const char* problem = validate_flat(exact.data(), bytes.size(), view);
  EXPECT_EQ(problem == nullptr, view.valid());
  if (!view.valid()) return 0;
  follow(view);
  return 1;
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

}  // namespace

int plan_flat_input(const std::string& bytes) {
  return check(bytes) | check(resealed(bytes));
}

}  // namespace terrace::fuzz
