// SPDX-License-Identifier: Apache-2.0
// Mapping, exchanging and freezing objects while one system call after the other fails. After each
// failure the data is what it was, nobody hangs, nothing is left behind.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string>
#include <thread>

#include "allocators/os/fault_point.h"
#include "tests/fault/failing_call.h"
#include "tests/fault/process_state.h"
#include "tests/unit/extent/huge_pages.h"
#include "tests/unit/extent/rig.h"

namespace terrace::extent::extent_fault_test {
namespace {

using os::inject_fault;
using os::SystemCall;
using testing_support::FailingCall;
using testing_support::open_files;
using testing_support::readable;

constexpr std::uint64_t kBlock = kBlockBytes.value;
constexpr int kDeep = 14;  ///< failing uses of one call; more than any operation here makes

// Never destroyed, as the runtime's: the link's thread is at work to the end.
Rig& rig = *new Rig;

class WithRig : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    pages_ = new testing_support::HugePages(64);
    if (!rig.arena.is_open()) rig.start(Observation::kNone, backing::Exactness::kPace);
  }
  static void TearDownTestSuite() {
    delete pages_;
    pages_ = nullptr;
  }
  void SetUp() override {
    if (rig.missing[0] != '\0') GTEST_SKIP() << rig.missing;
  }

  static inline testing_support::HugePages* pages_ = nullptr;
};

constexpr FailingCall kFaults[] = {
    {SystemCall::kMmap, ENOMEM, "mmap"},
    {SystemCall::kMunmap, EINVAL, "munmap"},
    {SystemCall::kMadvise, EINVAL, "madvise"},
    {SystemCall::kMbind, EPERM, "mbind"},
    {SystemCall::kMemfdCreate, EMFILE, "memfd_create"},
    {SystemCall::kFtruncate, ENOSPC, "ftruncate"},
    {SystemCall::kFallocate, ENOSPC, "fallocate"},
    {SystemCall::kUserfaultIoctl, ENOMEM, "userfaultfd_ioctl"},
    {SystemCall::kOpen, EMFILE, "open"},
};

class ExtentFault : public WithRig, public testing::WithParamInterface<FailingCall> {
 protected:
  void SetUp() override {
    WithRig::SetUp();
    alarm(15);  // a writer that is never let go would hang the test
    files_ = open_files();
  }
  void TearDown() override {
    disarm();
    alarm(0);
    if (rig.missing[0] == '\0') {
      EXPECT_EQ(open_files(), files_);
    }
  }
  static void arm(int nth) { inject_fault(GetParam().call, nth, GetParam().error); }
  static void disarm() { inject_fault(GetParam().call, 0, 0); }
  /// The object goes; its address space reads as nothing and can be had again.
  static void end_and_check(Object* object) {
    const char* const at = rig.at(*object);
    const std::uint32_t blocks = object->block_count;
    rig.end(object);
    for (std::uint32_t i = 0; i < blocks; ++i) EXPECT_FALSE(readable(at + i * kBlock));
    EXPECT_EQ(rig.arena.find(at), nullptr);
  }

  long files_ = 0;
};

TEST_P(ExtentFault, FailedMappingLeavesNothing) {
  for (int nth = 1; nth <= kDeep; ++nth) {
    SCOPED_TRACE(nth);
    Object* object = rig.carve({kEmulated, kPlain, kEmulated});
    arm(nth);
    const int error = rig.extents.map_placed(*object);
    disarm();
    if (error == 0) {
      EXPECT_TRUE(is_zero(rig.at(*object), 3 * kBlock));
      fill(rig.at(*object), 3 * kBlock, 1);
      EXPECT_TRUE(holds(rig.at(*object), 3 * kBlock, 1));
      end_and_check(object);
      continue;
    }
    EXPECT_EQ(error, GetParam().error);
    for (std::uint64_t i = 0; i < 3; ++i) EXPECT_FALSE(readable(rig.at(*object) + i * kBlock));
    EXPECT_FALSE(object->file.is_open());
    rig.arena.release(*object);
  }
}

/// Counts in one word of each block for as long as it lives.
class Counter {
 public:
  Counter(char* at, std::uint64_t blocks) : at_(at), blocks_(blocks), thread_([this] { run(); }) {
    while (rounds_.load() < 2) std::this_thread::yield();
  }
  void stop_and_check() {
    const std::uint64_t now = rounds_.load();
    while (rounds_.load() < now + 2) std::this_thread::yield();  // it still gets through
    stop_.store(true);
    thread_.join();
    for (std::uint64_t i = 0; i < blocks_; ++i) EXPECT_EQ(*word(i), rounds_.load());
  }

 private:
  volatile std::uint64_t* word(std::uint64_t block) const {
    return reinterpret_cast<volatile std::uint64_t*>(at_ + block * kBlock + 8);
  }
  void run() {
    while (!stop_.load()) {
      for (std::uint64_t i = 0; i < blocks_; ++i) *word(i) = *word(i) + 1;
      rounds_.fetch_add(1);
    }
  }

  char* at_;
  std::uint64_t blocks_;
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> rounds_{0};
  std::thread thread_;
};

/// Blocks on the emulated tier are the file's; others are private. A fork tells them apart.
void expect_tiers_are_true(const Object& object) {
  char* const at = rig.at(object);
  const std::uint8_t* const tiers = rig.arena.tiers_of(object);
  for (std::uint32_t i = 0; i < object.block_count; ++i) at[i * kBlock + 100] = 1;
  rig.links.lock_for_fork();
  const pid_t pid = fork();
  if (pid == 0) {
    rig.links.abandon_in_child();
    for (std::uint32_t i = 0; i < object.block_count; ++i) at[i * kBlock + 100] = 2;
    _exit(0);
  }
  rig.links.unlock_after_fork();
  int status = -1;
  waitpid(pid, &status, 0);
  EXPECT_EQ(status, 0);
  for (std::uint32_t i = 0; i < object.block_count; ++i) {
    EXPECT_EQ(at[i * kBlock + 100], rig.extents.is_shared(tiers[i]) ? 2 : 1) << "block " << i;
  }
}

TEST_P(ExtentFault, FailedLatePlacementKeepsDataAndWriters) {
  for (int nth = 1; nth <= kDeep; ++nth) {
    SCOPED_TRACE(nth);
    Object* object = rig.map_ordinary({kEmulated, kPlain, kEmulated, kEmulated});
    Counter counter(rig.at(*object), 4);
    arm(nth);
    const int error = rig.exchange.place(rig.extents, *object);
    disarm();
    counter.stop_and_check();
    if (error == 0) {
      EXPECT_EQ(rig.arena.tiers_of(*object)[3], kEmulated);
    }
    expect_tiers_are_true(*object);
    end_and_check(object);
  }
}

TEST_P(ExtentFault, FailedMakingPrivateKeepsDataAndWriters) {
  for (int nth = 1; nth <= kDeep; ++nth) {
    SCOPED_TRACE(nth);
    Object* object = rig.map_placed({kEmulated, kEmulated, kPlain});
    Counter counter(rig.at(*object), 3);
    arm(nth);
    const int error = rig.exchange.make_private(rig.extents, *object, object->first_block, 3);
    disarm();
    counter.stop_and_check();
    if (error == 0) {
      EXPECT_FALSE(rig.extents.any_shared(*object));
    }
    expect_tiers_are_true(*object);
    end_and_check(object);
  }
}

TEST_P(ExtentFault, FailedFreezeKeepsData) {
  for (int nth = 1; nth <= kDeep; ++nth) {
    SCOPED_TRACE(nth);
    Object* object = rig.map_placed({kEmulated, kPlain, kEmulated});
    fill(rig.at(*object), 3 * kBlock, 5);
    arm(nth);
    const int error = rig.exchange.freeze(rig.extents, *object, 0);
    disarm();
    EXPECT_EQ(object->pages, error == 0 ? Pages::kFrozen : Pages::kPlaced);
    EXPECT_TRUE(holds(rig.at(*object), 3 * kBlock, 5));
    end_and_check(object);
  }
}

TEST_P(ExtentFault, FirstTouchesGetThroughWhateverFails) {
  for (int nth = 1; nth <= 6; ++nth) {
    SCOPED_TRACE(nth);
    Object* object = rig.map_placed({kEmulated, kEmulated});
    arm(nth);
    EXPECT_TRUE(is_zero(rig.at(*object), 2 * kBlock));
    fill(rig.at(*object), 2 * kBlock, 3);
    EXPECT_TRUE(holds(rig.at(*object), 2 * kBlock, 3));
    disarm();
    end_and_check(object);
  }
}

INSTANTIATE_TEST_SUITE_P(Call, ExtentFault, testing::ValuesIn(kFaults), testing_support::name_of);

TEST_F(WithRig, RefusedBindingIsCountedAndTheMemoryServes) {
  const auto before = rig.extents.counters().bind_refused.load();
  inject_fault(SystemCall::kMbind, 1, EPERM, os::Fails::kFromThenOn);
  Object* object = rig.map_placed({kPlain, kPlain});
  inject_fault(SystemCall::kMbind, 0, 0);
  EXPECT_EQ(rig.extents.counters().bind_refused.load(), before + 1);
  EXPECT_TRUE(is_zero(rig.at(*object), 2 * kBlock));
  rig.end(object);
}

TEST_F(WithRig, RefusedHugeFileIsASmallOneAndCounted) {
  const auto before = rig.extents.counters().small_page_objects.load();
  inject_fault(SystemCall::kMemfdCreate, 1, ENOSYS);
  Object* placed = rig.map_placed({kEmulated, kEmulated});
  EXPECT_EQ(placed->page_kind, os::PageKind::kSmall);
  Object* late = rig.map_ordinary({kEmulated, kPlain});
  fill(rig.at(*late), 2 * kBlock, 1);
  inject_fault(SystemCall::kFtruncate, 1, ENOSYS);
  EXPECT_EQ(rig.exchange.place(rig.extents, *late), 0);
  EXPECT_EQ(late->page_kind, os::PageKind::kSmall);
  EXPECT_TRUE(holds(rig.at(*late), 2 * kBlock, 1));
  EXPECT_EQ(rig.extents.counters().small_page_objects.load(), before + 2);
  rig.end(placed);
  rig.end(late);
}

TEST_F(WithRig, WithoutWriteProtectionNothingIsPlacedLate) {
  Exchange powerless;
  Object* object = rig.map_ordinary({kEmulated, kPlain});
  fill(rig.at(*object), 2 * kBlock, 1);
  EXPECT_EQ(powerless.place(rig.extents, *object), EOPNOTSUPP);
  EXPECT_EQ(rig.arena.tiers_of(*object)[0], kNoTier);
  EXPECT_EQ(rig.arena.tiers_of(*object)[1], kPlain);
  EXPECT_TRUE(holds(rig.at(*object), 2 * kBlock, 1));
  rig.end(object);
}

}  // namespace
}  // namespace terrace::extent::extent_fault_test
