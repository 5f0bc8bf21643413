// SPDX-License-Identifier: Apache-2.0
// How often each block will be touched, learned from how often it was: three averages that forget
// at different speeds, and for each object the weights with which they predicted best so far.
// First part of the online policy; online_target.h turns the figures into places.
//
// Averages: exponentially decayed touches a step, corrected for the time before the block existed
// (D. Kingma and J. Ba, "Adam", 2015, section 3). Weights: least squares without intercept over all
// blocks of the object, features at one time against touches in the kHorizon steps after it, each
// block weighed by the variance of its count (a Poisson count's is its mean), older evidence halved
// (recursive least squares with forgetting; Haykin, "Adaptive Filter Theory", ch. 10). What
// predictions of the same size came to is kept beside: by how much blocks fell short of what pays
// for a move. Nothing is known of the future, and nothing of the workload but its objects. Not
// thread-safe; allocates on construction. O(1) for each touch.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "tiering/policy/policy.h"

namespace terrace::policy {

/// What is expected of a block.
struct HeatOutlook {
  double touches = 0;  ///< within the horizon
  double doubt = 0;    ///< one standard error of that, as far as the long average's count makes it
  double wasted = 0;  ///< touches that blocks of which as much was expected fell short of the price
                      ///< by, on average, within kHorizon of the horizon's steps
  /// Steps that this holds for: kHorizon, and longer, up to as long as has been watched, as far as
  /// the long average alone predicts what comes.
  double horizon = 1;
};

class OnlineHeat {
 public:
  static constexpr std::size_t kAverages = 3;
  static constexpr std::uint64_t kHorizon = 64;  ///< steps that a prediction is scored over

  /// `price`: touches that a move must bring to pay back.
  OnlineHeat(const Layout& layout, double price);

  void allocated(BlockId block);
  void touched(const Touch& touch);
  /// Moves on to the next step; learns when a prediction's time is up.
  void step_ended();

  std::uint64_t steps() const { return now_; }
  /// Averages bursts over their ranges as they are now. Before outlook(), once a step.
  void refresh();
  HeatOutlook outlook(BlockId block) const;
  /// Since it came into being.
  std::uint32_t touches(BlockId block) const { return touches_[block]; }
  /// Step of the last touch, or of its birth.
  std::uint64_t last_touch(BlockId block) const { return heat_[block].last; }
  std::uint64_t age(BlockId block) const { return now_ - born_[block]; }
  /// Touched exactly once in each of the last steps, since its birth or long enough: it is read by
  /// a stream, whose transfers overlap.
  bool streamed(BlockId block) const;

 private:
  using Features = std::array<double, kAverages>;
  static constexpr std::uint32_t kRangeBlocks = 16;
  static constexpr std::int64_t kSizes = 32;
  struct BlockHeat {
    std::array<float, kAverages> average{};
    std::uint32_t last = 0;
    std::uint32_t run = 0;  // steps in a row with one touch each, the last one at `last`
  };
  /// Predictions of about the same size, and what came of them.
  struct Outcome {
    double cases = 0;
    double wasted = 0;       // by all of them
    double mean_wasted = 0;  // within kHorizon of the horizon's steps
  };
  /// Normal equations of one object's regression, and its outcomes by size.
  struct Evidence {
    std::array<Features, kAverages> squares{};
    Features products{};
    Features weights{};
    double horizon = kHorizon;
    double doubt = kHorizon;  // of a block with one touch in one step
    std::array<Outcome, kSizes> outcomes{};
  };

  Features averages(BlockId block) const;
  Features features(BlockId block) const;
  static double predict(const Evidence& evidence, const Features& features);
  static std::size_t size_of(double touches);
  double doubt(BlockId block, double rate, const Evidence& evidence) const;
  void learn();
  void learn_from(BlockId block);
  static void halve(Evidence& evidence);
  void weigh(Evidence& evidence) const;
  void snapshot();
  const Features& decay(std::uint64_t steps) const;

  const Layout& layout_;
  double price_;
  std::uint64_t now_ = 0;
  std::uint64_t snapshot_step_ = 0;
  std::vector<BlockHeat> heat_;
  std::vector<std::uint64_t> born_;
  std::vector<std::uint32_t> object_of_;
  std::vector<std::uint32_t> range_of_;
  std::vector<double> range_burst_;  // mean of the shortest average over each range
  std::vector<std::uint32_t> touches_;
  std::vector<std::uint32_t> touches_at_snapshot_;
  std::vector<Features> snapshot_;
  std::vector<Evidence> evidence_;
  std::vector<Features> powers_;       // what is left of each average after so many steps
  std::vector<Features> corrections_;  // of each average of a block of that age
};

}  // namespace terrace::policy
