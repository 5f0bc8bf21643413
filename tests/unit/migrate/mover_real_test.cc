// SPDX-License-Identifier: Apache-2.0
// The mover over this machine's kernel, which may have one node only: what needs no second one.
// tests/lab has machines with several.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <string>

#include "allocators/os/mapping_facts.h"
#include "allocators/os/page_moves.h"
#include "tiering/migrate/mover.h"

namespace terrace::migrate::mover_real_test {
namespace {

using testing::HasSubstr;

constexpr std::size_t kPage = 4096;

class Mapping {
 public:
  explicit Mapping(std::size_t size, int flags = MAP_PRIVATE | MAP_ANONYMOUS)
      : size_(size), at_(mmap(nullptr, size, PROT_READ | PROT_WRITE, flags, -1, 0)) {}
  ~Mapping() {
    if (at_ != MAP_FAILED) munmap(at_, size_);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  char* data() const { return static_cast<char*>(at_); }
  bool ok() const { return at_ != MAP_FAILED; }

 private:
  std::size_t size_;
  void* at_;
};

/// The node that memory comes from here: asked, since it need not be 0.
NodeId own_node() {
  Mapping page(kPage);
  page.data()[0] = 1;
  const void* at = page.data();
  int node = -1;
  EXPECT_EQ(os::query_pages(0, &at, 1, &node), 0);
  return NodeId{node};
}

class RealMover : public testing::Test {
 protected:
  RealMover() {
    home_.name = "home";
    home_.nodes = {own_node()};
    auto made = Mover::create({});
    EXPECT_TRUE(made);
    mover_ = std::move(*made);
  }
  MoveReport move(void* at, std::size_t size) { return mover_->move({at, Bytes(size), &home_, 0}); }

  Tier home_;
  std::unique_ptr<Mover> mover_;
};

TEST_F(RealMover, TouchedPagesAreThereAndOthersNowhere) {
  Mapping memory(64 * kPage);
  madvise(memory.data(), 64 * kPage, MADV_NOHUGEPAGE);
  for (int i = 0; i < 16; ++i) memory.data()[i * kPage] = 1;
  const volatile char zero = memory.data()[20 * kPage];  // maps the shared page of zeros
  EXPECT_EQ(zero, 0);
  const MoveReport report = move(memory.data(), 64 * kPage);
  EXPECT_EQ(report.refused, "");
  // Whether the page of zeros lies on a node is for the kernel to say.
  const void* const zeros = memory.data() + 20 * kPage;
  int node = -1;
  ASSERT_EQ(os::query_pages(0, &zeros, 1, &node), 0);
  const std::uint64_t there = node >= 0 ? 17 : 16;
  EXPECT_EQ(report.count(Outcome::kAlreadyThere), there);
  EXPECT_EQ(report.count(Outcome::kNotPresent), 64 - there);
  EXPECT_TRUE(report.complete());
}

TEST_F(RealMover, HugePagesAreCountedInSmallOnes) {
  Mapping memory(3 * kBlockBytes.value);
  if (madvise(memory.data(), 3 * kBlockBytes.value, MADV_HUGEPAGE) != 0) {
    GTEST_SKIP() << "needs transparent huge pages";
  }
  std::memset(memory.data(), 1, 3 * kBlockBytes.value);
  const MoveReport report = move(memory.data(), 3 * kBlockBytes.value);
  EXPECT_EQ(report.page_size, KiB(4));
  EXPECT_EQ(report.count(Outcome::kAlreadyThere), 3 * 512u);
}

/// The kernel maps nothing this low of its own accord, so what is unmapped here stays so.
char* const kLow = reinterpret_cast<char*>(std::uintptr_t{1} << 20);

TEST_F(RealMover, AHoleIsCountedAsNotMapped) {
  ASSERT_EQ(mmap(kLow, 16 * kPage, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0),
            kLow);
  std::memset(kLow, 1, 16 * kPage);
  ASSERT_EQ(munmap(kLow + 4 * kPage, 4 * kPage), 0);
  const MoveReport report = move(kLow, 16 * kPage);
  EXPECT_EQ(report.count(Outcome::kAlreadyThere), 12u);
  EXPECT_EQ(report.count(Outcome::kNotMapped), 4u);
  munmap(kLow, 16 * kPage);
}

TEST_F(RealMover, NothingMappedIsRefused) {
  EXPECT_THAT(move(kLow, 16 * kPage).refused, HasSubstr("nothing is mapped"));
}

/// Bytes that this process has locked; the sanitizers let mlock do nothing.
long locked_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmLck:", 0) == 0) return std::stol(line.substr(6));
  }
  return 0;
}

TEST_F(RealMover, LockedMemoryIsRefused) {
  Mapping memory(16 * kPage);
  if (mlock(memory.data() + 4 * kPage, kPage) != 0 || locked_kib() == 0) {
    GTEST_SKIP() << "needs an mlock that locks, and RLIMIT_MEMLOCK of a page";
  }
  EXPECT_THAT(move(memory.data(), 16 * kPage).refused, HasSubstr("munlock"));
  EXPECT_EQ(move(memory.data(), 4 * kPage).refused, "") << "the pages before it are not locked";
  ASSERT_EQ(munlock(memory.data(), 16 * kPage), 0);
  EXPECT_EQ(move(memory.data(), 16 * kPage).refused, "");
}

TEST_F(RealMover, TheKernelsOwnPagesAreRefused) {
  auto reader = os::MappingReader::open(0, os::MappingDetail::kPlain);
  ASSERT_TRUE(reader);
  while (const auto mapping = reader->next()) {
    if (std::strcmp(mapping->path, "[vvar]") != 0) continue;
    EXPECT_THAT(move(reinterpret_cast<void*>(mapping->begin), kPage).refused,
                HasSubstr("device's own memory"));
    return;
  }
  GTEST_SKIP() << "needs a [vvar] mapping";
}

TEST_F(RealMover, ANodeThatIsNotThereIsAnErrorOfEveryPage) {
  Mapping memory(4 * kPage);
  std::memset(memory.data(), 1, 4 * kPage);
  Tier nowhere;
  nowhere.name = "nowhere";
  nowhere.nodes = {NodeId{900}};
  const MoveReport report = mover_->move({memory.data(), Bytes(4 * kPage), &nowhere, 0});
  EXPECT_EQ(report.count(Outcome::kOther), 4u);
  EXPECT_EQ(report.other_errno, ENODEV);
  EXPECT_NE(report.policy_errno, 0) << "mbind knows no such node either";
}

TEST_F(RealMover, LaterPagesPreferTheTier) {
  Mapping memory(4 * kBlockBytes.value);
  memory.data()[0] = 1;
  EXPECT_EQ(move(memory.data(), 4 * kBlockBytes.value).policy_errno, 0);
  char line[4096];
  const std::string head = "/proc/self/numa_maps";
  FILE* maps = std::fopen(head.c_str(), "r");
  if (maps == nullptr) GTEST_SKIP() << "needs /proc/self/numa_maps";
  bool found = false;
  while (std::fgets(line, sizeof line, maps) != nullptr) {
    const auto at = std::strtoull(line, nullptr, 16);
    if (at != reinterpret_cast<std::uintptr_t>(memory.data())) continue;
    found = true;
    EXPECT_THAT(line, HasSubstr("prefer"));
  }
  std::fclose(maps);
  EXPECT_TRUE(found);
}

TEST_F(RealMover, AnotherProcessIsAskedToo) {
  Mapping memory(8 * kPage, MAP_PRIVATE | MAP_ANONYMOUS);
  int ready[2];
  int go[2];
  ASSERT_EQ(pipe(ready), 0);
  ASSERT_EQ(pipe(go), 0);
  const pid_t child = fork();
  if (child == 0) {
    std::memset(memory.data(), 1, 8 * kPage);
    char byte = 'r';
    const bool told = write(ready[1], &byte, 1) == 1 && read(go[0], &byte, 1) == 1;
    _exit(told ? 0 : 1);
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  const MoveReport report = mover_->move({memory.data(), Bytes(8 * kPage), &home_, child});
  ASSERT_EQ(write(go[1], &byte, 1), 1);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(report.count(Outcome::kAlreadyThere), 8u);
  const MoveReport gone = mover_->move({memory.data(), Bytes(8 * kPage), &home_, child});
  EXPECT_THAT(gone.refused, HasSubstr("/proc/" + std::to_string(child)));
}

TEST(MappingFacts, ReadsWhatTheKernelPrints) {
  Mapping memory(32 * kPage, MAP_SHARED | MAP_ANONYMOUS);
  ASSERT_TRUE(memory.ok());
  ASSERT_EQ(mprotect(memory.data() + 8 * kPage, 8 * kPage, PROT_READ), 0);
  for (const auto detail : {os::MappingDetail::kPlain, os::MappingDetail::kFlags}) {
    auto reader = os::MappingReader::open(0, detail);
    ASSERT_TRUE(reader);
    int found = 0;
    std::uintptr_t last = 0;
    while (const auto mapping = reader->next()) {
      EXPECT_GE(mapping->begin, last);
      last = mapping->end;
      if (mapping->begin != reinterpret_cast<std::uintptr_t>(memory.data() + 8 * kPage)) continue;
      ++found;
      EXPECT_EQ(mapping->end - mapping->begin, 8 * kPage);
      EXPECT_TRUE(mapping->shared);
      EXPECT_FALSE(mapping->writable);
      EXPECT_NE(mapping->file.inode, 0u);
      EXPECT_EQ(mapping->offset, 8 * kPage);
      EXPECT_THAT(mapping->path, HasSubstr("/dev/zero"));
      EXPECT_EQ(mapping->kernel_page, KiB(4));
    }
    EXPECT_EQ(reader->error(), 0);
    EXPECT_EQ(found, 1);
  }
}

}  // namespace
}  // namespace terrace::migrate::mover_real_test
