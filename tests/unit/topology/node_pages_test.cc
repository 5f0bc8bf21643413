// SPDX-License-Identifier: Apache-2.0
// Pages of given nodes, with each system call failed in turn.
#include "allocators/heap/os/node_pages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <vector>

namespace terrace::os::node_pages_test {
namespace {

using ::testing::HasSubstr;

/// Counts mapped bytes around the real calls, and fails the one that is asked for.
struct Recorder {
  long mapped = 0;
  int failing_errno_of_map = 0;
  int failing_errno_of_bind = 0;
  int failing_errno_of_advise = 0;
  int bind_mode = -1;
  std::vector<unsigned long> bind_mask;
};
Recorder recorder;

void* map(void* hint, std::size_t size, int protection, int flags, int file, off_t offset) {
  if (recorder.failing_errno_of_map != 0) {
    errno = recorder.failing_errno_of_map;
    return MAP_FAILED;
  }
  recorder.mapped += static_cast<long>(size);
  return ::mmap(hint, size, protection, flags, file, offset);
}
int unmap(void* data, std::size_t size) {
  recorder.mapped -= static_cast<long>(size);
  return ::munmap(data, size);
}
long bind(void*, unsigned long, int mode, const unsigned long* mask, unsigned long bits, unsigned) {
  if (recorder.failing_errno_of_bind != 0) {
    errno = recorder.failing_errno_of_bind;
    return -1;
  }
  recorder.bind_mode = mode;
  recorder.bind_mask.assign(mask, mask + (bits - 1) / 64);
  return 0;
}
int advise(void* data, std::size_t size, int advice) {
  if (recorder.failing_errno_of_advise != 0) {
    errno = recorder.failing_errno_of_advise;
    return -1;
  }
  return ::madvise(data, size, advice);
}

class NodePagesTest : public ::testing::Test {
 protected:
  NodePagesTest() { recorder = Recorder{}; }
  PageCalls calls{map, unmap, bind, advise};
};

TEST_F(NodePagesTest, AreWholeAlignedBlocksAndGoAway) {
  {
    auto pages = NodePages::map(Bytes(3000000), {}, calls);
    ASSERT_TRUE(pages.ok()) << pages.error().message;
    EXPECT_EQ(pages->size(), std::size_t{4} << 20);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(pages->data()) % kBlockBytes.value, 0u);
    std::memset(pages->data(), 1, pages->size());
    EXPECT_EQ(recorder.mapped, 4L << 20);
    const NodePages moved = std::move(*pages);
    EXPECT_NE(moved.data(), nullptr);
  }
  EXPECT_EQ(recorder.mapped, 0);
}

TEST_F(NodePagesTest, OneNodeIsBoundAndSeveralAreInterleaved) {
  constexpr int kBind = 2;
  constexpr int kInterleave = 3;
  const NodeId one[] = {NodeId{3}};
  ASSERT_TRUE(NodePages::map(kBlockBytes, one, calls).ok());
  EXPECT_EQ(recorder.bind_mode, kBind);
  EXPECT_EQ(recorder.bind_mask[0], 8u);
  const NodeId several[] = {NodeId{0}, NodeId{70}};
  ASSERT_TRUE(NodePages::map(kBlockBytes, several, calls).ok());
  EXPECT_EQ(recorder.bind_mode, kInterleave);
  EXPECT_EQ(recorder.bind_mask[0], 1u);
  EXPECT_EQ(recorder.bind_mask[1], 64u);
}

TEST_F(NodePagesTest, NoAddressSpaceIsAnError) {
  recorder.failing_errno_of_map = ENOMEM;
  const auto pages = NodePages::map(GiB(1), {}, calls);
  ASSERT_FALSE(pages.ok());
  EXPECT_EQ(pages.error().code, ErrorCode::kIo);
  EXPECT_EQ(pages.error().saved_errno, ENOMEM);
  EXPECT_THAT(pages.error().message, HasSubstr("1024 MiB"));
}

TEST_F(NodePagesTest, ARefusedBindingIsAnErrorAndLeavesNoMapping) {
  recorder.failing_errno_of_bind = EPERM;
  const NodeId node[] = {NodeId{0}};
  const auto pages = NodePages::map(kBlockBytes, node, calls);
  ASSERT_FALSE(pages.ok());
  EXPECT_EQ(pages.error().code, ErrorCode::kCapabilityMissing);
  EXPECT_EQ(pages.error().saved_errno, EPERM);
  EXPECT_EQ(recorder.mapped, 0);
}

TEST_F(NodePagesTest, WorkWithoutHugePages) {
  recorder.failing_errno_of_advise = EINVAL;
  EXPECT_TRUE(NodePages::map(kBlockBytes, {}, calls).ok());
}

TEST_F(NodePagesTest, RefuseSizesAndNodesThatCannotBe) {
  EXPECT_FALSE(NodePages::map(Bytes(0), {}, calls).ok());
  EXPECT_FALSE(NodePages::map(Bytes(~std::uint64_t{0}), {}, calls).ok());
  const NodeId node[] = {NodeId{5000}};
  const auto pages = NodePages::map(kBlockBytes, node, calls);
  ASSERT_FALSE(pages.ok());
  EXPECT_THAT(pages.error().message, HasSubstr("node 5000"));
  EXPECT_EQ(recorder.mapped, 0);
}

}  // namespace
}  // namespace terrace::os::node_pages_test
