// SPDX-License-Identifier: Apache-2.0
// Exchanging the pages behind a range while one system call after the other fails: either it is
// done, or the range is as it was; no write is lost, nobody hangs, nothing is left behind.
#include <cerrno>

#include "allocators/os/fault_point.h"
#include "tests/fault/failing_call.h"
#include "tests/fault/process_state.h"
#include "tests/unit/extent/copy_remap_rig.h"

namespace terrace::extent::copy_remap_fault_test {
namespace {

using os::inject_fault;
using os::SystemCall;
using testing_support::FailingCall;
using testing_support::open_files;
using testing_support::threads;
using testing_support::threads_left;

constexpr int kDeep = 24;  ///< failing uses of one call; the last ones never come

constexpr FailingCall kFaults[] = {
    {SystemCall::kMmap, ENOMEM, "mmap"},
    {SystemCall::kMunmap, EINVAL, "munmap"},
    {SystemCall::kMremap, ENOMEM, "mremap"},
    {SystemCall::kMadvise, EAGAIN, "madvise"},
    {SystemCall::kMbind, EPERM, "mbind"},
    {SystemCall::kUserfaultfd, EMFILE, "userfaultfd"},
    {SystemCall::kUserfaultIoctl, ENOMEM, "userfaultfd_ioctl"},
    {SystemCall::kThreadCreate, EAGAIN, "clone"},
    {SystemCall::kOpen, EMFILE, "eventfd"},
};

class CopyRemapFault : public testing::TestWithParam<FailingCall>, protected WithCopyRemap<> {
 protected:
  void SetUp() override { open_remap(); }
  void TearDown() override {
    disarm();
    end_watch();
  }
  static void arm(int nth) { inject_fault(GetParam().call, nth, GetParam().error); }
  static void disarm() { inject_fault(GetParam().call, 0, 0); }
  RemapReport to_private(const TestRange& range, const TestFile& file) const {
    os::NodeMask first;
    first.words[0] = 1;
    return WithCopyRemap::to_private(range, file, first);
  }
};

/// Whose pages are these: does a write through the view show?
bool is_the_files(const TestRange& range, const TestFile& file) {
  auto* const seen = static_cast<volatile char*>(range.at() + 100);
  const char before = *seen;
  file.view()[100] = static_cast<char>(before + 1);
  const bool shared = *seen != before;
  if (shared) *seen = before;
  return shared;
}

TEST_P(CopyRemapFault, ToFileIsDoneOrNothingChanged) {
  int failed = 0;
  for (int nth = 1; nth <= kDeep; ++nth) {
    SCOPED_TRACE(nth);
    const TestRange range(600 * kPage, nth % 2 == 0 ? Huge::kYes : Huge::kNo, 5 * kPage);
    const TestFile file(range.size().value);
    const long files = open_files();
    Writer writer(range, 0, 9, 3);
    arm(nth);
    const RemapReport report = to_file(range, file);
    disarm();
    writer.see_it_run();
    writer.stop();
    EXPECT_TRUE(writer.complete());
    EXPECT_TRUE(range.neighbours_are_untouched());
    EXPECT_EQ(open_files(), files);
    EXPECT_EQ(is_the_files(range, file), report.error == 0);
    if (report.error == 0) continue;
    ++failed;
    EXPECT_TRUE(report.error == GetParam().error || report.error == EBUSY) << report.error;
    EXPECT_EQ(to_file(range, file).error, 0) << "it can be had when nothing fails";
    EXPECT_TRUE(writer.complete());
  }
  // A writer is let through by such a call as often as it writes: there is no last one.
  if (GetParam().call != SystemCall::kUserfaultIoctl) {
    EXPECT_LT(failed, kDeep);
  }
}

TEST_P(CopyRemapFault, ToPrivateIsDoneOrNothingChanged) {
  int failed = 0;
  for (int nth = 1; nth <= kDeep; ++nth) {
    SCOPED_TRACE(nth);
    const TestRange range(1200 * kPage, Huge::kNo, 5 * kPage);
    const TestFile file(range.size().value);
    ASSERT_NE(mmap(range.at(), range.size().value, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
                   file.fd(), 0),
              MAP_FAILED);
    const long files = open_files();
    Writer writer(range, 0, 9, 3);
    const long tasks = threads();
    arm(nth);
    const RemapReport report = to_private(range, file);
    disarm();
    writer.see_it_run();
    EXPECT_EQ(threads_left(tasks), tasks);
    writer.stop();
    EXPECT_TRUE(writer.complete());
    EXPECT_TRUE(range.neighbours_are_untouched());
    EXPECT_EQ(open_files(), files);
    EXPECT_EQ(is_the_files(range, file), report.error != 0);
    if (report.error == 0) continue;
    ++failed;
    EXPECT_EQ(report.error, GetParam().error);
    EXPECT_EQ(to_private(range, file).error, 0) << "it can be had when nothing fails";
    EXPECT_TRUE(writer.complete());
  }
  EXPECT_LT(failed, kDeep);
}

TEST_P(CopyRemapFault, NoMemoryIsLeftBehind) {
  const TestRange range(600 * kPage);
  const TestFile file(range.size().value);
  range.fill(1);
  ASSERT_EQ(to_file(range, file).error, 0);
  ASSERT_EQ(to_private(range, file).error, 0);
  const long before = testing_support::address_space_pages();
  for (int nth = 1; nth <= kDeep; ++nth) {
    arm(nth);
    const bool done = to_file(range, file).error == 0;
    disarm();
    if (!done) {
      ASSERT_EQ(to_file(range, file).error, 0);
    }
    arm(nth);
    const bool back = to_private(range, file).error == 0;
    disarm();
    if (!back) {
      ASSERT_EQ(to_private(range, file).error, 0);
    }
    ASSERT_TRUE(range.holds(1)) << nth;
  }
  // Address space that the kernel refuses to take back stays.
  if (GetParam().call != SystemCall::kMunmap) {
    EXPECT_EQ(testing_support::address_space_pages(), before);
  }
}

INSTANTIATE_TEST_SUITE_P(Call, CopyRemapFault, testing::ValuesIn(kFaults),
                         testing_support::name_of);

TEST(CopyRemapOpen, ARefusedDescriptorNamesTheRemedy) {
  inject_fault(SystemCall::kUserfaultfd, 1, EPERM);
  const auto refused = CopyRemap::open();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kCapabilityMissing);
  EXPECT_NE(std::strstr(refused.error().message, "vm.unprivileged_userfaultfd=1"), nullptr);
}

}  // namespace
}  // namespace terrace::extent::copy_remap_fault_test
