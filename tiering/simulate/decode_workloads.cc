// SPDX-License-Identifier: Apache-2.0
// dense and moe: a model's weights, read once a step layer by layer.
#include <numeric>

#include "tiering/simulate/random.h"
#include "tiering/simulate/synthetic.h"

namespace terrace::simulate {
namespace {

// 4 GiB of weights.
constexpr std::uint32_t kDenseBlocks = 2048;

class Dense final : public Workload {
 public:
  Dense() { layout_.add("weights", kDenseBlocks); }
  const policy::Layout& layout() const override { return layout_; }

  bool next_step(std::vector<Event>& events) override {
    if (first_) allocate_all(layout_, events);
    first_ = false;
    stream(0, kDenseBlocks, events);
    return true;
  }

 private:
  policy::Layout layout_;
  bool first_ = true;
};

// 32 layers of 16 MiB that every token reads and 16 experts of 8 MiB, two of which it reads: 4.5
// GiB.
constexpr std::uint32_t kLayers = 32;
constexpr std::uint32_t kExperts = 16;
constexpr std::uint32_t kExpertsPerToken = 2;
constexpr std::uint32_t kSharedBlocks = 8;
constexpr std::uint32_t kExpertBlocks = 4;
constexpr double kRoutingSkew = 1.0;
// Which expert of a layer is popular belongs to the model, not to the run.
constexpr std::uint64_t kModelSeed = 4711;

class Mixture final : public Workload {
 public:
  explicit Mixture(std::uint64_t seed)
      : random_(seed), routing_(zipf_weights(kExperts, kRoutingSkew)) {
    Random model(kModelSeed);
    for (std::uint32_t layer = 0; layer < kLayers; ++layer) {
      layout_.add("layer" + std::to_string(layer) + ".shared", kSharedBlocks);
      layout_.add("layer" + std::to_string(layer) + ".experts", kExperts * kExpertBlocks);
      std::vector<std::uint32_t> order(kExperts);
      std::iota(order.begin(), order.end(), 0u);
      model.shuffle(order);
      by_popularity_.push_back(std::move(order));
    }
  }
  const policy::Layout& layout() const override { return layout_; }

  bool next_step(std::vector<Event>& events) override {
    if (first_) allocate_all(layout_, events);
    first_ = false;
    for (std::uint32_t layer = 0; layer < kLayers; ++layer) {
      stream(layout_.objects[2 * layer].first, kSharedBlocks, events);
      route(layer, events);
    }
    return true;
  }

 private:
  void route(std::uint32_t layer, std::vector<Event>& events) {
    const policy::BlockId experts = layout_.objects[2 * layer + 1].first;
    std::uint32_t before = kExperts;
    for (std::uint32_t i = 0; i < kExpertsPerToken; ++i) {
      std::uint32_t rank = routing_.draw(random_);
      while (rank == before) rank = routing_.draw(random_);
      before = rank;
      const std::uint32_t expert = by_popularity_[layer][rank];
      events.push_back({EventKind::kRoute, experts + expert * kExpertBlocks, kExpertBlocks});
    }
    events.push_back({EventKind::kPhaseEnd, 0, 0});
  }

  policy::Layout layout_;
  Random random_;
  WeightedChoice routing_;
  std::vector<std::vector<std::uint32_t>> by_popularity_;
  bool first_ = true;
};

}  // namespace

std::unique_ptr<Workload> make_dense(std::uint64_t) {
  return std::make_unique<Dense>();
}

std::unique_ptr<Workload> make_mixture(std::uint64_t seed) {
  return std::make_unique<Mixture>(seed);
}

}  // namespace terrace::simulate
