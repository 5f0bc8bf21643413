// SPDX-License-Identifier: Apache-2.0
// The mover between real NUMA nodes, in a lab machine (tests/lab/run.sh): what it reports is held
// against what the kernel answers to the test's own question, while threads write to the memory.
#include "tiering/migrate/mover.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <cstdlib>

#include "tests/lab/nodes.h"
#include "tests/unit/migrate/counting_writers.h"

namespace terrace::migrate {
namespace {

using lab::kBlock;
using lab::kPage;
using lab::Memory;
using lab::Pages;
using lab::places;

class MoverLab : public testing::Test {
 protected:
  void SetUp() override {
    nodes_ = lab::memory_nodes();
    if (nodes_.size() < 2) GTEST_SKIP() << "needs two NUMA nodes";
    home_ = nodes_[0];
    away_ = nodes_[1];
    start({});
  }
  void start(const MoverOptions& options) {
    auto made = Mover::create(options);
    ASSERT_TRUE(made) << made.error().message;
    mover_ = std::move(*made);
  }
  /// A tier that lives as long as the test.
  const Tier* tier(const std::vector<int>& nodes) {
    tiers_.emplace_back(std::make_unique<Tier>());
    tiers_.back()->name = "tier";
    for (const int node : nodes) tiers_.back()->nodes.push_back(NodeId{node});
    return tiers_.back().get();
  }
  MoveReport move(const Memory& memory, const Tier* to) {
    return mover_->move({memory.data(), Bytes(memory.size()), to, 0});
  }

  std::vector<int> nodes_;
  int home_ = 0;
  int away_ = 0;
  std::unique_ptr<Mover> mover_;
  std::vector<std::unique_ptr<Tier>> tiers_;
};

TEST_F(MoverLab, MovesToEveryNodeAndBackUnderWriters) {
  for (const Pages kind : {Pages::kSmall, Pages::kTransparentHuge}) {
    Memory memory(2 * kBlock, home_, kind);
    const std::uint64_t all = memory.size() / kPage;
    CountingWriters writers(memory.data(), memory.size());
    for (std::size_t i = 1; i <= nodes_.size(); ++i) {
      const int to = nodes_[i % nodes_.size()];
      const MoveReport report = move(memory, tier({to}));
      EXPECT_EQ(report.refused, "");
      EXPECT_TRUE(report.complete()) << "to node " << to;
      EXPECT_EQ(report.count(Outcome::kMoved), all);
      EXPECT_EQ(places(memory.data(), memory.size())[to], all);
    }
    EXPECT_TRUE(writers.stop_and_check());
  }
}

TEST_F(MoverLab, BatchesAndThreadsOfAnyNumberMoveTheSame) {
  // 8 MiB, since an emulated CXL device takes seconds a megabyte: four batches for as many threads,
  // one and a rest, and one that is not full.
  Memory memory(4 * kBlock, home_, Pages::kSmall);
  int to = away_;
  for (const auto& [threads, batch] :
       {std::pair{1, MiB(2)}, {1, MiB(64)}, {2, MiB(6)}, {2, MiB(2)}, {4, MiB(2)}, {4, MiB(64)}}) {
    MoverOptions options;
    options.threads = threads;
    options.batch = batch;
    start(options);
    EXPECT_EQ(move(memory, tier({to})).moved, Bytes(memory.size()));
    EXPECT_EQ(places(memory.data(), memory.size())[to], memory.size() / kPage);
    to = to == away_ ? home_ : away_;
  }
}

TEST_F(MoverLab, AHalfMovedRangeIsCountedPageByPage) {
  Memory memory(2 * kBlock, home_, Pages::kSmall);
  EXPECT_EQ(mover_->move({memory.data(), Bytes(100 * kPage), tier({away_}), 0}).moved,
            Bytes(100 * kPage));
  ASSERT_EQ(madvise(memory.data() + 200 * kPage, 50 * kPage, MADV_DONTNEED), 0);
  const volatile char zero = memory.data()[210 * kPage];
  EXPECT_EQ(zero, 0);
  const MoveReport report = move(memory, tier({away_}));
  EXPECT_EQ(report.count(Outcome::kAlreadyThere), 100u);
  EXPECT_EQ(report.count(Outcome::kNotPresent), 50u) << "one of them the shared page of zeros";
  EXPECT_EQ(report.count(Outcome::kMoved), 1024u - 150u);
  EXPECT_TRUE(report.complete());
}

TEST_F(MoverLab, HugePagesStayHuge) {
  Memory memory(4 * kBlock, home_, Pages::kTransparentHuge);
  const auto huge = [] {
    const std::string text = lab::read_text("/proc/self/smaps_rollup");
    return std::strtoull(text.c_str() + text.find("AnonHugePages:") + 14, nullptr, 10);
  };
  const unsigned long long before = huge();
  ASSERT_GE(before, 4u * 2048);
  EXPECT_EQ(move(memory, tier({away_})).moved, Bytes(memory.size()));
  EXPECT_EQ(huge(), before);
}

TEST_F(MoverLab, APartOfAHugePageTakesTheWholeAlong) {
  Memory memory(2 * kBlock, home_, Pages::kTransparentHuge);
  const MoveReport report =
      mover_->move({memory.data() + 8 * kPage, Bytes(16 * kPage), tier({away_}), 0});
  EXPECT_EQ(report.count(Outcome::kMoved), 16u);
  EXPECT_EQ(places(memory.data(), kBlock)[away_], 512u);
  EXPECT_EQ(places(memory.data() + kBlock, kBlock)[home_], 512u);
}

TEST_F(MoverLab, PagesUnderIoAreBusyUntilItEnds) {
  Memory memory(2 * kBlock, home_, Pages::kSmall);
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  constexpr std::size_t kHeld = 12;
  for (std::size_t i = 0; i < kHeld; ++i) {
    const iovec page{memory.data() + (7 + 40 * i) * kPage, kPage};
    ASSERT_EQ(vmsplice(pipe_ends[1], &page, 1, 0), static_cast<ssize_t>(kPage));
  }
  const MoveReport held = move(memory, tier({away_}));
  EXPECT_EQ(held.count(Outcome::kBusy), kHeld);
  EXPECT_EQ(held.count(Outcome::kMoved), 1024u - kHeld);
  EXPECT_FALSE(held.complete());
  EXPECT_EQ(places(memory.data(), memory.size())[home_], kHeld);
  close(pipe_ends[0]);
  close(pipe_ends[1]);
  const MoveReport free = move(memory, tier({away_}));
  EXPECT_EQ(free.count(Outcome::kMoved), kHeld);
  EXPECT_TRUE(free.complete());
}

TEST_F(MoverLab, PagesSharedWithAChildStay) {
  Memory memory(kBlock, home_, Pages::kSmall);
  int go[2];
  ASSERT_EQ(pipe(go), 0);
  const pid_t child = fork();
  if (child == 0) {
    char byte = 0;
    close(go[1]);
    _exit(read(go[0], &byte, 1) < 0 ? 1 : 0);
  }
  for (std::size_t i = 0; i < 100; ++i) memory.data()[i * kPage] = 2;  // ours alone from now on
  const MoveReport report = move(memory, tier({away_}));
  close(go[1]);
  close(go[0]);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(report.count(Outcome::kMoved), 100u);
  EXPECT_EQ(report.count(Outcome::kShared), 412u);
}

TEST_F(MoverLab, AnotherProcessIsMovedToo) {
  Memory memory(kBlock, home_, Pages::kSmall);
  int ready[2];
  int go[2];
  ASSERT_EQ(pipe(ready), 0);
  ASSERT_EQ(pipe(go), 0);
  const pid_t child = fork();
  if (child == 0) {
    std::memset(memory.data(), 3, memory.size());
    char byte = 'r';
    bool good = write(ready[1], &byte, 1) == 1 && read(go[0], &byte, 1) == 1;
    for (std::size_t i = 0; i < memory.size(); ++i) good = good && memory.data()[i] == 3;
    _exit(good ? 0 : 1);
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  const MoveReport report =
      mover_->move({memory.data(), Bytes(memory.size()), tier({away_}), child});
  EXPECT_EQ(report.count(Outcome::kMoved), 512u);
  EXPECT_EQ(places(memory.data(), memory.size(), child)[away_], 512u);
  EXPECT_EQ(places(memory.data(), memory.size())[home_], 512u) << "ours are others";
  ASSERT_EQ(write(go[1], &byte, 1), 1);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0) << "its content is as it was";
}

TEST_F(MoverLab, UntouchedPagesFollow) {
  Memory memory(kBlock, home_, Pages::kSmall);
  ASSERT_EQ(madvise(memory.data() + kBlock / 2, kBlock / 2, MADV_DONTNEED), 0);
  const MoveReport report = move(memory, tier({away_}));
  EXPECT_EQ(report.count(Outcome::kMoved), 256u);
  EXPECT_EQ(report.policy_errno, 0);
  std::memset(memory.data() + kBlock / 2, 4, kBlock / 2);
  EXPECT_EQ(places(memory.data(), memory.size())[away_], 512u)
      << "the strict binding to the old node is gone";
}

TEST_F(MoverLab, TheLimitHolds) {
  MoverOptions options;
  options.batch = MiB(2);
  options.bytes_per_second = MiB(40);
  start(options);
  Memory memory(4 * kBlock, home_, Pages::kSmall);
  const MoveReport report = move(memory, tier({away_}));
  EXPECT_TRUE(report.complete());
  // By the bound: 8 MiB less the first batch at 40 MiB/s. How much longer it takes is nobody's
  // promise.
  EXPECT_GE(report.elapsed, milliseconds(150));
}

TEST_F(MoverLab, AFullNodeIsToldAndTheRestIsWhereItWas) {
  const std::string meminfo =
      lab::read_text("/sys/devices/system/node/node" + std::to_string(away_) + "/meminfo");
  const std::size_t free_kib = std::stoul(meminfo.substr(meminfo.find("MemFree:") + 8));
  if (free_kib > (300u << 10)) GTEST_SKIP() << "needs a second node of less than 300 MiB";
  Memory memory(((free_kib << 10) + 8 * kBlock) & ~(kBlock - 1), home_, Pages::kSmall);
  const MoveReport report = move(memory, tier({away_}));
  EXPECT_GT(report.count(Outcome::kNoMemory), 0u);
  EXPECT_GT(report.count(Outcome::kMoved), 0u);
  EXPECT_EQ(report.count(Outcome::kNoMemory) + report.count(Outcome::kMoved),
            memory.size() / kPage);
  auto found = places(memory.data(), memory.size());
  EXPECT_EQ(found[away_], report.count(Outcome::kMoved));
  EXPECT_EQ(found[home_], report.count(Outcome::kNoMemory));
}

TEST_F(MoverLab, HugetlbPagesMoveInTheirOwnSize) {
  const auto pool = [](int node) {
    return "/sys/devices/system/node/node" + std::to_string(node) +
           "/hugepages/hugepages-2048kB/nr_hugepages";
  };
  lab::write_text(pool(home_), "3");
  if (std::stoi("0" + lab::read_text(pool(home_))) < 3) GTEST_SKIP() << "needs hugetlb pages";
  char* at = static_cast<char*>(mmap(nullptr, 3 * kBlock, PROT_READ | PROT_WRITE,
                                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0));
  ASSERT_NE(at, MAP_FAILED);
  std::memset(at, 5, 3 * kBlock);
  const Tier* to = tier({away_});
  lab::write_text(pool(away_), "2");
  const MoveReport report = mover_->move({at, Bytes(3 * kBlock), to, 0});
  EXPECT_EQ(report.page_size, Bytes(kBlock));
  EXPECT_EQ(report.count(Outcome::kMoved) + report.count(Outcome::kNoMemory), 3u);
  EXPECT_EQ(places(at, 3 * kBlock)[away_], 512 * report.count(Outcome::kMoved));
  EXPECT_GE(report.count(Outcome::kMoved), 2u);
  for (std::size_t i = 0; i < 3 * kBlock; i += kPage) ASSERT_EQ(at[i], 5);
  munmap(at, 3 * kBlock);
  for (const int node : nodes_) lab::write_text(pool(node), "0");
}

TEST_F(MoverLab, PagesGoToTheNearestNodeOfATier) {
  if (nodes_.size() < 3) GTEST_SKIP() << "needs three NUMA nodes";
  const std::vector<int> pair = {nodes_[nodes_.size() - 2], nodes_[nodes_.size() - 1]};
  for (const int from : nodes_) {
    if (from == pair[0] || from == pair[1]) continue;
    const int near = lab::distance(from, pair[0]) < lab::distance(from, pair[1]) ? 0 : 1;
    Memory memory(2 * kBlock, from, Pages::kSmall);
    EXPECT_EQ(move(memory, tier(pair)).moved, Bytes(memory.size()));
    EXPECT_EQ(places(memory.data(), memory.size())[pair[near]], 1024u) << "from node " << from;
    EXPECT_EQ(move(memory, tier(pair)).count(Outcome::kAlreadyThere), 1024u);
  }
}

TEST_F(MoverLab, EquallyNearNodesShareByFreeMemory) {
  for (const int from : nodes_) {
    std::map<int, std::vector<int>> by_distance;
    for (const int to : nodes_) {
      if (to != from) by_distance[lab::distance(from, to)].push_back(to);
    }
    for (const auto& [distance, group] : by_distance) {
      if (group.size() < 2) continue;
      Memory memory(2 * kBlock, from, Pages::kSmall);
      EXPECT_EQ(move(memory, tier(group)).moved, Bytes(memory.size()));
      return;
    }
  }
  GTEST_SKIP() << "needs two nodes that are equally far from a third";
}

}  // namespace
}  // namespace terrace::migrate
