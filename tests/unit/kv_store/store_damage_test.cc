// SPDX-License-Identifier: Apache-2.0
// Bytes of a pool that changed behind the store's back: what is read is right or is not there, and
// the process goes on.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <span>

#include "allocators/kv/prefix_store.h"
#include "allocators/kv/store_records.h"
#include "tests/unit/kv_store/store_rig.h"

namespace terrace::kv::store_damage_test {
namespace {

using namespace testing_support;

constexpr std::uint32_t kBlocks = 4;
constexpr std::uint64_t kPage = 4096;

/// A view of the pool's file beside the store's own.
class View {
 public:
  explicit View(const std::string& path) {
    const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
    struct stat facts {};
    EXPECT_EQ(fstat(fd, &facts), 0);
    size_ = static_cast<std::size_t>(facts.st_size);
    at_ =
        static_cast<std::uint8_t*>(mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    EXPECT_NE(at_, MAP_FAILED);
    close(fd);
  }
  ~View() { munmap(at_, size_); }
  View(const View&) = delete;
  View& operator=(const View&) = delete;
  std::span<std::uint8_t> bytes() const { return {at_, size_}; }
  /// Of the first record's head: that of chain 1, position 0.
  std::size_t first_head() const {
    const std::uint64_t key[] = {static_cast<std::uint64_t>(RecordState::kWhole), hash_of(1, 0)};
    const void* const found = memmem(at_, size_, key, sizeof key);
    EXPECT_NE(found, nullptr);
    return static_cast<std::size_t>(static_cast<const std::uint8_t*>(found) - at_);
  }
  std::size_t find(const void* what, std::size_t size) const {
    return static_cast<std::size_t>(
        static_cast<const std::uint8_t*>(memmem(at_, size_, what, size)) - at_);
  }

 private:
  std::uint8_t* at_ = nullptr;
  std::size_t size_ = 0;
};

class Damage : public testing::Test {
 protected:
  void SetUp() override {
    const auto store = opened(options_);
    keep(*store, Chain(kSmall, 1, 0, kBlocks).blocks);
    keep(*store, Chain(kSmall, 2, 0, kBlocks).blocks);
  }
  /// Positions of both chains that are there, all of them right.
  static std::vector<std::uint32_t> left(PrefixStore& store, std::uint64_t chain) {
    std::vector<std::uint32_t> positions;
    for (std::uint32_t i = 0; i < kBlocks; ++i) {
      if (holds(store, kSmall, chain, i)) positions.push_back(i);
    }
    return positions;
  }
  Folder folder_{"/dev/shm"};
  StoreOptions options_ = options_for(folder_.file(), MiB(9));
  const std::vector<std::uint32_t> all_ = {0, 1, 2, 3};
};

/// Each byte of head, tokens and data of the chain's third block.
TEST_F(Damage, FlippedByteCostsTheBlockAndWhatBuildsOnItAlone) {
  const OwnedBlock third(kSmall, 1, 2);
  std::vector<std::size_t> places;
  {
    const View view(options_.path);
    const std::size_t head = view.first_head() + 2 * sizeof(RecordHead);
    for (std::size_t i = 0; i < offsetof(RecordHead, reserved); ++i) places.push_back(head + i);
    const std::size_t tokens = view.find(third.tokens.data(), third.tokens.size() * sizeof(Token));
    for (std::size_t i = 0; i < kSmall.block_tokens * sizeof(Token); i += 3) {
      places.push_back(tokens + i);
    }
    const std::size_t data = view.find(third.data.data(), third.data.size() * 8);
    for (std::size_t i = 0; i < kSmall.block_bytes().value; i += 41) places.push_back(data + i);
  }
  for (const std::size_t place : places) {
    SCOPED_TRACE(place);
    std::filesystem::copy_file(options_.path, folder_.file("damaged"),
                               std::filesystem::copy_options::overwrite_existing);
    {
      const View view(folder_.file("damaged"));
      view.bytes()[place] ^= 0x20;
    }
    StoreOptions damaged = options_;
    damaged.path = folder_.file("damaged");
    const auto store = opened(damaged);
    EXPECT_EQ(left(*store, 1), (std::vector<std::uint32_t>{0, 1}));
    EXPECT_EQ(left(*store, 2), all_);
    EXPECT_EQ(store->stats().corrupt, 1u);
    EXPECT_EQ(store->stats().orphans, 1u);
    EXPECT_EQ(keep(*store, Chain(kSmall, 1, 2, kBlocks).blocks), 2u) << "and may be kept again";
    EXPECT_EQ(left(*store, 1), all_);
  }
}

TEST_F(Damage, WhileTheStoreIsOpenIsFoundWhenTheBlockIsRead) {
  const auto store = opened(options_);
  const View view(options_.path);
  const OwnedBlock second(kSmall, 1, 1);
  view.bytes()[view.find(second.data.data(), second.data.size() * 8) + 100] ^= 1;
  EXPECT_TRUE(store->contains(second.block.hash)) << "nobody has looked";
  const auto lease = store->lease(second.block.hash);
  ASSERT_FALSE(lease);
  EXPECT_EQ(lease.error().code, ErrorCode::kCheckFailed);
  EXPECT_FALSE(store->contains(second.block.hash));
  EXPECT_EQ(left(*store, 1), std::vector<std::uint32_t>{0});
  EXPECT_EQ(left(*store, 2), all_);
  EXPECT_EQ(store->stats().corrupt, 1u);
  EXPECT_EQ(store->stats().orphans, 2u);
}

TEST_F(Damage, TwoRecordsOfOneHashCostOneChainAtMost) {
  {
    const View view(options_.path);
    const std::size_t head = view.first_head();
    std::memcpy(&view.bytes()[head + (2 * kBlocks) * sizeof(RecordHead)], &view.bytes()[head],
                sizeof(RecordHead));
  }
  const auto store = opened(options_);
  EXPECT_GE(store->stats().corrupt, 1u);
  EXPECT_TRUE(left(*store, 1).empty() || left(*store, 1) == all_);
  EXPECT_EQ(left(*store, 2), all_);
}

/// 0: all is there; 1: refused; 2: something is missing. Never a signal, and never a loop.
int opened_by_a_child(const StoreOptions& options) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(5);
    auto store = PrefixStore::open(options);
    if (!store) _exit(1);
    (*store)->wait_restored();
    bool all = true;
    for (std::uint32_t i = 0; i < kBlocks; ++i) {
      all = all && (*store)->contains(hash_of(1, i)) && (*store)->contains(hash_of(2, i));
    }
    _exit(all ? 0 : 2);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 3;
}

/// Bits and whole pages of what libpmemobj keeps for itself: refused, or not noticed.
TEST_F(Damage, InThePoolsOwnDataEndsNoProcess) {
  std::size_t refused = 0;
  const View view(options_.path);
  const std::vector<std::uint8_t> before(view.bytes().begin(), view.bytes().end());
  const std::size_t end = view.first_head() / kPage * kPage;
  const auto attempt = [&](std::size_t place) {
    SCOPED_TRACE(place);
    const int answer = opened_by_a_child(options_);
    EXPECT_LT(answer, 2);
    if (answer == 1) ++refused;
    std::copy(before.begin(), before.end(), view.bytes().begin());
  };
  // Header and descriptor by words, a lane and more in larger steps, for all lanes are alike,
  // and the rest in large ones. Each opening is dear: libpmemobj sets a thousand lanes up.
  const auto step = [](std::size_t place) {
    return place < 2 * kPage ? 120u : place < 4 * kPage ? 360u : 199999u;
  };
  for (std::size_t place = 0; place < end; place += step(place)) {
    view.bytes()[place] ^= 0x08;
    attempt(place);
    view.bytes()[place | 7] ^= 0x80;
    attempt(place | 7);
  }
  const std::size_t bits = refused;
  for (std::size_t page = 0; page < end; page += page < 4 * kPage ? kPage : 113 * kPage) {
    std::fill_n(view.bytes().begin() + static_cast<std::ptrdiff_t>(page), kPage, 0xa5);
    attempt(page);
  }
  EXPECT_GT(bits, 30u);
  EXPECT_GT(refused - bits, 10u);
}

}  // namespace
}  // namespace terrace::kv::store_damage_test
