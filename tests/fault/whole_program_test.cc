// SPDX-License-Identifier: Apache-2.0
// Every system call of the runtime fails in a whole program: each kind of call, at its first,
// second, ... use, alone and with all later ones, by one of three errors and the first by each. The
// program ends with the right answer and its own exit status, in time, and nothing is said twice.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <new>
#include <sstream>

#include "allocators/os/fault_point.h"
#include "tests/fault/fault_order.h"
#include "tests/unit/extent/huge_pages.h"
#include "tests/unit/runtime/run_program.h"

namespace terrace::e2e {
namespace {

using os::SystemCall;
using testing_support::FaultOrder;

constexpr int kRight = 7;
constexpr int kRightButShared = 8;
/// From here on not every use fails alone: recording makes hundreds of the same calls.
constexpr int kEachUntil = 12;
constexpr int kErrors[] = {ENOMEM, EPERM, EIO};
constexpr int kErrorCount = 3;
/// What the slower tier is made of, or that one tier is recorded.
constexpr const char* kMemory[] = {"emulated", "recorded", "dax"};

struct Kind {
  SystemCall call;
  const char* name;
  bool used = true;  ///< by this program
};
/// Names the case, where GoogleTest would print bytes.
void PrintTo(const Kind& kind, std::ostream* out) {
  *out << kind.name;
}
constexpr Kind kKinds[] = {
    {SystemCall::kMmap, "mmap"},
    {SystemCall::kMunmap, "munmap"},
    {SystemCall::kMadvise, "madvise"},
    {SystemCall::kMbind, "mbind"},
    {SystemCall::kGetMempolicy, "get_mempolicy", false},
    {SystemCall::kMovePages, "move_pages"},
    {SystemCall::kMemfdCreate, "memfd_create"},
    {SystemCall::kFtruncate, "ftruncate"},
    {SystemCall::kFallocate, "fallocate"},
    {SystemCall::kUserfaultfd, "userfaultfd"},
    {SystemCall::kUserfaultIoctl, "userfaultfd_ioctl"},
    {SystemCall::kPagemap, "pagemap"},
    {SystemCall::kThreadCreate, "thread_create"},
    {SystemCall::kOpen, "open"},
    {SystemCall::kRead, "read"},
    {SystemCall::kWrite, "write"},
    {SystemCall::kMremap, "mremap"},
    {SystemCall::kMprotect, "mprotect"},
    {SystemCall::kFcntl, "fcntl"},
    {SystemCall::kStat, "stat"},
    {SystemCall::kReadlink, "readlink", false},
    {SystemCall::kFileLock, "file_lock"},
    {SystemCall::kFlock, "flock"},
    {SystemCall::kUnlink, "unlink", false},
    {SystemCall::kSigaction, "sigaction"},
    {SystemCall::kSocket, "socket"},
    {SystemCall::kSocketOption, "setsockopt"},
    {SystemCall::kBind, "bind"},
    {SystemCall::kReceive, "recvmsg"},
    {SystemCall::kSend, "sendmsg", false},
    {SystemCall::kCachestat, "cachestat"},
    {SystemCall::kMincore, "mincore", false},
    {SystemCall::kFadvise, "fadvise"},
    {SystemCall::kSetAffinity, "sched_setaffinity"},
};
static_assert(std::size(kKinds) == static_cast<std::size_t>(SystemCall::kCount));

/// The order's file, mapped.
class SharedOrder {
 public:
  explicit SharedOrder(const std::string& path) {
    const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    EXPECT_EQ(ftruncate(fd, sizeof(FaultOrder)), 0);
    void* at = mmap(nullptr, sizeof(FaultOrder), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    order_ = new (at) FaultOrder;
  }
  ~SharedOrder() { munmap(order_, sizeof(FaultOrder)); }
  SharedOrder(const SharedOrder&) = delete;
  SharedOrder& operator=(const SharedOrder&) = delete;
  FaultOrder* operator->() { return order_; }

 private:
  FaultOrder* order_ = nullptr;
};

/// Lines that the shim wrote, figures left out, and how often.
std::map<std::string, int> lines_of(const std::string& said) {
  std::map<std::string, int> lines;
  std::istringstream in(said);
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("terrace:", 0) != 0) continue;
    line.erase(
        std::remove_if(line.begin(), line.end(), [](char c) { return c >= '0' && c <= '9'; }),
        line.end());
    ++lines[line];
  }
  return lines;
}

class WholeProgram : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    std::ofstream out(weights_, std::ios::binary);
    for (int i = 0; i < 5000000 / 8; ++i) out.write(reinterpret_cast<const char*>(&i), sizeof i);
    std::ofstream(pool_, std::ios::binary).seekp(MiB(64).value - 1).put(0);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  Scenario scenario(const std::string& slow) const {
    const bool recorded = slow == "recorded";
    Tier second = plain_tier("slow", MiB(64));
    if (slow == "emulated") second = emulated_tier("slow", MiB(64));
    if (slow == "dax") second = dax_tier("slow", MiB(64), pool_);
    Scenario made = scenario_of({plain_tier("fast", MiB(64)), second});
    made.options.policy = runtime::DefaultPolicy::kInterleave;
    made.options.record = recorded;
    made.options.window_hz = 50;
    made.options.late_size = MiB(4);
    made.options.late_age_ms = 1;
    made.options.file_threshold = MiB(1);
    made.options.mmap_threshold = MiB(1);
    made.environment = {"TERRACE_TEST_FILE=" + weights_, "TERRACE_TEST_FAULT=" + order_path_};
    return made;
  }

  /// True when the call failed at all.
  bool run_once(const Scenario& made, int nth, int error, os::Fails fails) {
    SharedOrder order(order_path_);
    order->call = static_cast<int>(GetParam().call);
    order->nth = nth;
    order->error = error;
    order->fails = fails;
    const Outcome outcome = run(made, "");
    const bool shared = outcome.exit_status == kRightButShared &&
                        outcome.said.find("stays shared with the child") != std::string::npos;
    EXPECT_TRUE(outcome.exit_status == kRight || shared)
        << "exit status " << outcome.exit_status << "\n"
        << outcome.said;
    for (const auto& [line, count] : lines_of(outcome.said)) {
      EXPECT_EQ(count, 1) << line << "\n" << outcome.said;
    }
    ++runs_;
    return order->failed.load() > 0;
  }

  /// The first use fails by each error, alone and with all later ones: such a call is one that this
  /// machine does not have. A later one fails once alone and once with those after it. By which
  /// error goes on with the use and with the memory, so that all six pairs come to a use over the
  /// three kinds of memory, and to a place in the code that several uses lead to.
  void fail_each_use(int memory) {
    const Scenario made = scenario(kMemory[memory]);
    for (int nth = 1; nth < 4000; nth += nth < kEachUntil ? 1 : nth) {
      for (int i = 0; i < (nth == 1 ? 2 * kErrorCount : 2); ++i) {
        const int error = kErrors[(nth + memory + i / 2 + i % 2) % kErrorCount];
        const os::Fails fails = i % 2 == 0 ? os::Fails::kOnce : os::Fails::kFromThenOn;
        SCOPED_TRACE(testing::Message() << kMemory[memory] << ", " << strerror(error) << ", use "
                                        << nth << (fails == os::Fails::kOnce ? "" : " and later"));
        // What comes before a use does not depend on how it will fail: one that is not reached by
        // one error is not reached by another.
        if (!run_once(made, nth, error, fails)) return;
        any_ = true;
        if (HasFailure()) return;
      }
    }
  }

  testing_support::HugePages pages_{256};
  std::string directory_ = scratch_directory();
  std::string weights_ = directory_ + "/weights.bin";
  std::string pool_ = directory_ + "/pool";
  std::string order_path_ = directory_ + "/order";
  int runs_ = 0;
  bool any_ = false;
};

TEST_P(WholeProgram, EndsRightWhicheverCallFails) {
  if (geteuid() != 0) GTEST_SKIP() << "userfaultfd for kernel faults: run as root";
  for (int memory = 0; memory < static_cast<int>(std::size(kMemory)); ++memory) {
    fail_each_use(memory);
  }
  std::printf("%d runs\n", runs_);
  EXPECT_EQ(any_, GetParam().used) << "the program no longer makes this call";
}

INSTANTIATE_TEST_SUITE_P(Call, WholeProgram, testing::ValuesIn(kKinds),
                         [](const auto& param) { return std::string(param.param.name); });

}  // namespace
}  // namespace terrace::e2e
