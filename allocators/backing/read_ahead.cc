// SPDX-License-Identifier: Apache-2.0
#include "allocators/backing/read_ahead.h"

namespace terrace::backing {

std::uint32_t ReadAhead::steps_between(std::uint32_t from, std::uint32_t to,
                                       const BlockOrder& order) {
  if (from == kNoBlock || to <= from) return 0;
  std::uint32_t block = from;
  for (std::uint32_t steps = 1; steps <= kMaxSteps; ++steps) {
    block = order.next(order.context, block);
    if (block == kNoBlock || block > to) return 0;
    if (block == to) return steps;
  }
  return 0;
}

ReadAhead::Stream& ReadAhead::stream_for(std::uint32_t block, Nanoseconds now,
                                         const BlockOrder& order) {
  Stream* oldest = &streams_[0];
  for (Stream& stream : streams_) {
    const std::uint32_t steps = steps_between(stream.last, block, order);
    // A stream goes on when its next block is touched, or one that it asked for.
    if (steps == 1 || (steps > 1 && block <= stream.issued)) {
      const Nanoseconds each((now - stream.at).value / steps);
      stream.pace =
          stream.pace.value == 0 ? each : Nanoseconds((stream.pace.value * 3 + each.value) / 4);
      ++stream.run;
      stream.last = block;
      stream.at = now;
      return stream;
    }
    if (stream.at < oldest->at) oldest = &stream;
  }
  *oldest = Stream{};
  oldest->last = block;
  oldest->issued = block;
  oldest->at = now;
  return *oldest;
}

std::uint32_t ReadAhead::touched(std::uint32_t block, Nanoseconds now, const BlockOrder& order,
                                 Ahead* ahead) {
  Stream& stream = stream_for(block, now, order);
  if (stream.issued == kNoBlock || stream.issued < block) stream.issued = block;
  const std::uint32_t window = stream.run == 0 ? 1 : (stream.run == 1 ? 4 : kMaxWindow);
  std::uint32_t distance = steps_between(block, stream.issued, order);
  std::uint32_t count = 0;
  while (distance < window) {
    const std::uint32_t next = order.next(order.context, stream.issued);
    if (next == kNoBlock) break;
    ++distance;
    const bool steady = window == kMaxWindow;
    const bool marker = !steady || ++stream.since_marker >= kMarkerEvery;
    if (marker) stream.since_marker = 0;
    ahead[count++] = {next, marker, distance};
    stream.issued = next;
  }
  return count;
}

Nanoseconds ReadAhead::pace_of(std::uint32_t block) const {
  const Stream* nearest = nullptr;
  for (const Stream& stream : streams_) {
    if (stream.last == kNoBlock || stream.last > block || stream.issued < block) continue;
    if (nearest == nullptr || stream.last > nearest->last) nearest = &stream;
  }
  return nearest != nullptr ? nearest->pace : Nanoseconds();
}

void ReadAhead::forget(std::uint32_t first, std::uint32_t count) {
  for (Stream& stream : streams_) {
    if (stream.last >= first && stream.last - first < count) stream = Stream{};
  }
}

}  // namespace terrace::backing
