// SPDX-License-Identifier: Apache-2.0
// How soon blocks of a class are wanted again, by age, learnt from what was seen so far; and the
// order in which classes at their ages are worth a place. Behind the policy `terrace` (learned.cc).
// Rates: reuses over block-requests exposed, by class and age, shrunk towards a product of what
// each trait does alone (a Poisson model with one factor a trait, fitted by iterative scaling),
// which few observations suffice for. Worth: the greatest ratio of chance of reuse to slots held,
// over all times of giving up (J. C. Gittins, J. R. Stat. Soc. B 41(2), 1979), since a rate that
// falls with age and one that is yet to come need different patience.
// Not thread-safe; allocates at construction only.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace terrace::policy {

/// What is known of a block when a request has used it. Each value is below its count.
struct ReuseTraits {
  static constexpr std::size_t kCount = 5;
  static constexpr std::array<std::uint8_t, kCount> kValues = {4, 4, 4, 3, 4};
  /// Turn of the conversation; requests that used the block; blocks of the request, by size;
  /// place (inside, shared head, last block); requests since the conversation's last turn.
  std::array<std::uint8_t, kCount> values{};
};

inline constexpr std::uint32_t kReuseClasses = 4 * 4 * 4 * 3 * 4;
inline constexpr std::uint32_t kAgeBins = 26;
inline constexpr std::uint32_t kReuseCells = kReuseClasses * kAgeBins;

std::uint32_t class_of(const ReuseTraits& traits);

/// Requests at which an age bin begins: 0, 1, 2, 3, 4, 6, 8, 12, 16, ...
std::uint64_t age_begin(std::uint32_t bin);
std::uint32_t age_bin(std::uint64_t age);

class ReuseModel {
 public:
  ReuseModel();

  void reused(std::uint32_t reuse_class, std::uint32_t bin, double weight) {
    hits_[reuse_class * kAgeBins + bin] += static_cast<float>(weight);
  }
  /// So many more blocks are in that cell from now on.
  void enter(std::uint32_t cell, std::uint64_t now) {
    settle(cell, now);
    ++present_[cell];
  }
  void leave(std::uint32_t cell, std::uint64_t now) {
    settle(cell, now);
    --present_[cell];
  }

  /// Takes what was counted since into the worths. Some milliseconds.
  void refit(std::uint64_t now);

  /// Expected reuses for each request that the slot is held.
  float worth(std::uint32_t cell) const { return worth_[cell]; }

 private:
  static constexpr std::uint32_t kAgeSpans = 3;
  /// Reuses, and those that the base rates alone would have it expect.
  struct ClassCount {
    double hits = 0;
    double expected = 0;
  };
  void settle(std::uint32_t cell, std::uint64_t now) {
    exposed_[cell] += static_cast<float>(present_[cell]) * static_cast<float>(now - since_[cell]);
    since_[cell] = now;
  }
  void fit_base();
  void fit_factors();
  void count_classes(std::uint32_t span);
  void fit_trait(std::uint32_t span, std::size_t trait);
  double trait_product(std::uint32_t span, std::uint32_t reuse_class) const;
  double class_factor(std::uint32_t span, std::uint32_t reuse_class) const;
  void weigh(std::uint32_t reuse_class);

  std::vector<float> hits_;
  std::vector<float> exposed_;
  std::vector<std::uint32_t> present_;
  std::vector<std::uint64_t> since_;
  std::vector<float> worth_;
  std::array<double, kAgeBins> base_{};
  std::array<std::array<std::array<double, 4>, ReuseTraits::kCount>, kAgeSpans> factors_{};
  std::array<std::vector<ClassCount>, kAgeSpans> counts_;
};

}  // namespace terrace::policy
