// SPDX-License-Identifier: Apache-2.0
// zipf and shift: reads of single blocks whose popularity is skewed, once and for all, or by a hot
// set that moves.
#include <numeric>

#include "tiering/simulate/random.h"
#include "tiering/simulate/synthetic.h"

namespace terrace::simulate {
namespace {

constexpr std::uint32_t kBlocks = 2048;  // 4 GiB
constexpr std::uint32_t kReads = 256;
constexpr double kZipfSkew = 0.99;
constexpr std::uint64_t kModelSeed = 1517;

class Zipf final : public Workload {
 public:
  explicit Zipf(std::uint64_t seed)
      : random_(seed), choice_(zipf_weights(kBlocks, kZipfSkew)), by_rank_(kBlocks) {
    layout_.add("table", kBlocks);
    std::iota(by_rank_.begin(), by_rank_.end(), 0u);
    Random(kModelSeed).shuffle(by_rank_);
  }
  const policy::Layout& layout() const override { return layout_; }

  bool next_step(std::vector<Event>& events) override {
    if (first_) allocate_all(layout_, events);
    first_ = false;
    for (std::uint32_t i = 0; i < kReads; ++i) {
      events.push_back({EventKind::kRoute, by_rank_[choice_.draw(random_)], 1});
    }
    return true;
  }

 private:
  policy::Layout layout_;
  Random random_;
  WeightedChoice choice_;
  std::vector<policy::BlockId> by_rank_;
  bool first_ = true;
};

constexpr double kHotReads = 0.9;
constexpr std::uint32_t kHotBlocks = kBlocks / 10;

class Shift final : public Workload {
 public:
  explicit Shift(std::uint64_t seed) : random_(seed), order_(kBlocks) {
    layout_.add("table", kBlocks);
    std::iota(order_.begin(), order_.end(), 0u);
  }
  const policy::Layout& layout() const override { return layout_; }

  bool next_step(std::vector<Event>& events) override {
    if (step_ == 0) allocate_all(layout_, events);
    if (step_++ % kRegimeSteps == 0) random_.shuffle(order_);
    for (std::uint32_t i = 0; i < kReads; ++i) {
      const std::uint32_t among = random_.unit() < kHotReads ? kHotBlocks : kBlocks;
      events.push_back({EventKind::kRoute, order_[random_.below(among)], 1});
    }
    return true;
  }

 private:
  policy::Layout layout_;
  Random random_;
  std::vector<policy::BlockId> order_;  // the first tenth is hot
  std::uint64_t step_ = 0;
};

}  // namespace

std::unique_ptr<Workload> make_zipf(std::uint64_t seed) {
  return std::make_unique<Zipf>(seed);
}

std::unique_ptr<Workload> make_shift(std::uint64_t seed) {
  return std::make_unique<Shift>(seed);
}

}  // namespace terrace::simulate
