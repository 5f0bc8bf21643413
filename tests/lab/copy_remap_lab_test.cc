// SPDX-License-Identifier: Apache-2.0
// Copy and remap where the machine has nodes and DAX devices: private memory goes to a device and
// comes back to the node that was asked for, with writers at it. An emulated CXL device takes
// seconds a megabyte, so ranges are as small as they can be.
#include <fcntl.h>
#include <sys/syscall.h>

#include <map>

#include "tests/unit/extent/copy_remap_rig.h"

namespace terrace::extent {
namespace {

constexpr const char kDevice[] = "/dev/dax0.0";

class CopyRemapLab : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = CopyRemap::open();
    ASSERT_TRUE(opened) << opened.error().message;
    remap_ = *opened;
    alarm(100);  // a thread that is never let go would hang the test
  }
  void TearDown() override { alarm(0); }

  CopyRemap remap_;
};

/// Pages by node as the kernel tells; what is not a node is an errno value below zero.
std::map<int, std::uint64_t> places(const TestRange& range) {
  std::vector<void*> pages;
  for (std::uint64_t page = 0; page < range.pages(); ++page) pages.push_back(range.word(page));
  std::vector<int> status(pages.size());
  EXPECT_EQ(syscall(SYS_move_pages, 0, pages.size(), pages.data(), nullptr, status.data(), 0), 0);
  std::map<int, std::uint64_t> found;
  for (const int place : status) ++found[place];
  return found;
}

bool has_node(int node) {
  return access(("/sys/devices/system/node/node" + std::to_string(node)).c_str(), F_OK) == 0;
}

os::NodeMask only(int node) {
  os::NodeMask mask;
  mask.words[0] = std::uint64_t{1} << node;
  return mask;
}

TEST_F(CopyRemapLab, PrivateMemoryComesFromTheNodeThatWasAsked) {
  if (!has_node(2)) GTEST_SKIP() << "needs three NUMA nodes";
  // A block that is filled as a huge page, and pages that are copied one by one.
  for (const std::uint64_t shift : {std::uint64_t{0}, 7 * kPage}) {
    const TestRange range(kBlock, Huge::kYes, shift);
    const TestFile file(kBlock);
    Writer writer(range, 0, 3, 1);
    for (const int node : {2, 1, 0, 2}) {
      ASSERT_EQ(remap_
                    .to_file(range.at(), range.size(), file.fd(), 0, file.view(), plain_copy,
                             {32, MiB(1)})
                    .error,
                0);
      ASSERT_EQ(
          remap_.to_private(range.at(), range.size(), file.view(), only(node), os::Binding::kStrict)
              .error,
          0);
      const std::map<int, std::uint64_t> expected = {{node, range.pages()}};
      EXPECT_EQ(places(range), expected);
      writer.see_it_run();
    }
    writer.stop();
    EXPECT_TRUE(writer.complete());
    EXPECT_TRUE(range.neighbours_are_untouched());
  }
}

TEST_F(CopyRemapLab, ADeviceTakesMemoryAndGivesItBack) {
  const int fd = open(kDevice, O_RDWR | O_CLOEXEC);
  if (fd < 0) GTEST_SKIP() << "needs a DAX device in devdax mode at " << kDevice;
  void* const view = mmap(nullptr, kBlock, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ASSERT_NE(view, MAP_FAILED);
  const TestRange range(kBlock, Huge::kYes);
  Writer writer(range, 0, 100, 1);
  ASSERT_EQ(remap_.to_file(range.at(), range.size(), fd, 0, view, plain_copy, {32, MiB(1)}).error,
            0);
  writer.see_it_run();
  *range.word(9, 9) = 77;
  EXPECT_EQ(static_cast<std::uint64_t*>(view)[9 * kPage / 8 + 9], 77u) << "the device's own page";
  ASSERT_EQ(remap_.to_private(range.at(), range.size(), view, only(0), os::Binding::kStrict).error,
            0);
  writer.see_it_run();
  *range.word(9, 9) = 78;
  EXPECT_EQ(static_cast<std::uint64_t*>(view)[9 * kPage / 8 + 9], 77u) << "no longer the device's";
  writer.stop();
  EXPECT_TRUE(writer.complete());
  EXPECT_TRUE(range.neighbours_are_untouched());
  const std::map<int, std::uint64_t> expected = {{0, range.pages()}};
  EXPECT_EQ(places(range), expected);
  munmap(view, kBlock);
  close(fd);
}

}  // namespace
}  // namespace terrace::extent
