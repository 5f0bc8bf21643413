// SPDX-License-Identifier: Apache-2.0
// Starting arena and link engine while one system call after the other fails: an error that says
// what, and no thread, descriptor or address space of it left.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "allocators/backing/emulated_link.h"
#include "allocators/extent/arena.h"
#include "allocators/os/fault_point.h"
#include "tests/fault/process_state.h"

namespace terrace::extent::start_fault_test {
namespace {

using os::inject_fault;
using os::SystemCall;

TEST(StartFault, ArenaThatCannotOpenLeavesNothing) {
  int failures = 0;
  // One that opened keeps its reservation; never destroyed, so that none of them leaks.
  static auto& open_ones = *new std::vector<Arena*>;
  for (const SystemCall call : {SystemCall::kMmap, SystemCall::kMadvise}) {
    for (int nth = 1; nth < 12; ++nth) {
      auto* arena = new Arena;
      const long before = testing_support::address_space_pages();
      inject_fault(call, nth, ENOMEM);
      const Status opened = arena->open();
      inject_fault(call, 0, 0);
      EXPECT_EQ(arena->is_open(), opened.ok());
      if (opened) {
        open_ones.push_back(arena);
        continue;
      }
      ++failures;
      EXPECT_EQ(opened.error().code, ErrorCode::kCapabilityMissing);
      EXPECT_FALSE(arena->contains(nullptr));
      EXPECT_LE(testing_support::address_space_pages(), before + 64);
      delete arena;
    }
  }
  EXPECT_EQ(failures, 11) << "one reservation and five tables of two calls each";
}

TEST(StartFault, EngineThatCannotStartLeavesNothing) {
  static constinit Arena arena;
  ASSERT_TRUE(arena.open());
  const backing::LinkConfig config{GBps(10), microseconds(1)};
  {
    static backing::LinkEngine& possible = *new backing::LinkEngine;  // its thread stays
    const Status started =
        possible.start(arena.base(), arena.block_count(), &config, 1, backing::Exactness::kPace);
    if (!started) GTEST_SKIP() << started.error().message;
  }
  alarm(15);  // nobody may wait for ever for a delivery that failed
  constexpr SystemCall kCalls[] = {SystemCall::kUserfaultfd, SystemCall::kUserfaultIoctl,
                                   SystemCall::kMmap,        SystemCall::kMadvise,
                                   SystemCall::kMemfdCreate, SystemCall::kFtruncate,
                                   SystemCall::kFallocate,   SystemCall::kThreadCreate};
  int failures = 0;
  for (const SystemCall call : kCalls) {
    for (int nth = 1; nth <= 5; ++nth) {
      SCOPED_TRACE(testing::Message() << "call " << static_cast<int>(call) << ", use " << nth);
      auto* engine = new backing::LinkEngine;  // one that started runs to the program's end
      const long files = testing_support::open_files();
      const long threads = testing_support::threads();
      const long pages = testing_support::address_space_pages();
      inject_fault(call, nth, EPERM);
      const Status started =
          engine->start(arena.base(), arena.block_count(), &config, 1, backing::Exactness::kPace);
      inject_fault(call, 0, 0);
      EXPECT_EQ(engine->running(), started.ok());
      if (started) continue;
      ++failures;
      EXPECT_NE(started.error().message[0], '\0');
      EXPECT_EQ(testing_support::open_files(), files);
      EXPECT_EQ(testing_support::threads_left(threads), threads);
      EXPECT_LE(testing_support::address_space_pages(), pages + 1024);
      delete engine;
    }
  }
  alarm(0);
  std::printf("%d failed starts\n", failures);
  EXPECT_GE(failures, 11);
}

}  // namespace
}  // namespace terrace::extent::start_fault_test
