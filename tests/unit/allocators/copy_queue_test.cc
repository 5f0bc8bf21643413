// SPDX-License-Identifier: Apache-2.0
// Copies of KV blocks by layers. Where the order counts, the queue's thread is held in another
// job's when_done until everything is in place.
#include "allocators/kv/copy_queue.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <latch>
#include <memory>
#include <random>
#include <semaphore>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

namespace terrace::kv {
namespace {

constexpr Shape kShape{16, 4, Bytes(4096)};
constexpr Shape kLargeShape{16, 4, Bytes(3u << 19)};

/// Blocks of known content, and places to copy them to.
class Blocks {
 public:
  Blocks(const Shape& shape, std::size_t count, unsigned seed = 1)
      : bytes_(shape.block_bytes().value), from_(count * bytes_), to_(count * bytes_) {
    std::mt19937 random(seed);
    for (std::size_t at = 0; at < from_.size(); at += 64) {
      from_[at] = static_cast<std::byte>(random() | 1);
    }
  }
  std::vector<BlockCopy> copies() {
    std::vector<BlockCopy> all;
    for (std::size_t at = 0; at < from_.size(); at += bytes_) all.push_back({&from_[at], &to_[at]});
    return all;
  }
  bool all_there() const { return from_ == to_; }
  bool layer_is_there(const Shape& shape, std::uint32_t layer) const {
    for (std::size_t at = layer * shape.layer_bytes.value; at < from_.size(); at += bytes_) {
      if (std::memcmp(&from_[at], &to_[at], shape.layer_bytes.value) != 0) return false;
    }
    return true;
  }
  bool nothing_there() const {
    return std::all_of(to_.begin(), to_.end(), [](std::byte byte) { return byte == std::byte{}; });
  }

 private:
  std::size_t bytes_;
  std::vector<std::byte> from_;
  std::vector<std::byte> to_;
};

/// Keeps the queue's thread in a when_done until it is opened.
class Gate {
 public:
  explicit Gate(CopyQueue& queue) {
    queue.submit({}, 0, [state = state_] {
      state->held.release();
      state->open.acquire();
    });
    state_->held.acquire();
  }
  ~Gate() { open(); }
  void open() {
    if (!std::exchange(opened_, true)) state_->open.release();
  }

 private:
  struct State {
    std::binary_semaphore held{0};
    std::binary_semaphore open{0};
  };
  /// The thread that is let go looks at it once more, when the gate may be gone.
  std::shared_ptr<State> state_ = std::make_shared<State>();
  bool opened_ = false;
};

TEST(CopyQueue, CopiesEveryLayerOfEveryBlock) {
  for (const Shape& shape : {kShape, kLargeShape, Shape{1, 1, Bytes(64)}}) {
    Blocks blocks(shape, 5);
    CopyQueue queue(shape);
    const auto job = queue.submit(blocks.copies(), 0, {});
    for (std::uint32_t layer = 0; layer < shape.layers; ++layer) {
      EXPECT_TRUE(queue.wait_layer(*job, layer));
      EXPECT_GT(job->layers_done(), layer);
      EXPECT_TRUE(blocks.layer_is_there(shape, layer));
    }
    queue.drain();
    EXPECT_TRUE(blocks.all_there());
    EXPECT_TRUE(job->ended());
    EXPECT_FALSE(job->cancelled());
    EXPECT_EQ(queue.stats().blocks, 5u);
    EXPECT_EQ(queue.stats().jobs, 1u);
    EXPECT_GT(queue.stats().busy.value, 0u);
  }
}

TEST(CopyQueue, WaitsForTheLastLayerWhenAskedForOneBeyondIt) {
  Blocks blocks(kShape, 3);
  CopyQueue queue(kShape);
  const auto job = queue.submit(blocks.copies(), 0, {});
  EXPECT_TRUE(queue.wait_layer(*job, 99));
  EXPECT_TRUE(blocks.all_there());
}

TEST(CopyQueue, AJobWithoutBlocksIsDoneAndTold) {
  CopyQueue queue(kShape);
  int told = 0;
  const auto job = queue.submit({}, 0, [&] { ++told; });
  EXPECT_TRUE(queue.wait_layer(*job, 3));
  queue.drain();
  EXPECT_EQ(told, 1);
  EXPECT_FALSE(job->cancelled());
}

TEST(CopyQueue, EarlierLayersOfAllBlocksComeBeforeLaterOnes) {
  Blocks blocks(kLargeShape, 2);
  CopyQueue queue(kLargeShape);
  Gate gate(queue);
  const auto job = queue.submit(blocks.copies(), 0, {});
  // Stops the job between two pieces as soon as its first layer is there.
  gate.open();
  EXPECT_TRUE(queue.wait_layer(*job, 0));
  queue.cancel(*job);
  const std::uint32_t done = job->layers_done();
  for (std::uint32_t layer = 0; layer < done; ++layer) {
    EXPECT_TRUE(blocks.layer_is_there(kLargeShape, layer));
  }
  // The one behind was perhaps being copied; of those behind that, nothing is there.
  for (std::uint32_t layer = done + 1; layer < kLargeShape.layers; ++layer) {
    EXPECT_FALSE(blocks.layer_is_there(kLargeShape, layer));
  }
}

TEST(CopyQueue, MoreUrgentJobsGoFirstAndEqualOnesInTheirOrder) {
  Blocks blocks(kShape, 1);
  std::vector<int> order;
  CopyQueue queue(kShape);
  {
    const Gate gate(queue);
    const int priorities[] = {0, 5, -3, 5, 0, 1 << 30, -(1 << 30)};
    for (int i = 0; i < 7; ++i) {
      queue.submit(blocks.copies(), priorities[i], [&order, i] { order.push_back(i); });
    }
  }
  queue.drain();
  EXPECT_EQ(order, (std::vector<int>{5, 1, 3, 0, 4, 2, 6}));
}

TEST(CopyQueue, AnUrgentJobGoesBetweenTwoPiecesOfAnother) {
  Blocks large(kLargeShape, 10);
  Blocks urgent(kLargeShape, 1);
  CopyQueue queue(kLargeShape);
  std::uint32_t layers_then = 99;
  std::uint32_t layers_before = 99;
  // Until the urgent job came while the other had a layer to go and more: this thread may have been
  // kept from the processor until the other's end.
  do {
    queue.drain();
    const auto job = queue.submit(large.copies(), 0, {});
    while (job->layers_done() == 0) std::this_thread::yield();
    const auto first =
        queue.submit(urgent.copies(), 1, [&, waits = job] { layers_then = waits->layers_done(); });
    layers_before = job->layers_done();
    EXPECT_TRUE(queue.wait_layer(*first, 3));
    queue.drain();
  } while (layers_before > 2);
  EXPECT_LT(layers_then, 4u);
  EXPECT_TRUE(large.all_there());
  EXPECT_TRUE(urgent.all_there());
}

TEST(CopyQueue, ACancelledJobCopiesNothingMoreAndIsTold) {
  Blocks blocks(kShape, 2);
  CopyQueue queue(kShape);
  int told = 0;
  Gate gate(queue);
  const auto job = queue.submit(blocks.copies(), 0, [&] { ++told; });
  queue.cancel(*job);
  EXPECT_TRUE(job->cancelled());
  EXPECT_FALSE(queue.wait_layer(*job, 0));
  queue.cancel(*job);
  gate.open();
  queue.drain();
  EXPECT_TRUE(job->ended());
  EXPECT_EQ(told, 1);
  EXPECT_TRUE(blocks.nothing_there());
  EXPECT_EQ(queue.stats().blocks, 0u);
}

TEST(CopyQueue, CancellingWhatHasEndedChangesNothing) {
  Blocks blocks(kShape, 2);
  CopyQueue queue(kShape);
  const auto job = queue.submit(blocks.copies(), 0, {});
  queue.drain();
  queue.cancel(*job);
  EXPECT_FALSE(job->cancelled());
  EXPECT_TRUE(queue.wait_layer(*job, 3));
}

TEST(CopyQueue, CancelOutOfAnothersWhenDone) {
  Blocks blocks(kShape, 2);
  CopyQueue queue(kShape);
  std::shared_ptr<CopyJob> job;
  {
    const Gate gate(queue);
    job = queue.submit(blocks.copies(), 0, {});
    queue.submit({}, 0, [&] { queue.cancel(*job); });
  }
  queue.drain();
  EXPECT_TRUE(job->cancelled());
  EXPECT_TRUE(blocks.nothing_there());
}

TEST(CopyQueue, WhenDoneMaySubmitAndIsWaitedForByDrain) {
  Blocks first(kShape, 2);
  Blocks second(kShape, 2, 2);
  CopyQueue queue(kShape);
  bool told = false;
  queue.submit(first.copies(), 0, [&] {
    EXPECT_TRUE(first.all_there());
    queue.submit(second.copies(), 0, [&] { told = true; });
  });
  queue.drain();
  EXPECT_TRUE(told);
  EXPECT_TRUE(second.all_there());
}

TEST(CopyQueue, WhatWhenDoneHoldsIsGoneWhenTheJobHasEnded) {
  CopyQueue queue(kShape);
  const auto held = std::make_shared<int>(1);
  const auto job = queue.submit({}, 0, [held] {});
  queue.drain();
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_TRUE(job->ended());
}

TEST(CopyQueue, DestructionCancelsWhatHasNotEndedAndTellsIt) {
  Blocks blocks(kLargeShape, 8);
  std::vector<std::shared_ptr<CopyJob>> jobs;
  int told = 0;
  {
    CopyQueue queue(kLargeShape);
    for (int i = 0; i < 50; ++i) {
      jobs.push_back(queue.submit(blocks.copies(), i % 3, [&] { ++told; }));
    }
  }
  EXPECT_EQ(told, 50);
  for (const auto& job : jobs) EXPECT_TRUE(job->ended());
  EXPECT_TRUE(jobs.back()->cancelled());
}

TEST(CopyQueue, WhatWhenDoneSubmitsDuringDestructionEndsCancelled) {
  Blocks blocks(kShape, 1);
  std::shared_ptr<CopyJob> late;
  {
    CopyQueue queue(kShape);
    const Gate gate(queue);
    queue.submit(blocks.copies(), 0, [&] { late = queue.submit(blocks.copies(), 0, {}); });
    // The gate opens first: the destruction may find the job waiting, at work or done.
  }
  ASSERT_NE(late, nullptr);
  EXPECT_TRUE(late->ended());
}

TEST(CopyQueue, WaitersLeaveBeforeItIsDestroyed) {
  Blocks blocks(kLargeShape, 10);
  auto queue = std::make_unique<CopyQueue>(kLargeShape);
  std::latch may_go_on(1);
  queue->submit({}, 0, [&] { may_go_on.wait(); });
  const auto last = queue->submit(blocks.copies(), -1, {});
  std::thread waiter([&] { queue->wait_layer(*last, 3); });
  std::thread drainer([&] { queue->drain(); });
  while (queue->stats().waiting < 2) std::this_thread::yield();
  may_go_on.count_down();
  queue.reset();
  waiter.join();
  drainer.join();
  EXPECT_TRUE(last->ended());
}

/// Each thread's jobs are whole or cancelled, whatever the others do; the sanitizers look on.
TEST(CopyQueue, ManyThreadsSubmitWaitAndCancel) {
  CopyQueue queue(kShape);
  std::atomic<int> told{0};
  constexpr int kThreads = 4;
  constexpr int kJobs = 150;
  auto body = [&](unsigned seed) {
    std::mt19937 random(seed);
    for (int i = 0; i < kJobs; ++i) {
      Blocks blocks(kShape, 1 + random() % 4, seed * 1000 + static_cast<unsigned>(i));
      const auto job = queue.submit(blocks.copies(), static_cast<std::int32_t>(random() % 3),
                                    [&] { told.fetch_add(1); });
      const auto layer = static_cast<std::uint32_t>(random() % kShape.layers);
      const bool reached = random() % 3 == 0 || queue.wait_layer(*job, layer);
      if (random() % 2 == 0) queue.cancel(*job);
      if (!queue.wait_layer(*job, kShape.layers - 1)) {
        EXPECT_TRUE(job->cancelled());
      } else {
        EXPECT_TRUE(blocks.all_there());
      }
      EXPECT_TRUE(reached);
    }
  };
  std::vector<std::thread> threads;
  for (unsigned seed = 1; seed <= kThreads; ++seed) threads.emplace_back(body, seed);
  for (std::thread& thread : threads) thread.join();
  queue.drain();
  EXPECT_EQ(told.load(), kThreads * kJobs);
  EXPECT_EQ(queue.stats().jobs, static_cast<std::uint64_t>(kThreads * kJobs));
}

}  // namespace
}  // namespace terrace::kv
