// SPDX-License-Identifier: Apache-2.0
// Programs whose blocks are small: what servers and parsers do to an allocator. In the manner of
// larson (Larson, Krishnan: Memory Allocation for Long-Running Server Applications, ISMM 1998),
// xmalloc (Lever, Boreham: malloc() Performance in a Multithreaded Linux Environment, 2000) and
// cache-scratch (Berger et al.: Hoard, ASPLOS 2000).
#include <array>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <mutex>

#include "bench/peers/programs/program.h"

namespace terrace::peers {
namespace {

/// A block whose first bytes tell its size, so that who frees it can check it.
unsigned char* make_block(std::size_t size) {
  auto* block = static_cast<unsigned char*>(std::malloc(size));
  std::memset(block, static_cast<int>(size & 0xFF), size < 64 ? size : 64);
  return block;
}

std::uint64_t drop_block(unsigned char* block) {
  const std::uint64_t seen = block[0];
  std::free(block);
  return seen;
}

using Slots = std::vector<unsigned char*>;

std::uint64_t replace_blocks(Slots& slots, std::uint64_t seed, int rounds) {
  Random random(seed);
  std::uint64_t sum = 0;
  for (int i = 0; i < rounds; ++i) {
    unsigned char*& slot = slots[random.below(slots.size())];
    if (slot != nullptr) sum += drop_block(slot);
    slot = make_block(10 + random.below(490));
  }
  return sum;
}

std::uint64_t drop_all(Slots& slots) {
  std::uint64_t sum = 0;
  for (unsigned char*& slot : slots) {
    if (slot != nullptr) sum += drop_block(slot);
    slot = nullptr;
  }
  return sum;
}

/// Batches between a thread that allocates and one that frees.
class Channel {
 public:
  void put(Slots batch) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return batches_.size() < 8; });
    batches_.push_back(std::move(batch));
    changed_.notify_all();
  }
  Slots take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !batches_.empty(); });
    Slots batch = std::move(batches_.front());
    batches_.pop_front();
    changed_.notify_all();
    return batch;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Slots> batches_;
};

constexpr int kBatches = 15000;
constexpr int kBatchBlocks = 500;

std::uint64_t produce(Channel& channel) {
  Random random(7);
  for (int i = 0; i < kBatches; ++i) {
    Slots batch(kBatchBlocks);
    for (unsigned char*& block : batch) block = make_block(16 + random.below(240));
    channel.put(std::move(batch));
  }
  return 0;
}

std::uint64_t consume(Channel& channel) {
  std::uint64_t sum = 0;
  for (int i = 0; i < kBatches; ++i) {
    Slots batch = channel.take();
    sum += drop_all(batch);
  }
  return sum;
}

/// A store that the compiler must do.
void touch(volatile unsigned char& byte, int step) {
  byte = static_cast<unsigned char>(byte + step);
}

/// Works on one small block at a time, which the allocator may give next to another thread's.
std::uint64_t scratch(unsigned char* first) {
  std::uint64_t sum = 0;
  unsigned char* block = first;
  for (int i = 0; i < 5000000; ++i) {
    for (int pass = 0; pass < 8; ++pass) {
      for (int at = 0; at < 8; ++at) touch(block[at], pass);
    }
    sum += block[3];
    std::free(block);
    block = static_cast<unsigned char*>(std::calloc(1, 8));
  }
  std::free(block);
  return sum;
}

}  // namespace

std::uint64_t server() {
  constexpr int kGenerations = 100;
  return on_threads(2, [](unsigned index) {
    Slots slots(1000);
    std::uint64_t sum = 0;
    for (int generation = 0; generation < kGenerations; ++generation) {
      const std::uint64_t seed = index * 1000u + static_cast<unsigned>(generation);
      // A successor frees what its predecessor allocated, as in a server of one thread a request.
      std::thread successor([&] { sum += replace_blocks(slots, seed, 150000); });
      successor.join();
    }
    return sum + drop_all(slots);
  });
}

std::uint64_t remote_free() {
  Channel channel;
  return on_threads(
      2, [&](unsigned index) { return index == 0 ? produce(channel) : consume(channel); });
}

std::uint64_t cache_scratch() {
  std::array<unsigned char*, 2> first{};
  for (unsigned char*& block : first) block = static_cast<unsigned char*>(std::calloc(1, 8));
  return on_threads(2, [&](unsigned index) { return scratch(first[index]); });
}

}  // namespace terrace::peers
