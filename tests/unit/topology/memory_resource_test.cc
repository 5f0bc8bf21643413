// SPDX-License-Identifier: Apache-2.0
// Memory resources over a tier: capacity, alignment, threads, refusal of pages.
#include <terrace/memory_resource.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <list>
#include <map>
#include <mutex>
#include <new>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <terrace/topology.h>

/// oneTBB's pool is not instrumented, so ThreadSanitizer does not see how it hands a block from one
/// thread to the next. Called by its runtime only.
extern "C" __attribute__((visibility("default"))) const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() {
  return "race:libtbbmalloc.so";
}

namespace terrace::memory_resource_test {
namespace {

using ::testing::HasSubstr;

/// Pages from the ordinary heap, with a switch that refuses them; knows what is still out.
class FakePages {
 public:
  PageSource source() {
    return {[this](std::size_t bytes) { return map(bytes); },
            [this](void* pages, std::size_t bytes) { return unmap(pages, bytes); }};
  }
  void refuse() { refusing_ = true; }
  void permit() { refusing_ = false; }
  std::size_t out() {
    const std::lock_guard lock(mutex_);
    std::size_t sum = 0;
    for (const auto& [pages, bytes] : out_) sum += bytes;
    return sum;
  }

 private:
  void* map(std::size_t bytes) {
    if (refusing_) return nullptr;
    EXPECT_EQ(bytes % kBlockBytes.value, 0u);
    void* const pages = ::operator new(bytes, std::align_val_t(kBlockBytes.value));
    const std::lock_guard lock(mutex_);
    out_[pages] = bytes;
    return pages;
  }
  bool unmap(void* pages, std::size_t bytes) {
    {
      const std::lock_guard lock(mutex_);
      EXPECT_EQ(out_[pages], bytes);
      out_.erase(pages);
    }
    ::operator delete(pages, std::align_val_t(kBlockBytes.value));
    return true;
  }

  std::atomic<bool> refusing_{false};
  std::mutex mutex_;
  std::map<void*, std::size_t> out_;
};

std::unique_ptr<TierMemoryResource> make(FakePages& pages, Bytes capacity) {
  auto resource = TierMemoryResource::create_from(pages.source(), capacity);
  EXPECT_TRUE(resource.ok()) << resource.error().message;
  return resource.ok() ? std::move(*resource) : nullptr;
}

TEST(TierMemoryResource, ReturnsEveryPageWhenItEnds) {
  FakePages pages;
  {
    const auto resource = make(pages, MiB(64));
    ASSERT_NE(resource, nullptr);
    void* const small = resource->allocate(100);
    void* const large = resource->allocate(std::size_t{8} << 20);
    EXPECT_GE(resource->held(), MiB(8));
    EXPECT_EQ(resource->held().value, pages.out());
    resource->deallocate(large, std::size_t{8} << 20);
    resource->deallocate(small, 100);
  }
  EXPECT_EQ(pages.out(), 0u);
}

TEST(TierMemoryResource, HonoursEveryAlignment) {
  FakePages pages;
  const auto resource = make(pages, MiB(256));
  for (std::size_t alignment = 1; alignment <= std::size_t{4} << 20; alignment *= 2)
    for (const std::size_t size : {std::size_t{1}, alignment, 3 * alignment / 2 + 1}) {
      void* const memory = resource->allocate(size, alignment);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory) % alignment, 0u)
          << size << " bytes at " << alignment;
      std::memset(memory, 0x5a, size);
      resource->deallocate(memory, size, alignment);
    }
}

TEST(TierMemoryResource, ZeroBytesAreAnAddressOfTheirOwn) {
  FakePages pages;
  const auto resource = make(pages, MiB(64));
  void* const first = resource->allocate(0);
  void* const second = resource->allocate(0);
  EXPECT_NE(first, second);
  resource->deallocate(first, 0);
  resource->deallocate(second, 0);
}

TEST(TierMemoryResource, ThrowsBadAllocWhenFullAndServesAgainAfterAFree) {
  FakePages pages;
  const auto resource = make(pages, MiB(32));
  constexpr std::size_t kSize = std::size_t{1} << 20;
  std::vector<void*> taken;
  try {
    for (;;) taken.push_back(resource->allocate(kSize));
  } catch (const std::bad_alloc&) {
  }
  EXPECT_GE(taken.size(), 8u);
  EXPECT_LE(taken.size(), 32u);
  EXPECT_LE(resource->held(), MiB(32));
  for (void* const memory : taken) resource->deallocate(memory, kSize);
  void* const again = resource->allocate(kSize);
  EXPECT_NE(again, nullptr);
  resource->deallocate(again, kSize);
}

TEST(TierMemoryResource, ThrowsBadAllocForMoreThanTheTierHolds) {
  FakePages pages;
  const auto resource = make(pages, MiB(32));
  EXPECT_THROW(static_cast<void>(resource->allocate(std::size_t{33} << 20)), std::bad_alloc);
  EXPECT_THROW(static_cast<void>(resource->allocate(SIZE_MAX / 2)), std::bad_alloc);
  EXPECT_THROW(static_cast<void>(resource->allocate(SIZE_MAX)), std::bad_alloc);
}

TEST(TierMemoryResource, ThrowsBadAllocWhilePagesAreRefusedAndRecovers) {
  FakePages pages;
  const auto resource = make(pages, MiB(256));
  pages.refuse();
  EXPECT_THROW(static_cast<void>(resource->allocate(std::size_t{64} << 20)), std::bad_alloc);
  pages.permit();
  void* const memory = resource->allocate(std::size_t{64} << 20);
  resource->deallocate(memory, std::size_t{64} << 20);
}

TEST(TierMemoryResource, IsEqualToItselfOnly) {
  FakePages pages;
  const auto one = make(pages, MiB(64));
  const auto other = make(pages, MiB(64));
  EXPECT_TRUE(one->is_equal(*one));
  EXPECT_FALSE(one->is_equal(*other));
}

TEST(TierMemoryResource, SaysWhyAPoolCannotStart) {
  FakePages pages;
  const auto tiny = TierMemoryResource::create_from(pages.source(), KiB(64));
  ASSERT_FALSE(tiny.ok());
  EXPECT_THAT(tiny.error().message, HasSubstr("64 KiB"));
  pages.refuse();
  EXPECT_FALSE(TierMemoryResource::create_from(pages.source(), MiB(64)).ok());
}

TEST(TierMemoryResource, RefusesAnEmulatedTier) {
  Tier tier;
  tier.name = "slow";
  tier.backing = BackingKind::kEmulatedLink;
  tier.capacity = {MiB(64), Provenance::kUserFile};
  const auto resource = TierMemoryResource::create(tier);
  ASSERT_FALSE(resource.ok());
  EXPECT_THAT(resource.error().message, HasSubstr("emulated link"));
}

TEST(TierMemoryResource, RefusesADaxTierRatherThanGiveOtherMemory) {
  Tier tier;
  tier.name = "expander";
  tier.backing = BackingKind::kDax;
  tier.path = "/dev/dax0.0";
  tier.capacity = {MiB(64), Provenance::kUserFile};
  const auto resource = TierMemoryResource::create(tier);
  ASSERT_FALSE(resource.ok());
  EXPECT_THAT(resource.error().message, HasSubstr("map /dev/dax0.0 with DaxMap"));
}

/// Each thread fills its blocks with its own byte and finds it there when it frees them; every
/// other block is freed by its neighbour.
TEST(TierMemoryResource, ThreadsNeverShareABlock) {
  FakePages pages;
  const auto resource = make(pages, MiB(256));
  constexpr int kThreads = 4;
  constexpr int kBlocks = 2000;
  constexpr unsigned kSeed = 20250101;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  struct Block {
    unsigned char* memory;
    std::size_t size;
    unsigned char fill;
  };
  std::vector<std::vector<Block>> blocks(kThreads);
  const auto run = [&](auto work) {
    std::vector<std::thread> threads;
    for (int thread = 0; thread < kThreads; ++thread) threads.emplace_back(work, thread);
    for (std::thread& thread : threads) thread.join();
  };
  run([&](int thread) {
    std::mt19937 random(kSeed + static_cast<unsigned>(thread));
    for (int i = 0; i < kBlocks; ++i) {
      const std::size_t size = 1 + random() % 20000;
      auto* const memory = static_cast<unsigned char*>(resource->allocate(size, 8));
      const auto fill = static_cast<unsigned char>(thread * 50 + i % 50);
      std::memset(memory, fill, size);
      blocks[static_cast<std::size_t>(thread)].push_back({memory, size, fill});
    }
  });
  std::atomic<int> torn{0};
  run([&](int thread) {
    for (const Block& block : blocks[static_cast<std::size_t>((thread + 1) % kThreads)]) {
      for (std::size_t i = 0; i < block.size; ++i)
        if (block.memory[i] != block.fill) {
          ++torn;
          break;
        }
      resource->deallocate(block.memory, block.size, 8);
    }
  });
  EXPECT_EQ(torn, 0);
}

TEST(TierMemoryResource, ThreadsExhaustItTogetherWithoutPassingItsCapacity) {
  FakePages pages;
  const auto resource = make(pages, MiB(48));
  constexpr std::size_t kSize = std::size_t{256} << 10;
  std::vector<std::thread> threads;
  std::atomic<int> exhausted{0};
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&] {
      std::vector<void*> taken;
      try {
        for (;;) taken.push_back(resource->allocate(kSize));
      } catch (const std::bad_alloc&) {
        ++exhausted;
      }
      for (void* const memory : taken) resource->deallocate(memory, kSize);
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(exhausted, 4);
  EXPECT_LE(resource->held(), MiB(48));
  EXPECT_LE(pages.out(), MiB(48).value);
}

TEST(TierMemoryResource, ServesContainersFromARealTier) {
  const auto topology = discover_topology({});
  ASSERT_TRUE(topology.ok()) << topology.error().message;
  const auto resource = TierMemoryResource::create(topology->tiers.front());
  if (!resource.ok() && resource.error().code == ErrorCode::kCapabilityMissing)
    GTEST_SKIP() << "missing capability: " << resource.error().message;
  ASSERT_TRUE(resource.ok()) << resource.error().message;
  std::pmr::list<std::pmr::string> strings(resource->get());
  for (int i = 0; i < 1000; ++i)
    strings.emplace_back("a string that is longer than its own small buffer " + std::to_string(i));
  EXPECT_EQ(strings.size(), 1000u);
  EXPECT_THAT(strings.back(), HasSubstr("999"));
  EXPECT_GE((*resource)->held(), kBlockBytes);
}

}  // namespace
}  // namespace terrace::memory_resource_test
