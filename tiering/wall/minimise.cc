// SPDX-License-Identifier: Apache-2.0
#include "tiering/wall/minimise.h"

#include <algorithm>
#include <cstddef>

namespace terrace::wall {
namespace {

constexpr int kSteps = 3000;
constexpr double kFirstEdge = 0.3;
constexpr double kFlat = 1e-13;

struct Corner {
  std::vector<double> at;
  double value = 0;
};

class Simplex {
 public:
  Simplex(const Objective& objective, const std::vector<double>& start) : objective_(objective) {
    add(start);
    for (std::size_t i = 0; i < start.size(); ++i) {
      std::vector<double> moved = start;
      moved[i] += kFirstEdge;
      add(std::move(moved));
    }
  }

  std::vector<double> run() {
    for (int step = 0; step < kSteps; ++step) {
      sort();
      if (corners_.back().value - corners_.front().value < kFlat) break;
      improve();
    }
    sort();
    return corners_.front().at;
  }

 private:
  void add(std::vector<double> at) {
    const double value = objective_(at);
    corners_.push_back({std::move(at), value});
  }
  void sort() {
    std::stable_sort(corners_.begin(), corners_.end(),
                     [](const Corner& a, const Corner& b) { return a.value < b.value; });
  }

  /// The point at `factor` from the middle of all but the worst corner, away from that corner.
  Corner beyond(double factor) const {
    std::vector<double> at(corners_.front().at.size(), 0);
    for (std::size_t i = 0; i < at.size(); ++i) {
      double middle = 0;
      for (std::size_t c = 0; c + 1 < corners_.size(); ++c) middle += corners_[c].at[i];
      middle /= static_cast<double>(corners_.size() - 1);
      at[i] = middle + factor * (middle - corners_.back().at[i]);
    }
    const double value = objective_(at);
    return {std::move(at), value};
  }

  void improve() {
    Corner reflected = beyond(1);
    if (reflected.value < corners_.front().value) {
      Corner further = beyond(2);
      corners_.back() = further.value < reflected.value ? std::move(further) : std::move(reflected);
      return;
    }
    if (reflected.value < corners_[corners_.size() - 2].value) {
      corners_.back() = std::move(reflected);
      return;
    }
    Corner nearer = beyond(-0.5);
    if (nearer.value < corners_.back().value) {
      corners_.back() = std::move(nearer);
      return;
    }
    shrink();
  }

  void shrink() {
    const std::vector<double> best = corners_.front().at;
    for (std::size_t c = 1; c < corners_.size(); ++c) {
      for (std::size_t i = 0; i < best.size(); ++i)
        corners_[c].at[i] = (corners_[c].at[i] + best[i]) / 2;
      corners_[c].value = objective_(corners_[c].at);
    }
  }

  const Objective& objective_;
  std::vector<Corner> corners_;
};

}  // namespace

std::vector<double> minimise(const Objective& objective, const std::vector<double>& start) {
  return Simplex(objective, Simplex(objective, start).run()).run();
}

}  // namespace terrace::wall
