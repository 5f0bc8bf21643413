// SPDX-License-Identifier: Apache-2.0
// Handles while others come and go: what a call found stays, a stale handle finds nothing.
#include "tiering/capi/handles.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace terrace::capi {
namespace {

TEST(HandleTable, FindsWhatWasAddedAndNothingElse) {
  HandleTable<int> table(HandleKind::kPool, 3);
  const std::uint64_t one = table.add(std::make_shared<int>(1));
  EXPECT_EQ(*table.find(one), 1);
  EXPECT_EQ(table.find(make_handle(HandleKind::kJob, parts_of(one))), nullptr);
  EXPECT_EQ(table.find(make_handle(HandleKind::kPool, {4, 1, 0})), nullptr);
  EXPECT_EQ(table.find(make_handle(HandleKind::kPool, {3, 2, 0})), nullptr);
  EXPECT_EQ(table.find(make_handle(HandleKind::kPool, {3, 1, 1})), nullptr);
  EXPECT_EQ(table.find(make_handle(HandleKind::kPool, {3, 1, kMaxSlots - 1})), nullptr);
  EXPECT_EQ(table.find(0), nullptr);
  EXPECT_EQ(table.find(~std::uint64_t{0}), nullptr);
}

TEST(HandleTable, AStaleHandleDoesNotFindTheSlotsNextThing) {
  HandleTable<int> table(HandleKind::kPool, 3);
  const std::uint64_t first = table.add(std::make_shared<int>(1));
  EXPECT_EQ(*table.remove(first), 1);
  EXPECT_EQ(table.remove(first), nullptr);
  const std::uint64_t second = table.add(std::make_shared<int>(2));
  EXPECT_EQ(parts_of(second).slot, parts_of(first).slot);
  EXPECT_EQ(table.find(first), nullptr);
  EXPECT_EQ(table.remove(first), nullptr);
  EXPECT_EQ(*table.find(second), 2);
}

// More than the first pieces hold: slots stay where they are.
TEST(HandleTable, NamesThousandsOfThings) {
  constexpr std::size_t kThings = 5000;
  HandleTable<int> table(HandleKind::kPool, 3);
  std::vector<std::uint64_t> handles;
  for (std::size_t i = 0; i < kThings; ++i) {
    handles.push_back(table.add(std::make_shared<int>(static_cast<int>(i))));
  }
  for (std::size_t i = 0; i < kThings; ++i) {
    ASSERT_EQ(*table.find(handles[i]), static_cast<int>(i));
  }
  EXPECT_EQ(table.all().size(), kThings);
  for (std::size_t i = 0; i < kThings; i += 2) table.remove(handles[i]);
  EXPECT_EQ(table.all().size(), kThings / 2);
  EXPECT_EQ(table.find(handles[0]), nullptr);
  EXPECT_EQ(*table.find(handles[1]), 1);
}

TEST(HandleTable, ThreadsFindAThingWholeOrNotAtAll) {
  HandleTable<std::pair<std::uint64_t, std::uint64_t>> table(HandleKind::kPool, 3);
  std::atomic<std::uint64_t> newest{0};
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> torn{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!done) {
        const auto thing = table.find(newest);
        if (thing != nullptr && thing->first != ~thing->second) ++torn;
      }
    });
  }
  for (std::uint64_t i = 1; i < 20000; ++i) {
    const std::uint64_t handle =
        table.add(std::make_shared<std::pair<std::uint64_t, std::uint64_t>>(i, ~i));
    const std::uint64_t before = newest.exchange(handle);
    EXPECT_EQ(table.remove(before) != nullptr, before != 0);
    EXPECT_EQ(table.find(before), nullptr);
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(torn, 0u);
  EXPECT_EQ(table.all().size(), 1u);
}

}  // namespace
}  // namespace terrace::capi
