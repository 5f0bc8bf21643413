// SPDX-License-Identifier: Apache-2.0
// Threads allocate, grow, discard and free objects at the same time, on plain and emulated tiers,
// while others are placed late. A bounded number of operations; every word is checked.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>
#include <vector>

#include "tests/logged_seed.h"
#include "tests/unit/extent/huge_pages.h"
#include "tiering/plan/flat_writer.h"
#include "tiering/runtime/lifecycle.h"
#include "tiering/runtime/placement.h"
#include "tiering/runtime/state.h"

namespace terrace::runtime {
namespace {

constexpr std::size_t kMiB = 1u << 20;
constexpr int kThreads = 6;
constexpr Bytes kLate = MiB(6);
constexpr int kOperations = TERRACE_STRESS_OPERATIONS;  ///< of each thread; CMake's to choose

Tier tier(const char* name, BackingKind backing, Bytes capacity) {
  Tier made;
  made.name = name;
  made.kind = backing == BackingKind::kNuma ? TierKind::kDram : TierKind::kCxl;
  made.backing = backing;
  made.nodes = {NodeId{0}};
  made.capacity = {capacity, Provenance::kUserFile};
  made.read_bandwidth = {GBps(40), Provenance::kUserFile};
  made.idle_latency = {Nanoseconds(100), Provenance::kUserFile};
  return made;
}

/// On a file; another process may take from it too.
Tier dax_tier(const std::string& path, Bytes capacity) {
  std::ofstream(path).flush();
  std::filesystem::resize_file(path, capacity.value);
  Tier made = tier("file", BackingKind::kDax, capacity);
  made.nodes.clear();
  made.path = path;
  made.mapping_unit = KiB(4);
  return made;
}

/// The one runtime of this process, with small tiers so that they fill up. `rival` is opened on the
/// DAX tier's file.
bool start_runtime(bool emulated, backing::BlockPool& rival) {
  char directory[] = "/tmp/terrace-stress-XXXXXX";
  if (mkdtemp(directory) == nullptr) return false;
  const std::string flat = std::string(directory) + "/flat";
  Topology topology;
  topology.machine_id = "0123456789abcdef";
  topology.tiers = {tier("fast", BackingKind::kNuma, MiB(130))};
  if (emulated) topology.tiers.push_back(tier("slow", BackingKind::kEmulatedLink, MiB(130)));
  const std::string pool = std::string(directory) + "/pool";
  topology.tiers.push_back(dax_tier(pool, MiB(130)));
  plan::RuntimeOptions options;
  options.policy = DefaultPolicy::kInterleave;
  options.late_size = kLate;
  options.late_age_ms = 1;
  const Status written = plan::write_flat(flat, topology, nullptr, options);
  EXPECT_TRUE(written);
  setenv("TERRACE_PLAN_FILE", flat.c_str(), 1);
  start();
  EXPECT_TRUE(rival.open(pool.c_str(), Bytes(), KiB(4)));
  const LockGuard guard(state().lock);
  const bool running = ensure_running(state());
  std::filesystem::remove_all(directory);
  return running;
}

struct Held {
  char* at = nullptr;
  std::size_t size = 0;
  std::uint64_t round = 0;
};

std::uint64_t word(std::size_t i, std::uint64_t round) {
  return i * 0x9E3779B97F4A7C15u ^ round;
}

void fill(const Held& held, std::size_t from) {
  auto* words = reinterpret_cast<std::uint64_t*>(held.at);
  for (std::size_t i = from / 8 / 128 * 128; i < held.size / 8; i += 128) {
    words[i] = word(i, held.round);
  }
}

bool holds(const Held& held, std::size_t bytes) {
  const auto* words = reinterpret_cast<const std::uint64_t*>(held.at);
  for (std::size_t i = 0; i < bytes / 8; i += 128) {
    if (words[i] != word(i, held.round)) return false;
  }
  return true;
}

/// One thread's objects and its random walk over them.
class Walker {
 public:
  Walker(std::uint32_t seed, int id) : random_(seed), site_{} {
    site_.hash = 1000 + static_cast<std::uint64_t>(id);
  }
  void run() {
    for (int i = 0; i < kOperations && wrong_ == 0; ++i) step();
    for (Held& held : held_) release(held);
  }
  int wrong() const { return wrong_; }
  int served() const { return served_; }

 private:
  std::size_t any_size() { return (1 + random_() % 16) * kMiB - random_() % 5000; }

  void step() {
    Held& held = held_[random_() % held_.size()];
    if (held.at == nullptr) {
      allocate(held);
      return;
    }
    switch (random_() % 4) {
      case 0:
        resize(held);
        break;
      case 1:
        discard(held);
        break;
      case 2:
        check(held, held.size);
        break;
      default:
        release(held);
    }
  }

  void allocate(Held& held) {
    held.size = any_size();
    held.round = random_();
    held.at =
        static_cast<char*>(allocate_object(held.size, 16, Origin::kHeap, site_, Content::kZero));
    if (held.at == nullptr) return;  // all tiers are full: a program would go to its heap
    ++served_;
    for (std::size_t i = 0; i < held.size; i += 4096) wrong_ += held.at[i] != 0;
    fill(held, 0);
  }

  void resize(Held& held) {
    const std::size_t before = held.size;
    const std::size_t size = any_size();
    auto* at = static_cast<char*>(resize_object(held.at, size, site_));
    if (at == nullptr) return;
    held.at = at;
    held.size = size;
    check(held, before < size ? before : size);
    fill(held, 0);
  }

  void discard(Held& held) {
    const MappingResult result = advise_range(held.at, held.size, MADV_DONTNEED);
    wrong_ += !result.handled || result.result != 0;
    for (std::size_t i = 0; i < held.size; i += 4096) wrong_ += held.at[i] != 0;
    fill(held, 0);
  }

  void release(Held& held) {
    if (held.at == nullptr) return;
    check(held, held.size);
    wrong_ += !may_be_object(held.at) || !owns(held.at + held.size / 2);
    wrong_ += !free_object(held.at);
    held = Held{};
  }

  void check(const Held& held, std::size_t bytes) { wrong_ += !holds(held, bytes); }

  std::mt19937 random_;
  CallSite site_;
  std::vector<Held> held_ = std::vector<Held>(5);
  int wrong_ = 0;
  int served_ = 0;
};

/// Takes blocks of the DAX tier's file and gives them back, as another process does.
class Rival {
 public:
  Rival(backing::BlockPool& pool, std::uint32_t seed)
      : pool_(pool), random_(seed), thread_([this] { run(); }) {}
  void stop() {
    stop_.store(true);
    thread_.join();
  }

 private:
  void run() {
    while (!stop_.load()) {
      const backing::PoolRun run = pool_.claim(1 + static_cast<std::uint32_t>(random_() % 40));
      std::this_thread::yield();
      pool_.give_back(run);
    }
  }

  backing::BlockPool& pool_;
  std::mt19937 random_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

class RuntimeStress : public testing::Test {
 protected:
  testing_support::HugePages pages_{128};
};

TEST_F(RuntimeStress, ObjectsOfManyThreadsKeepTheirData) {
  auto faults = os::UserFault::open();
  const bool emulated = faults.ok();
  if (!emulated) std::printf("plain tiers only: %s\n", faults.error().message);
  backing::BlockPool pool;
  ASSERT_TRUE(start_runtime(emulated, pool));
  const std::uint32_t seed = testing_support::logged_seed();
  Rival rival(pool, seed);
  std::vector<Walker> walkers;
  for (int id = 0; id < kThreads; ++id) {
    walkers.emplace_back(seed + static_cast<std::uint32_t>(id), id);
  }
  std::vector<std::thread> threads;
  for (Walker& walker : walkers) threads.emplace_back([&walker] { walker.run(); });
  for (std::thread& thread : threads) thread.join();
  rival.stop();
  int served = 0;
  for (const Walker& walker : walkers) {
    EXPECT_EQ(walker.wrong(), 0);
    served += walker.served();
  }
  std::printf("%d objects, %llu placed late\n", served,
              static_cast<unsigned long long>(state().counters.placed_late.load()));
  EXPECT_GT(served, kThreads * 5);
  for (std::uint32_t i = 0; i < state().capacity.tier_count(); ++i) {
    EXPECT_EQ(state().capacity.used_blocks(i), 0u) << "tier " << i;
    EXPECT_EQ(state().extents.pools().held(i), 0u) << "tier " << i;
  }
}

}  // namespace
}  // namespace terrace::runtime
