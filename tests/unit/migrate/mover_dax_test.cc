// SPDX-License-Identifier: Apache-2.0
// To a file tier and back by copy and remap, on this machine, with a file in /dev/shm.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "allocators/extent/copy_remap.h"
#include "allocators/os/mapping_facts.h"
#include "allocators/os/page_moves.h"
#include "tests/unit/migrate/counting_writers.h"
#include "tiering/migrate/kernel.h"
#include "tiering/migrate/mover.h"

namespace terrace::migrate::mover_dax_test {
namespace {

using testing::HasSubstr;

constexpr std::size_t kBlock = kBlockBytes.value;

/// Private memory at a multiple of a block, filled with a pattern.
class Blocks {
 public:
  explicit Blocks(std::size_t count) : size_(count * kBlock) {
    void* reserved = mmap(nullptr, size_ + kBlock, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT_NE(reserved, MAP_FAILED);
    reserved_ = reserved;
    const auto base = (reinterpret_cast<std::uintptr_t>(reserved) + kBlock - 1) & ~(kBlock - 1);
    at_ = static_cast<char*>(mmap(reinterpret_cast<void*>(base), size_, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    EXPECT_NE(at_, MAP_FAILED);
    for (std::size_t i = 0; i < size_ / 8; ++i) word(i) = pattern(i);
  }
  ~Blocks() { munmap(reserved_, size_ + kBlock); }
  Blocks(const Blocks&) = delete;
  Blocks& operator=(const Blocks&) = delete;

  char* data() const { return at_; }
  std::size_t size() const { return size_; }
  ::testing::AssertionResult holds() const {
    for (std::size_t i = 0; i < size_ / 8; ++i) {
      if (word(i) != pattern(i)) return ::testing::AssertionFailure() << "word " << i;
    }
    return ::testing::AssertionSuccess();
  }

 private:
  static std::uint64_t pattern(std::uint64_t i) { return i * 0x9e3779b97f4a7c15ull + 1; }
  std::uint64_t& word(std::size_t i) const { return reinterpret_cast<std::uint64_t*>(at_)[i]; }

  std::size_t size_;
  void* reserved_ = nullptr;
  char* at_ = nullptr;
};

/// The file that the kernel shows at an address; empty: private memory.
std::string file_at(const char* at) {
  auto reader = os::MappingReader::open(0, os::MappingDetail::kPlain);
  EXPECT_TRUE(reader);
  const auto address = reinterpret_cast<std::uintptr_t>(at);
  while (const auto mapping = reader->next()) {
    if (mapping->begin <= address && address < mapping->end) return mapping->path;
  }
  ADD_FAILURE() << "not mapped";
  return {};
}

class DaxMover : public testing::Test {
 protected:
  void SetUp() override {
    const auto possible = extent::CopyRemap::open();
    if (!possible) GTEST_SKIP() << possible.error().message;
    file_tier_ = make_file_tier("a", 16);
    int node = 0;
    char byte = 1;
    const void* at = &byte;
    ASSERT_EQ(os::query_pages(0, &at, 1, &node), 0);
    home_.name = "home";
    home_.nodes = {NodeId{node}};
    start({});
  }
  void TearDown() override {
    for (const std::string& path : files_) unlink(path.c_str());
  }
  void start(const MoverOptions& options) {
    auto made = Mover::create(options);
    ASSERT_TRUE(made);
    mover_ = std::move(*made);
  }
  Tier make_file_tier(const char* name, std::size_t blocks) {
    Tier tier;
    tier.name = name;
    tier.kind = TierKind::kFile;
    tier.backing = BackingKind::kDax;
    tier.path = "/dev/shm/terrace-mover-" + std::to_string(getpid()) + "-" + name;
    const int fd = open(tier.path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    EXPECT_GE(fd, 0);
    EXPECT_EQ(ftruncate(fd, static_cast<off_t>(blocks * kBlock)), 0);
    close(fd);
    files_.push_back(tier.path);
    return tier;
  }
  MoveReport move(const Blocks& blocks, const Tier& to) {
    return mover_->move({blocks.data(), Bytes(blocks.size()), &to, 0});
  }

  Tier file_tier_;
  Tier home_;
  std::vector<std::string> files_;
  std::unique_ptr<Mover> mover_;
};

TEST_F(DaxMover, MovesThereAndBackWithItsContent) {
  Blocks blocks(8);
  const MoveReport there = move(blocks, file_tier_);
  EXPECT_EQ(there.refused, "");
  EXPECT_EQ(there.moved, Bytes(blocks.size()));
  EXPECT_TRUE(there.complete());
  EXPECT_EQ(file_at(blocks.data()), file_tier_.path);
  EXPECT_EQ(file_at(blocks.data() + blocks.size() - 1), file_tier_.path);
  EXPECT_TRUE(blocks.holds());
  EXPECT_EQ(move(blocks, file_tier_).count(Outcome::kAlreadyThere), 8u * 512);
  const MoveReport back = move(blocks, home_);
  EXPECT_EQ(back.refused, "");
  EXPECT_EQ(back.moved, Bytes(blocks.size()));
  EXPECT_EQ(file_at(blocks.data()), "");
  EXPECT_TRUE(blocks.holds());
}

TEST_F(DaxMover, WritersLoseNothing) {
  Blocks blocks(4);
  MoverOptions options;
  options.batch = MiB(2);
  start(options);
  CountingWriters writers(blocks.data(), blocks.size());
  for (int i = 0; i < 6; ++i) {
    const MoveReport report = move(blocks, i % 2 == 0 ? file_tier_ : home_);
    EXPECT_EQ(report.refused, "");
    EXPECT_EQ(report.count(Outcome::kOther), 0u) << "errno " << report.other_errno;
  }
  EXPECT_TRUE(writers.stop_and_check());
  EXPECT_GT(writers.rounds(), 0u);
}

TEST_F(DaxMover, BlocksAreFreeAgainAfterTheWayBack) {
  Blocks blocks(16);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(move(blocks, file_tier_).complete()) << "the file has 16 blocks";
    EXPECT_TRUE(move(blocks, home_).complete());
  }
}

TEST_F(DaxMover, AFullFileTakesWhatItCan) {
  Blocks blocks(20);
  const MoveReport report = move(blocks, file_tier_);
  EXPECT_EQ(report.count(Outcome::kMoved), 16u * 512);
  EXPECT_EQ(report.count(Outcome::kNoMemory), 4u * 512);
  EXPECT_FALSE(report.complete());
  EXPECT_TRUE(blocks.holds());
  EXPECT_EQ(move(blocks, home_).count(Outcome::kMoved), 16u * 512);
  EXPECT_TRUE(blocks.holds());
}

TEST_F(DaxMover, MovesFromOneFileToAnother) {
  const Tier other = make_file_tier("b", 4);
  Blocks blocks(4);
  ASSERT_TRUE(move(blocks, file_tier_).complete());
  const MoveReport report = move(blocks, other);
  EXPECT_EQ(report.moved, Bytes(blocks.size()));
  EXPECT_EQ(file_at(blocks.data()), other.path);
  EXPECT_TRUE(blocks.holds());
  Blocks too_many(4);
  ASSERT_TRUE(move(too_many, file_tier_).complete());
  EXPECT_EQ(move(too_many, other).count(Outcome::kNoMemory), 4u * 512);
  EXPECT_EQ(file_at(too_many.data()), file_tier_.path) << "and stays where it was";
}

TEST_F(DaxMover, AFolderGivesAFileWithoutAName) {
  Tier folder = file_tier_;
  folder.path = "/dev/shm";
  folder.capacity = {MiB(8), Provenance::kUserFile};
  Blocks blocks(4);
  EXPECT_TRUE(move(blocks, folder).complete());
  EXPECT_THAT(file_at(blocks.data()), HasSubstr("/dev/shm/"));
  EXPECT_TRUE(move(blocks, home_).complete());
  EXPECT_TRUE(blocks.holds());
}

TEST_F(DaxMover, BlocksOutliveTheMover) {
  Blocks blocks(2);
  ASSERT_TRUE(move(blocks, file_tier_).complete());
  start({});
  EXPECT_TRUE(blocks.holds());
  const Tier other = make_file_tier("c", 16);
  Blocks more(16);
  EXPECT_EQ(move(more, file_tier_).count(Outcome::kMoved), 14u * 512) << "two are still mapped";
  EXPECT_TRUE(blocks.holds());
  EXPECT_TRUE(move(blocks, home_).complete()) << "another mover's blocks come back as well";
  EXPECT_TRUE(blocks.holds());
}

TEST_F(DaxMover, RefusesWhatCannotBeCopied) {
  Blocks blocks(4);
  const auto refusal = [&](char* at, std::size_t size) {
    return mover_->move({at, Bytes(size), &file_tier_, 0}).refused;
  };
  EXPECT_THAT(refusal(blocks.data() + 4096, kBlock), HasSubstr("whole blocks of 2 MiB"));
  ASSERT_EQ(mprotect(blocks.data(), kBlock, PROT_READ), 0);
  EXPECT_THAT(refusal(blocks.data(), kBlock), HasSubstr("not writable"));
  ASSERT_EQ(mprotect(blocks.data(), kBlock, PROT_READ | PROT_WRITE), 0);
  ASSERT_NE(mmap(blocks.data(), kBlock, PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
            MAP_FAILED);
  EXPECT_THAT(refusal(blocks.data(), kBlock), HasSubstr("not private memory"));
  EXPECT_THAT(mover_->move({blocks.data(), Bytes(kBlock), &file_tier_, 1}).refused,
              HasSubstr("of this process only"));
  Tier missing = file_tier_;
  missing.path = "/nowhere/at/all";
  EXPECT_THAT(mover_->move({blocks.data() + kBlock, Bytes(kBlock), &missing, 0}).refused,
              HasSubstr("/nowhere/at/all"));
}

TEST_F(DaxMover, MemoryPinnedForDmaStaysButMigratesByPages) {
  Kernel kernel = real_kernel();
  kernel.examine = [real = kernel.examine](int pid, std::uintptr_t begin, std::uintptr_t end) {
    auto facts = real(pid, begin, end);
    if (facts) facts->pinned_for_dma = KiB(8);
    return facts;
  };
  auto made = Mover::create({}, kernel);
  ASSERT_TRUE(made);
  mover_ = std::move(*made);
  Blocks blocks(1);
  EXPECT_THAT(move(blocks, file_tier_).refused, HasSubstr("8 KiB pinned for DMA"));
  EXPECT_TRUE(move(blocks, home_).complete()) << "the kernel itself knows which pages it may move";
}

TEST_F(DaxMover, PauseCancelAndLimitActOnCopiesToo) {
  MoverOptions options;
  options.batch = MiB(2);
  start(options);
  Blocks blocks(4);
  mover_->pause();
  const Mover::Ticket ticket =
      mover_->submit({blocks.data(), Bytes(blocks.size()), &file_tier_, 0});
  mover_->cancel(ticket);
  EXPECT_EQ(mover_->wait(ticket).count(Outcome::kCancelled), 4u * 512);
  EXPECT_EQ(file_at(blocks.data()), "");
  mover_->resume();
  mover_->set_limit(MiB(40));
  const MoveReport report = move(blocks, file_tier_);
  EXPECT_TRUE(report.complete());
  EXPECT_GE(report.elapsed, milliseconds(150)) << "8 MiB less the first 2 at 40 MiB/s";
}

}  // namespace
}  // namespace terrace::migrate::mover_dax_test
