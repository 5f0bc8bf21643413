// SPDX-License-Identifier: Apache-2.0
// What every source has to hold, whichever part of the kernel it asks.
#include "profiler/sources/source_set.h"

#include <gtest/gtest.h>

#include <cstring>

#include "allocators/os/mapping.h"
#include "allocators/os/memory_file.h"
#include "tests/unit/sources/forget_translations.h"

namespace terrace::sources::source_set_test {
namespace {

using session::SourceKind;

constexpr std::uint32_t kBlocks = 16;
constexpr Bytes kSize(std::uint64_t{kBlocks} << kBlockShift);

/// Memory of the sort that the source is for, in 4 KiB pages, all of them there.
class Memory16 {
 public:
  explicit Memory16(Reach reach) {
    at_ = static_cast<char*>(os::reserve_address_space(kSize));
    if (reach == Reach::kFiles) {
      auto file = os::MemoryFile::create(kSize, os::PageKind::kSmall);
      EXPECT_TRUE(file.ok());
      file_ = std::move(*file);
      EXPECT_EQ(os::map_shared_file(at_, kSize, file_.fd(), 0), 0);
    } else {
      EXPECT_EQ(os::map_private(at_, kSize, os::PageAdvice::kNone), 0);
      EXPECT_EQ(os::advise(at_, kSize, 15), 0);  // MADV_NOHUGEPAGE
    }
    std::memset(at_, 1, kSize.value);
  }
  ~Memory16() { os::unmap(at_, kSize); }
  Memory16(const Memory16&) = delete;
  Memory16& operator=(const Memory16&) = delete;

  char* at() const { return at_; }
  BlockRun run(std::uint32_t first, std::uint32_t blocks) const {
    return {at_ + (std::uint64_t{first} << kBlockShift), first, blocks};
  }
  void write_to(std::uint32_t block) const {
    volatile char* const bytes = at_ + (std::uint64_t{block} << kBlockShift);
    for (std::uint64_t i = 0; i < kBlockBytes.value; i += 4096) bytes[i] = 2;
  }

 private:
  char* at_ = nullptr;
  os::MemoryFile file_;
};

class EverySource : public testing::TestWithParam<SourceKind> {
 protected:
  void SetUp() override {
    const Status opened = set_.open(GetParam(), {});
    if (!opened) GTEST_SKIP() << "missing capability: " << opened.error().message;
  }
  int begin(const BlockRun& run) {
    return set_.with([&](auto& source) {
      const int error = source.begin_run(run);
      return error != 0 ? error : source.begin();
    });
  }
  int end(const BlockRun& run, std::uint32_t* counts) {
    return set_.with([&](auto& source) {
      const int error = source.end();
      return error != 0 ? error : source.end_run(run, counts);
    });
  }
  SourceSet set_;
};

TEST_P(EverySource, TellsBlocksThatWereWrittenToFromOthers) {
  const Memory16 memory(set_.traits().reach);
  const BlockRun all = memory.run(0, kBlocks);
  ASSERT_EQ(begin(all), 0);
  if (set_.traits().kind == session::SourceKind::kReferencedBits) forget_translations();
  for (const std::uint32_t block : {2u, 3u, 11u}) memory.write_to(block);
  std::uint32_t counts[kBlocks] = {};
  ASSERT_EQ(end(all, counts), 0);
  if (set_.traits().grain == Grain::kObject) {
    EXPECT_NEAR(counts[0], 3 * 512, 3 * 512 * 0.2);
    return;
  }
  for (std::uint32_t block = 0; block < kBlocks; ++block) {
    const bool written = block == 2 || block == 3 || block == 11;
    EXPECT_EQ(counts[block] != 0, written) << block;
  }
}

TEST_P(EverySource, LeavesTheDataAsTheyAre) {
  const Memory16 memory(set_.traits().reach);
  const BlockRun all = memory.run(0, kBlocks);
  ASSERT_EQ(begin(all), 0);
  memory.write_to(5);
  std::uint32_t counts[kBlocks] = {};
  ASSERT_EQ(end(all, counts), 0);
  for (std::uint32_t block = 0; block < kBlocks; ++block) {
    EXPECT_EQ(memory.at()[std::uint64_t{block} << kBlockShift], block == 5 ? 2 : 1) << block;
  }
}

TEST_P(EverySource, CanBeClosedAndOpenedAgain) {
  set_.close();
  EXPECT_FALSE(set_.is_open());
  EXPECT_EQ(set_.with([](auto&) { return 0; }), SourceSet::kNone);
  EXPECT_TRUE(set_.open(GetParam(), {}).ok());
  EXPECT_EQ(set_.kind(), GetParam());
}

INSTANTIATE_TEST_SUITE_P(Sources, EverySource,
                         testing::Values(SourceKind::kPresentBits, SourceKind::kReferencedBits,
                                         SourceKind::kWriteTracking),
                         [](const auto& source) {
                           std::string name = session::name_of(source.param);
                           name[name.find('-')] = '_';
                           return name;
                         });

TEST(SourceSet, RefusesWhatItDoesNotDrive) {
  SourceSet set;
  const Status opened = set.open(SourceKind::kLinkFaults, {});
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::kCapabilityMissing);
  EXPECT_FALSE(set.is_open());
}

}  // namespace
}  // namespace terrace::sources::source_set_test
