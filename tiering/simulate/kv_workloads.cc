// SPDX-License-Identifier: Apache-2.0
// kv and sequences: weights and a KV cache, of one batch that grows and of many that take turns.
#include "tiering/simulate/random.h"
#include "tiering/simulate/synthetic.h"

namespace terrace::simulate {
namespace {

// 2 GiB of weights and up to 2 GiB of KV cache in 16 sequences that each get a block every four to
// eight steps: 2 MiB of a batch of eight at 64 KiB a token.
constexpr std::uint32_t kWeights = 1024;
constexpr std::uint32_t kSequences = 16;
constexpr std::uint32_t kMostKv = 1024;
constexpr std::uint32_t kStepsPerBlock = 4;

class GrowingKv final : public Workload {
 public:
  explicit GrowingKv(std::uint64_t seed) : random_(seed), sequences_(kSequences) {
    layout_.add("weights", kWeights);
    layout_.add("kv", kMostKv);
  }
  const policy::Layout& layout() const override { return layout_; }

  bool next_step(std::vector<Event>& events) override {
    if (used_ == 0) events.push_back({EventKind::kAllocate, 0, kWeights});
    for (auto& blocks : sequences_) {
      if (blocks.empty() || random_.below(kStepsPerBlock + 1) == 0) grow(blocks, events);
    }
    stream(0, kWeights, events);
    ScatteredStream kv(events);
    for (const auto& blocks : sequences_) {
      for (const policy::BlockId block : blocks) kv.add(block);
    }
    kv.end();
    return true;
  }

 private:
  void grow(std::vector<policy::BlockId>& blocks, std::vector<Event>& events) {
    if (used_ == kMostKv) return;
    const policy::BlockId block = kWeights + used_++;
    blocks.push_back(block);
    events.push_back({EventKind::kAllocate, block, 1});
  }

  policy::Layout layout_;
  Random random_;
  std::vector<std::vector<policy::BlockId>> sequences_;
  std::uint32_t used_ = 0;
};

// 1 GiB of weights and 64 sequences of 48 MiB, 16 of which decode; one that does goes idle with a
// chance of 1 in 32 a step, and another takes its place.
constexpr std::uint32_t kSmallWeights = 512;
constexpr std::uint32_t kManySequences = 64;
constexpr std::uint32_t kBlocksEach = 24;
constexpr std::uint32_t kDecoding = 16;
constexpr std::uint32_t kTurnSteps = 32;

class Sequences final : public Workload {
 public:
  explicit Sequences(std::uint64_t seed) : random_(seed) {
    layout_.add("weights", kSmallWeights);
    layout_.add("kv", kManySequences * kBlocksEach);
    for (std::uint32_t i = 0; i < kManySequences; ++i) idle_.push_back(i);
    random_.shuffle(idle_);
    for (std::uint32_t i = 0; i < kDecoding; ++i) take_turn(i);
  }
  const policy::Layout& layout() const override { return layout_; }

  bool next_step(std::vector<Event>& events) override {
    if (first_) allocate_all(layout_, events);
    first_ = false;
    for (std::uint32_t i = 0; i < kDecoding; ++i) {
      if (random_.below(kTurnSteps) == 0) take_turn(i);
    }
    stream(0, kSmallWeights, events);
    ScatteredStream kv(events);
    for (const std::uint32_t sequence : decoding_) {
      for (std::uint32_t i = 0; i < kBlocksEach; ++i) {
        kv.add(kSmallWeights + sequence * kBlocksEach + i);
      }
    }
    kv.end();
    return true;
  }

 private:
  // The sequence in this place goes idle, and an idle one begins.
  void take_turn(std::uint32_t place) {
    const std::uint32_t which = random_.below(static_cast<std::uint32_t>(idle_.size()));
    if (place < decoding_.size()) {
      std::swap(decoding_[place], idle_[which]);
      return;
    }
    decoding_.push_back(idle_[which]);
    idle_.erase(idle_.begin() + which);
  }

  policy::Layout layout_;
  Random random_;
  std::vector<std::uint32_t> idle_;
  std::vector<std::uint32_t> decoding_;
  bool first_ = true;
};

}  // namespace

std::unique_ptr<Workload> make_growing_kv(std::uint64_t seed) {
  return std::make_unique<GrowingKv>(seed);
}

std::unique_ptr<Workload> make_sequences(std::uint64_t seed) {
  return std::make_unique<Sequences>(seed);
}

}  // namespace terrace::simulate
