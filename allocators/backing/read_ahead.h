// SPDX-License-Identifier: Apache-2.0
// Finds sequential streams in the touches of a link's blocks and says what to request before it is
// asked for, as a hardware prefetcher does. A stream's window grows from 1 to kMaxWindow blocks.
// A real stripe interleaves by page and overlaps within the core's own window of outstanding
// lines; blocks of 2 MiB need a window of a few blocks to stand for that.
// Pure logic; the order of blocks comes from the caller. One owner, no allocation.
#pragma once

#include <cstdint>

#include <terrace/units.h>

namespace terrace::backing {

inline constexpr std::uint32_t kNoBlock = ~std::uint32_t{0};

/// The block after `block` on the same link in the same object, or kNoBlock.
struct BlockOrder {
  std::uint32_t (*next)(const void* context, std::uint32_t block);
  const void* context;
};

struct Ahead {
  std::uint32_t block = kNoBlock;
  bool marker = true;  ///< stays closed on arrival, so that its touch shows the stream's progress
  std::uint32_t distance = 0;  ///< blocks before the stream gets there
};

class ReadAhead {
 public:
  static constexpr std::uint32_t kMaxWindow = 16;
  static constexpr std::uint32_t kMarkerEvery = 8;

  constexpr ReadAhead() = default;
  /// A fault showed that `block` is touched at `now`. Writes blocks to request into
  /// ahead[0..kMaxWindow), nearest first; returns their number.
  std::uint32_t touched(std::uint32_t block, Nanoseconds now, const BlockOrder& order,
                        Ahead* ahead);
  /// Time from one block of the stream that `block` belongs to, to its next; 0: not known yet.
  Nanoseconds pace_of(std::uint32_t block) const;
  /// Forgets streams in [first, first + count), whose blocks went away.
  void forget(std::uint32_t first, std::uint32_t count);

 private:
  struct Stream {
    std::uint32_t last = kNoBlock;    ///< last touched
    std::uint32_t issued = kNoBlock;  ///< furthest requested
    std::uint32_t run = 0;            ///< sequential touches seen
    std::uint32_t since_marker = 0;
    Nanoseconds at;
    Nanoseconds pace;
  };
  static constexpr int kStreams = 16;
  static constexpr std::uint32_t kMaxSteps = 2 * kMaxWindow;

  /// Blocks from `from` to `to` in order; 0 when `to` is not among the next kMaxSteps.
  static std::uint32_t steps_between(std::uint32_t from, std::uint32_t to, const BlockOrder& order);
  Stream& stream_for(std::uint32_t block, Nanoseconds now, const BlockOrder& order);

  Stream streams_[kStreams];
};

}  // namespace terrace::backing
