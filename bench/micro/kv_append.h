// SPDX-License-Identifier: Apache-2.0
// Appending to 64 sequences by one thread and by two, for any side of kv_sides.h, and the clock of
// kv_benchmark. Work of two threads is timed by their own clocks: which of them runs first once
// both are there is the scheduler's business.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "bench/micro/kv_sides.h"

namespace terrace::bench {

using Clock = std::chrono::steady_clock;

template <typename Work>
double seconds_of(Work work) {
  const Clock::time_point begin = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

inline constexpr std::uint32_t kSequences = 64;
inline constexpr std::uint64_t kTokens = 2048;
inline constexpr std::uint64_t kAppends = kSequences * kTokens;
inline constexpr std::uint32_t kAppendCache = kAppends / kBlockTokens * 5 / 4;

/// Never the same contents twice, so that no block gives way to another's.
inline kv::Token token_for(std::uint64_t round, std::size_t sequence, std::uint64_t position) {
  const std::uint64_t number =
      (round * kSequences + sequence) * (kTokens + kBlockTokens) + position;
  return static_cast<kv::Token>(number * 0x9E3779B1u);
}

enum class Steps {
  kSpread,    ///< sequences are at all places of their blocks, as those of a server
  kTogether,  ///< all are at the same place: all blocks end in one step, which is the worst case
};

/// Tokens that the sequence has already.
inline std::uint64_t lead_of(std::size_t sequence, Steps steps) {
  return steps == Steps::kSpread ? sequence % kBlockTokens : 0;
}

template <typename Side>
void append_one(Side& side, typename Side::Sequence& sequence, std::uint64_t round,
                std::size_t number, std::uint64_t position) {
  const kv::Token token = token_for(round, number, position);
  side.append(sequence, {&token, 1});
  side.written(sequence, position + 1);
}

template <typename Side>
void append_all(Side& side, std::span<typename Side::Sequence> sequences, std::uint64_t round,
                std::size_t first, Steps steps) {
  for (std::uint64_t at = 0; at < kTokens; ++at) {
    for (std::size_t i = 0; i < sequences.size(); ++i) {
      append_one(side, sequences[i], round, first + i, lead_of(first + i, steps) + at);
    }
  }
}

struct Span {
  Clock::time_point begin;
  Clock::time_point end;
};

template <typename Work>
Span span_of(Work work) {
  Span span{Clock::now(), {}};
  work();
  span.end = Clock::now();
  return span;
}

/// From when the first of them begins, both being there, until both have done.
template <typename First, typename Second>
double seconds_of_both(First first, Second second) {
  std::atomic<int> there{0};
  const auto wait = [&there] {
    there.fetch_add(1);
    while (there.load() < 2) continue;
  };
  Span others;
  std::thread other([&] {
    wait();
    others = span_of(second);
  });
  wait();
  const Span own = span_of(first);
  other.join();
  return std::chrono::duration<double>(std::max(own.end, others.end) -
                                       std::min(own.begin, others.begin))
      .count();
}

template <typename Side>
std::vector<typename Side::Sequence> begin_all(Side& side, std::uint64_t round, Steps steps) {
  std::vector<typename Side::Sequence> sequences;
  for (std::size_t i = 0; i < kSequences; ++i) {
    sequences.push_back(side.begin(kTokens + kBlockTokens));
    for (std::uint64_t at = 0; at < lead_of(i, steps); ++at) {
      append_one(side, sequences.back(), round, i, at);
    }
  }
  return sequences;
}

enum class Threads {
  kOne,
  kTwo,    ///< with half of the sequences each
  kApart,  ///< the same, in two caches
};

/// Nanoseconds of wall time for a token of any sequence. `other`: the second cache of kApart.
template <typename Side>
double append_time(Side& side, Side& other, Threads threads, std::uint64_t round, Steps steps) {
  auto sequences = begin_all(side, round, steps);
  auto others = threads == Threads::kApart ? begin_all(other, round, steps) : decltype(sequences){};
  const std::span all(sequences);
  const std::size_t half = kSequences / 2;
  double seconds = 0;
  if (threads == Threads::kOne) {
    seconds = seconds_of([&] { append_all(side, all, round, 0, steps); });
  } else {
    const bool apart = threads == Threads::kApart;
    Side& second = apart ? other : side;
    const auto rest = (apart ? std::span(others) : all).subspan(half);
    seconds = seconds_of_both([&] { append_all(side, all.first(half), round, 0, steps); },
                              [&] { append_all(second, rest, round, half, steps); });
  }
  for (auto& sequence : sequences) side.end(sequence);
  for (auto& sequence : others) other.end(sequence);
  return seconds * 1e9 / kAppends;
}

enum class Room {
  kFree,  ///< new caches for each round
  kFull,  ///< of former rounds' blocks
};

struct AppendCase {
  const char* name;
  Room room;
  Steps steps;
};
inline constexpr AppendCase kAppendCases[] = {
    {"", Room::kFree, Steps::kSpread},
    {"/full", Room::kFull, Steps::kSpread},
    {"/together", Room::kFree, Steps::kTogether},
};

/// Two caches of one side, which are made anew, or full.
template <typename Side>
class AppendRig {
 public:
  explicit AppendRig(const AppendCase& how) : how_(how) {}
  double time(Threads threads) {
    if (how_.room == Room::kFree || !cache_) remake();
    return append_time(*cache_, *other_, threads, ++round_, how_.steps);
  }

 private:
  void remake() {
    cache_.emplace(kAppendCache);
    other_.emplace(kAppendCache);
    if (how_.room == Room::kFree) return;
    for (int i = 0; i < 2; ++i) {
      append_time(*cache_, *other_, Threads::kOne, ++round_, how_.steps);
      append_time(*other_, *cache_, Threads::kOne, ++round_, how_.steps);
    }
  }
  AppendCase how_;
  std::optional<Side> cache_;
  std::optional<Side> other_;
  std::uint64_t round_ = 0;
};

}  // namespace terrace::bench
