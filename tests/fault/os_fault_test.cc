// SPDX-License-Identifier: Apache-2.0
// The wrappers of os/: a refused system call becomes an error that says so, errno stays, and no
// descriptor or mapping is left.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "allocators/os/fault_point.h"
#include "allocators/os/files.h"
#include "allocators/os/mapping.h"
#include "allocators/os/memory_file.h"
#include "allocators/os/numa_memory.h"
#include "allocators/os/page_presence.h"
#include "allocators/os/thread.h"
#include "allocators/os/two_processors.h"
#include "allocators/os/userfault.h"
#include "tests/fault/process_state.h"

namespace terrace::os::os_fault_test {
namespace {

constexpr int kUntouched = 4242;

class OsFault : public testing::Test {
 protected:
  OsFault() {
    files_ = testing_support::open_files();
    errno = kUntouched;
  }
  ~OsFault() override {
    EXPECT_EQ(errno, kUntouched) << "errno is not the wrapper's to change";
    for (int call = 0; call < static_cast<int>(SystemCall::kCount); ++call) {
      inject_fault(static_cast<SystemCall>(call), 0, 0);
    }
    EXPECT_EQ(testing_support::open_files(), files_);
  }

  long files_ = 0;
};

TEST_F(OsFault, MemoryFileSaysWhichCallWasRefused) {
  for (const SystemCall call : {SystemCall::kMemfdCreate, SystemCall::kFtruncate}) {
    inject_fault(call, 1, ENOSPC);
    const auto file = MemoryFile::create(MiB(2), PageKind::kSmall);
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().saved_errno, ENOSPC);
    EXPECT_EQ(file.error().code, ErrorCode::kCapabilityMissing);
    EXPECT_NE(std::strstr(file.error().message, std::strerror(ENOSPC)), nullptr);
  }
  errno = kUntouched;
}

TEST_F(OsFault, MemoryFileBeyondTheFileSizeLimitIsRefused) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 1 << 20;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto file = MemoryFile::create(MiB(4), PageKind::kSmall);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  ASSERT_FALSE(file.ok()) << "growing it would have raised SIGXFSZ";
  EXPECT_EQ(file.error().saved_errno, EFBIG);
}

TEST_F(OsFault, AllocationOfAFileReturnsTheError) {
  auto file = MemoryFile::create(MiB(2), PageKind::kSmall);
  ASSERT_TRUE(file);
  inject_fault(SystemCall::kFallocate, 1, ENOMEM);
  EXPECT_EQ(file->allocate(0, MiB(2)), ENOMEM);
  EXPECT_EQ(file->allocate(0, MiB(2)), 0);
  file->close();
}

TEST_F(OsFault, MappingsReturnTheError) {
  const long before = testing_support::address_space_pages();
  inject_fault(SystemCall::kMmap, 1, ENOMEM);
  EXPECT_EQ(reserve_address_space(MiB(3)), nullptr);
  errno = kUntouched;
  void* at = reserve_address_space(MiB(3));
  ASSERT_NE(at, nullptr);
  inject_fault(SystemCall::kMmap, 1, ENOMEM);
  EXPECT_EQ(map_private(at, MiB(4)), ENOMEM);
  inject_fault(SystemCall::kMadvise, 1, EINVAL);
  EXPECT_EQ(map_private(at, MiB(4)), 0) << "huge pages are advice";
  inject_fault(SystemCall::kMadvise, 1, EIO);
  EXPECT_EQ(drop_pages(at, MiB(2)), EIO);
  inject_fault(SystemCall::kMadvise, 1, EFAULT);
  EXPECT_EQ(populate_read(at, MiB(2)), EFAULT);
  inject_fault(SystemCall::kMunmap, 1, EINVAL);
  EXPECT_EQ(unmap(at, MiB(4)), EINVAL);
  EXPECT_EQ(unmap(at, MiB(4)), 0);
  EXPECT_LE(testing_support::address_space_pages(), before + 64) << "a reservation is whole blocks";
  errno = kUntouched;
}

TEST_F(OsFault, ReservationsAreAlignedAndLeaveNothing) {
  const long before = testing_support::address_space_pages();
  for (int i = 0; i < 200; ++i) {
    const Bytes size((static_cast<std::uint64_t>(i) + 1) * 12345);
    void* at = reserve_address_space(size);
    ASSERT_NE(at, nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(at) % kBlockBytes.value, 0u);
    EXPECT_EQ(map_private(at, round_up_to_block(size)), 0);
    EXPECT_EQ(unmap(at, round_up_to_block(size)), 0);
  }
  EXPECT_LE(testing_support::address_space_pages(), before + 64);
  errno = kUntouched;
}

TEST_F(OsFault, BindingReturnsTheErrorAndTriesTheOlderPolicyOnEinval) {
  void* at = map_private_at(nullptr, MiB(2));
  ASSERT_NE(at, nullptr);
  NodeMask first;
  first.words[0] = 1;
  inject_fault(SystemCall::kMbind, 1, EPERM);
  EXPECT_EQ(bind_range(at, MiB(2), first, Binding::kPreferred, Existing::kLeave), EPERM);
  inject_fault(SystemCall::kMbind, 1, ENOSYS);
  EXPECT_EQ(bind_range(at, MiB(2), first, Binding::kStrict, Existing::kMove), ENOSYS);
  const int without_fault = bind_range(at, MiB(2), first, Binding::kPreferred, Existing::kLeave);
  inject_fault(SystemCall::kMbind, 1, EINVAL);  // a kernel without MPOL_PREFERRED_MANY
  EXPECT_EQ(bind_range(at, MiB(2), first, Binding::kPreferred, Existing::kLeave), without_fault);
  inject_fault(SystemCall::kMovePages, 1, EPERM);
  std::uint32_t by_node[4] = {};
  EXPECT_EQ(sample_nodes(at, MiB(2), by_node, 4, 8), -1);
  unmap(at, MiB(2));
  errno = kUntouched;
}

TEST_F(OsFault, PolicyIsReadBackAsItWasSet) {
  using Kind = RangePolicy::Kind;
  void* at = map_private_at(nullptr, MiB(2));
  ASSERT_NE(at, nullptr);
  EXPECT_EQ(policy_at(at).kind, Kind::kDefault);
  NodeMask first;
  first.add(0);
  const struct {
    Binding binding;
    Kind kind;
  } kWays[] = {{Binding::kPreferred, Kind::kPreferred},
               {Binding::kStrict, Kind::kStrict},
               {Binding::kInterleave, Kind::kInterleave},
               {Binding::kWeightedInterleave, Kind::kWeightedInterleave}};
  for (const auto& way : kWays) {
    const int error = bind_range(at, MiB(2), first, way.binding, Existing::kLeave);
    if (error == EINVAL && way.binding == Binding::kWeightedInterleave) continue;  // before 6.9
    ASSERT_EQ(error, 0) << static_cast<int>(way.binding);
    const RangePolicy policy = policy_at(at);
    EXPECT_EQ(policy.kind, way.kind);
    EXPECT_TRUE(policy.nodes == first);
    // Interleaving has no older form with the same shares: the caller decides.
    inject_fault(SystemCall::kMbind, 1, EINVAL);
    const bool falls_back = way.binding == Binding::kPreferred;
    EXPECT_EQ(bind_range(at, MiB(2), first, way.binding, Existing::kLeave),
              falls_back ? 0 : EINVAL);
  }
  inject_fault(SystemCall::kGetMempolicy, 1, EPERM);
  EXPECT_EQ(policy_at(at).error, EPERM);
  EXPECT_EQ(policy_at(nullptr).kind, Kind::kUnknown) << "nothing is mapped there";
  unmap(at, MiB(2));
  errno = kUntouched;
}

TEST_F(OsFault, WeightsComeFromTheKernelsTable) {
  char root[] = "/tmp/terrace-weights-XXXXXX";
  ASSERT_NE(mkdtemp(root), nullptr);
  const std::string folder = std::string(root) + "/kernel/mm/mempolicy/weighted_interleave";
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/node0") << "4\n";
  std::ofstream(folder + "/node17") << "255\n";
  std::ofstream(folder + "/node2") << "none\n";
  EXPECT_EQ(interleave_weight(root, 0), 4u);
  EXPECT_EQ(interleave_weight(root, 17), 255u);
  EXPECT_EQ(interleave_weight(root, 1), 1u) << "no file: plain interleaving";
  EXPECT_EQ(interleave_weight(root, 2), 0u) << "no number";
  inject_fault(SystemCall::kOpen, 1, EMFILE);
  EXPECT_EQ(interleave_weight(root, 0), 0u) << "it is there, but cannot be read";
  std::filesystem::remove_all(root);
  errno = kUntouched;
}

TEST_F(OsFault, LimitOfMappingsHasADefault) {
  EXPECT_GT(max_mappings(), 0u);
  inject_fault(SystemCall::kOpen, 1, EACCES);
  EXPECT_EQ(max_mappings(), 65530u);
}

TEST_F(OsFault, UserFaultNamesTheRemedy) {
  inject_fault(SystemCall::kUserfaultfd, 1, EPERM);
  const auto refused = UserFault::open();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kCapabilityMissing);
  EXPECT_NE(std::strstr(refused.error().message, "vm.unprivileged_userfaultfd=1"), nullptr);
  inject_fault(SystemCall::kUserfaultIoctl, 1, EINVAL);
  const auto old_kernel = UserFault::open();
  ASSERT_FALSE(old_kernel);
  errno = kUntouched;
}

TEST_F(OsFault, PagePresenceReturnsTheError) {
  inject_fault(SystemCall::kPagemap, 1, EACCES);
  const auto refused = PagePresence::open();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().saved_errno, EACCES);
  auto presence = PagePresence::open();
  ASSERT_TRUE(presence);
  inject_fault(SystemCall::kPagemap, 1, EIO);
  std::uint32_t touches = 0;
  EXPECT_EQ(presence->count_present(nullptr, 0, &touches), EIO);
  presence->close();
  errno = kUntouched;
}

TEST_F(OsFault, ThreadsReturnTheError) {
  inject_fault(SystemCall::kThreadCreate, 1, EAGAIN);
  EXPECT_EQ(start_thread([](void*) -> void* { return nullptr; }, nullptr, "never"), EAGAIN);
  EXPECT_EQ(testing_support::threads_left(1), 1);
  errno = kUntouched;
}

TEST_F(OsFault, AThreadThatMayNotMoveStaysAndGetsItsProcessorsBack) {
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  {
    TwoProcessors processors;
    if (!processors) GTEST_SKIP() << "missing capability: two processors";
    ASSERT_EQ(processors.to_first(), 0);
    const int first = sched_getcpu();
    inject_fault(SystemCall::kSetAffinity, 1, EPERM);
    EXPECT_EQ(processors.to_second(), EPERM);
    EXPECT_EQ(sched_getcpu(), first);
    EXPECT_EQ(processors.to_second(), 0);
    EXPECT_NE(sched_getcpu(), first);
  }
  cpu_set_t after;
  ASSERT_EQ(sched_getaffinity(0, sizeof after, &after), 0);
  EXPECT_TRUE(CPU_EQUAL(&before, &after));
}

TEST_F(OsFault, FilesSayWhatWasRefused) {
  inject_fault(SystemCall::kOpen, 1, EACCES);
  const auto mapped = map_file("/proc/self/exe");
  ASSERT_FALSE(mapped);
  EXPECT_NE(std::strstr(mapped.error().message, "/proc/self/exe"), nullptr);
  inject_fault(SystemCall::kOpen, 1, EMFILE);
  char text[16];
  EXPECT_EQ(read_small_file("/proc/self/comm", text, sizeof text), -1);
  inject_fault(SystemCall::kOpen, 1, EROFS);
  EXPECT_EQ(write_file("/tmp/never-written", "x", 1), EROFS);
  const int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  inject_fault(SystemCall::kRead, 1, EIO);
  EXPECT_EQ(read_fully(fd, text, sizeof text, 0), EIO);
  EXPECT_EQ(read_fully(fd, text, sizeof text, std::uint64_t{1} << 40), ENODATA) << "past the end";
  close(fd);
  errno = kUntouched;
}

}  // namespace
}  // namespace terrace::os::os_fault_test
