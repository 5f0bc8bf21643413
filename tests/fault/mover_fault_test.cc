// SPDX-License-Identifier: Apache-2.0
// A refused system call under the mover becomes a refusal or an outcome that says so; the program's
// memory stays what it was, and no descriptor is left.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>

#include "allocators/os/fault_point.h"
#include "allocators/os/mapping_facts.h"
#include "allocators/os/page_moves.h"
#include "tests/fault/process_state.h"
#include "tiering/migrate/mover.h"

namespace terrace::migrate {
namespace {

using os::inject_fault;
using os::SystemCall;
using testing::HasSubstr;

class MoverFault : public testing::Test {
 protected:
  MoverFault() {
    at_ = static_cast<char*>(
        mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    EXPECT_NE(at_, MAP_FAILED);
    madvise(at_, kSize, MADV_NOHUGEPAGE);
    std::memset(at_, 7, kSize);
    // Two candidates, so that free memory and distances are asked for too.
    tier_.name = "far";
    tier_.nodes = {NodeId{901}, NodeId{902}};
    home_.name = "home";
    int node = 0;
    const void* page = at_;
    EXPECT_EQ(os::query_pages(0, &page, 1, &node), 0);
    home_.nodes = {NodeId{node}};
    files_ = testing_support::open_files();
    auto made = Mover::create({});
    EXPECT_TRUE(made);
    mover_ = std::move(*made);
  }
  ~MoverFault() override {
    disarm();
    mover_.reset();
    EXPECT_EQ(testing_support::open_files(), files_);
    for (std::size_t i = 0; i < kSize; ++i) EXPECT_EQ(at_[i], 7) << i;
    munmap(at_, kSize);
  }
  static void disarm() {
    for (int call = 0; call < static_cast<int>(SystemCall::kCount); ++call) {
      inject_fault(static_cast<SystemCall>(call), 0, 0);
    }
  }
  MoveReport move(const Tier& to) { return mover_->move({at_, Bytes(kSize), &to, 0}); }

  static constexpr std::size_t kSize = 64 * 4096;
  char* at_ = nullptr;
  long files_ = 0;
  Tier tier_;
  Tier home_;
  std::unique_ptr<Mover> mover_;
};

TEST_F(MoverFault, ARefusedQuestionIsToldForEveryPage) {
  inject_fault(SystemCall::kMovePages, 1, EPERM);
  const MoveReport report = move(home_);
  EXPECT_EQ(report.count(Outcome::kNotAllowed), 64u);
  EXPECT_FALSE(report.complete());
  EXPECT_TRUE(move(home_).complete()) << "and the next order goes on";
}

TEST_F(MoverFault, ARefusedMoveIsToldForEveryPage) {
  const std::pair<int, Outcome> cases[] = {{ENOMEM, Outcome::kNoMemory},
                                           {EPERM, Outcome::kNotAllowed},
                                           {EACCES, Outcome::kNotAllowed},
                                           {EINTR, Outcome::kOther}};
  for (const auto& [error, outcome] : cases) {
    inject_fault(SystemCall::kMovePages, 2, error);  // the first asks
    const MoveReport report = move(tier_);
    // ENOMEM of the nearest node goes on to the other, which this machine does not have.
    const Outcome expected = error == ENOMEM ? Outcome::kOther : outcome;
    EXPECT_EQ(report.count(expected), 64u) << std::strerror(error);
  }
}

TEST_F(MoverFault, ARefusedPolicyDoesNotStopTheMove) {
  inject_fault(SystemCall::kMbind, 1, ENOSYS);
  const MoveReport report = move(home_);
  EXPECT_EQ(report.policy_errno, ENOSYS);
  EXPECT_TRUE(report.complete());
}

TEST_F(MoverFault, WithoutTheProcessesMappingsNothingIsTried) {
  for (const int nth : {1, 2}) {  // status, then maps
    inject_fault(SystemCall::kOpen, nth, EMFILE);
    const MoveReport report = move(home_);
    EXPECT_THAT(report.refused, HasSubstr("/proc/self/")) << nth;
    EXPECT_FALSE(report.complete());
  }
  inject_fault(SystemCall::kRead, 1, EIO);
  EXPECT_THAT(move(home_).refused, HasSubstr("/proc/self/status"));
  inject_fault(SystemCall::kRead, 2, EIO);
  EXPECT_THAT(move(home_).refused, HasSubstr(std::strerror(EIO)));
  EXPECT_TRUE(move(home_).complete());
}

TEST_F(MoverFault, WithoutTheHugePageScanPagesAreStillCounted) {
  inject_fault(SystemCall::kPagemap, 1, EACCES, os::Fails::kFromThenOn);
  EXPECT_EQ(move(home_).count(Outcome::kAlreadyThere), 64u);
}

TEST_F(MoverFault, WithoutUserfaultfdOnlyCopiesAreRefused) {
  inject_fault(SystemCall::kUserfaultfd, 1, EPERM, os::Fails::kFromThenOn);
  mover_ = std::move(*Mover::create({}));
  disarm();
  Tier file;
  file.name = "file";
  file.backing = BackingKind::kDax;
  file.path = "/dev/shm";
  file.capacity = {MiB(4), Provenance::kUserFile};
  void* reserved = mmap(nullptr, 2 * kBlockBytes.value, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(reserved, MAP_FAILED);
  const auto block = (reinterpret_cast<std::uintptr_t>(reserved) + kBlockBytes.value - 1) &
                     ~(kBlockBytes.value - 1);
  const MoveReport refused = mover_->move({reinterpret_cast<void*>(block), kBlockBytes, &file, 0});
  EXPECT_THAT(refused.refused, HasSubstr("userfaultfd"));
  EXPECT_TRUE(move(home_).complete());
  munmap(reserved, 2 * kBlockBytes.value);
}

TEST_F(MoverFault, MappingReaderReturnsTheError) {
  constexpr int kUntouched = 4242;
  errno = kUntouched;
  inject_fault(SystemCall::kOpen, 1, EACCES);
  const auto refused = os::MappingReader::open(0, os::MappingDetail::kFlags);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().saved_errno, EACCES);
  inject_fault(SystemCall::kRead, 2, EIO);  // in the middle of the list
  auto reader = os::MappingReader::open(0, os::MappingDetail::kFlags);
  ASSERT_TRUE(reader);
  while (reader->next()) {
  }
  EXPECT_EQ(reader->error(), EIO);
  inject_fault(SystemCall::kPagemap, 1, ENOTTY);
  std::uint64_t bitmap = 1;
  EXPECT_EQ(os::huge_blocks(0, nullptr, 1, &bitmap), ENOTTY);
  EXPECT_EQ(bitmap, 0u);
  inject_fault(SystemCall::kOpen, 1, EMFILE);
  EXPECT_FALSE(os::process_memory(0));
  EXPECT_EQ(errno, kUntouched);
}

}  // namespace
}  // namespace terrace::migrate
