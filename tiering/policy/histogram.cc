// SPDX-License-Identifier: Apache-2.0
// A threshold from the histogram of accesses, after MEMTIS: T. Lee et al., "MEMTIS: Efficient
// Memory Tiering with Dynamic Page Classification and Page Size Determination", SOSP 2023, and its
// published kernel (github.com/cosmoss-jigu/memtis: htmm_core.c, htmm_migrater.c).
//
// What is modelled: each block's count of samples falls in one of 16 bins by its logarithm. The hot
// threshold is the lowest bin such that it and all above it fit the fast tier; between coolings it
// only rises, after one it falls by one bin at a time. When less than 75 % of the fast tier would
// be hot, the bin below the threshold counts as warm: not promoted, and demoted only to make room
// for hot blocks. Cooling halves all counts. Moves run in the background. What is not: splitting of
// huge pages (the block is the smallest unit here), and sampling noise.
#include <algorithm>
#include <array>
#include <bit>

#include "tiering/policy/registry.h"

namespace terrace::policy {
namespace {

constexpr int kBins = 16;
// The published defaults, in touches of 2 MiB blocks: a sample stands for 200 reads of 64 bytes.
constexpr std::uint32_t kSamplesPerTouch = 164;    // 2 MiB / 64 B / 200
constexpr std::uint64_t kCoolingTouches = 12207;   // htmm_cooling_period, 2,000,000 samples
constexpr std::uint64_t kAdaptationTouches = 610;  // htmm_adaptation_period, 100,000 samples
constexpr int kLeastThreshold = 1;                 // htmm_thres_hot
constexpr double kEnoughHot = 0.75;

int bin_of(std::uint32_t samples) {
  return std::min(kBins - 1, samples == 0 ? 0 : static_cast<int>(std::bit_width(samples)) - 1);
}

class Histogram final : public Policy {
 public:
  explicit Histogram(const PolicyContext& context)
      : table_(context.table),
        fast_blocks_(context.machine.capacity_blocks[0]),
        samples_(table_.blocks(), 0),
        is_candidate_(table_.blocks(), 0) {}

  std::uint8_t tier_for(BlockId) override { return 0; }

  void allocated(BlockId block, std::uint8_t) override {
    samples_[block] = 0;
    ++bins_[0];
  }

  void released(BlockId block) override {
    --bins_[static_cast<std::size_t>(bin_of(samples_[block]))];
    is_candidate_[block] = 0;
  }

  void touched(const Touch& touch) override {
    for (BlockId block = touch.first; block < touch.first + touch.count; ++block) {
      const int before = bin_of(samples_[block]);
      samples_[block] += kSamplesPerTouch;
      const int bin = bin_of(samples_[block]);
      --bins_[static_cast<std::size_t>(before)];
      ++bins_[static_cast<std::size_t>(bin)];
      if (bin >= hot_ && table_.tier_of(block) != 0) add_candidate(block);
    }
    touches_since_cooling_ += touch.count;
    touches_since_adapting_ += touch.count;
  }

  void step_ended(const StepView&) override {
    if (touches_since_cooling_ >= kCoolingTouches) cool();
    if (touches_since_adapting_ >= kAdaptationTouches) adapt();
    migrate();
  }

 private:
  void add_candidate(BlockId block) {
    if (is_candidate_[block]) return;
    is_candidate_[block] = 1;
    candidates_.push_back(block);
  }

  void cool() {
    touches_since_cooling_ = 0;
    cooled_ = true;
    bins_.fill(0);
    for (BlockId block = 0; block < table_.blocks(); ++block) {
      samples_[block] /= 2;
      if (table_.tier_of(block) != kNowhere) {
        ++bins_[static_cast<std::size_t>(bin_of(samples_[block]))];
      }
    }
  }

  void adapt() {
    touches_since_adapting_ = 0;
    std::uint64_t hot_blocks = 0;
    int bin = kBins - 1;
    for (; bin >= 0; --bin) {
      const std::uint64_t in_bin = bins_[static_cast<std::size_t>(bin)];
      if (hot_blocks + in_bin > fast_blocks_) break;
      hot_blocks += in_bin;
    }
    if (bin != kBins - 1) ++bin;
    bin = std::max(bin, kLeastThreshold);
    const int before = hot_;
    if (cooled_) {
      if (bin < hot_ && hot_ > 1) --hot_;
      cooled_ = false;
    } else {
      hot_ = std::max(hot_, bin);
    }
    const bool few_hot =
        static_cast<double>(hot_blocks) < kEnoughHot * static_cast<double>(fast_blocks_);
    warm_ = few_hot ? hot_ - 1 : hot_;
    if (hot_ != before) find_candidates();
  }

  void find_candidates() {
    for (const BlockId block : candidates_) is_candidate_[block] = 0;
    candidates_.clear();
    for (BlockId block = 0; block < table_.blocks(); ++block) {
      const std::uint8_t tier = table_.tier_of(block);
      if (tier == 0 || tier == kNowhere) continue;
      if (bin_of(samples_[block]) >= hot_) add_candidate(block);
    }
  }

  // Blocks of the fast tier that may make room: cold ones before warm ones.
  std::vector<BlockId> victims() const {
    std::vector<BlockId> cold;
    std::vector<BlockId> warm;
    for (BlockId block = 0; block < table_.blocks(); ++block) {
      if (table_.tier_of(block) != 0) continue;
      const int bin = bin_of(samples_[block]);
      if (bin < warm_) {
        cold.push_back(block);
      } else if (bin < hot_) {
        warm.push_back(block);
      }
    }
    cold.insert(cold.end(), warm.begin(), warm.end());
    return cold;
  }

  void migrate() {
    if (candidates_.empty()) return;
    std::vector<BlockId> out = victims();
    std::size_t next = 0;
    for (const BlockId block : candidates_) {
      if (!is_candidate_[block]) continue;
      is_candidate_[block] = 0;
      const std::uint8_t tier = table_.tier_of(block);
      if (tier == 0 || tier == kNowhere || bin_of(samples_[block]) < hot_) continue;
      if (table_.move(block, 0)) continue;
      if (next < out.size()) table_.exchange(block, out[next++]);
    }
    candidates_.clear();
  }

  PlacementTable& table_;
  std::uint64_t fast_blocks_;
  std::vector<std::uint32_t> samples_;
  std::vector<std::uint8_t> is_candidate_;
  std::vector<BlockId> candidates_;
  std::array<std::uint64_t, kBins> bins_{};
  std::uint64_t touches_since_cooling_ = 0;
  std::uint64_t touches_since_adapting_ = 0;
  int hot_ = kLeastThreshold;
  int warm_ = kLeastThreshold;
  bool cooled_ = false;
};

}  // namespace

std::unique_ptr<Policy> make_histogram(const PolicyContext& context) {
  return std::make_unique<Histogram>(context);
}

}  // namespace terrace::policy
