// SPDX-License-Identifier: Apache-2.0
// What the KV-cache's book-keeping costs beside a plain mutex and map (plain_kv_cache.h), through
// the C++ class (cache) and through the C API (api). Both sides take turns round by round.
//   allocate_free  one block taken and given back, by one thread, nobody else there. Ours: append
//   of
//                  the first token of a sequence and truncate to 0, so two calls with all their
//                  checks, promises and locks; `blocks`: what these two do to the block itself,
//                  each under the cache's lock. Plain: allocate() and free(), which know no
//                  sequence.
//   look_up        blocks of a prompt that is cached as a whole, by one thread: tokens are hashed,
//                  and the tokens of each block are compared. `hashed`: the hashes are there
//                  already; comparing is still in it. Plain hashes and compares.
//   append         nanoseconds for one token: append of one and written, in turn for 64 sequences
//                  of 2048 tokens, by 1 thread and by 2 that have 32 sequences each. Each 16th call
//                  of both opens a block and puts a full one into the index. `scale` is the
//                  throughput of 2 threads over that of 1. `full`: each new block drops a cached
//                  one. `apart`, the bound of this machine: 2 threads, each with a cache of its
//                  own.
// With --json: a line of JSON for each figure on stdout, the table of Google Benchmark on stderr.
#include <benchmark/benchmark.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <iostream>
#include <map>
#include <optional>
#include <thread>

#include "allocators/kv/blocks.h"
#include "allocators/kv/cache_lock.h"
#include "bench/micro/kv_sides.h"
#include "bench/micro/paired_rounds.h"

namespace terrace::bench {
namespace {

using Clock = std::chrono::steady_clock;
using kv::Token;

std::vector<PairedRounds>& all_rounds() {
  static std::vector<PairedRounds> rounds;
  return rounds;
}

template <typename Work>
double seconds_of(Work work) {
  const Clock::time_point begin = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// Ours and plain, whose turn to be first changes.
template <typename Ours, typename Plain>
void in_turn(std::int64_t round, Ours ours, Plain plain) {
  if (round % 2 == 0) ours();
  plain();
  if (round % 2 != 0) ours();
}

/// Runs rounds of both, each of which returns one figure.
template <typename Ours, typename Plain>
void compare(benchmark::State& state, PairedRounds rounds, Ours ours, Plain plain) {
  std::int64_t round = 0;
  for (auto _ : state) {
    double one = 0;
    double other = 0;
    double seconds = 0;
    in_turn(
        round++, [&] { seconds = seconds_of([&] { one = ours(); }); }, [&] { other = plain(); });
    state.SetIterationTime(seconds);
    rounds.add(one, other);
  }
  rounds.count_in(state);
  all_rounds().push_back(std::move(rounds));
}

// Allocate and free ------------------------------------------------------------------------------

constexpr std::uint64_t kPairs = 200000;
constexpr std::uint32_t kSmallCache = 1024;

/// The part of the cache that append() and truncate() change, under its lock.
struct BlocksAlone {
  explicit BlocksAlone(std::uint32_t count)
      : memory(count * kBlockBytes),
        options(options_for(memory, count)),
        places(options.tiers, options.shape),
        blocks(options, places) {}
  void allocate_and_free(std::uint64_t pairs) {
    for (std::uint64_t i = 0; i < pairs; ++i) {
      kv::BlockId id = kv::kNoBlock;
      {
        const std::lock_guard held(lock);
        id = blocks.open();
      }
      const std::lock_guard held(lock);
      blocks.unlease(id, 0);
    }
  }
  std::vector<std::byte> memory;
  kv::CacheOptions options;
  kv::Places places;
  kv::Blocks blocks;
  kv::CacheLock lock;
};

template <typename Ours>
void allocate_free(benchmark::State& state, const char* side) {
  Ours ours(kSmallCache);
  PlainSide plain(kSmallCache);
  const auto pair = [](auto& cache) {
    return 1e9 / kPairs * seconds_of([&] { cache.allocate_and_free(kPairs); });
  };
  compare(
      state, {std::string("allocate_free/") + side, "ns", Better::kLess},
      [&] { return pair(ours); }, [&] { return pair(plain); });
}

// Look-up ----------------------------------------------------------------------------------------

constexpr std::uint32_t kPromptBlocks = 128;
using Prompt = std::vector<Token>;

/// Each a token longer than its blocks, since one token is always left to compute.
std::vector<Prompt> make_prompts(std::uint32_t blocks) {
  std::vector<Prompt> prompts(blocks / kPromptBlocks);
  std::uint32_t next = 1;
  for (Prompt& prompt : prompts) {
    prompt.resize(kPromptBlocks * kBlockTokens + 1);
    for (Token& token : prompt)
      token = static_cast<Token>((next = next * 1664525 + 1013904223) >> 8);
  }
  return prompts;
}

template <typename Side>
void cache_all(Side& side, const std::vector<Prompt>& prompts) {
  for (const Prompt& prompt : prompts) {
    auto sequence = side.begin(prompt.size());
    side.append(sequence, std::span(prompt).first(prompt.size() - 1));
    side.written(sequence, prompt.size() - 1);
    side.end(sequence);
  }
}

/// Millions of blocks a second.
template <typename Match>
double rate_of(const std::vector<Prompt>& prompts, Match match) {
  std::uint64_t matched = 0;
  const double seconds = seconds_of([&] {
    for (std::size_t i = 0; i < prompts.size(); ++i) matched += match(i);
  });
  must(matched == prompts.size() * kPromptBlocks, "look-up", "a cached block was not found");
  return static_cast<double>(matched) / seconds / 1e6;
}

PairedRounds look_up_rounds(const benchmark::State& state, const char* side) {
  const std::string blocks = std::to_string(state.range(0));
  return {"look_up/" + std::string(side) + "/" + blocks, "M blocks/s", Better::kMore};
}

template <typename Ours>
void look_up(benchmark::State& state, const char* name) {
  const auto blocks = static_cast<std::uint32_t>(state.range(0));
  const std::vector<Prompt> prompts = make_prompts(blocks);
  Ours ours(blocks + kPromptBlocks);
  PlainSide plain(blocks + kPromptBlocks);
  cache_all(ours, prompts);
  cache_all(plain, prompts);
  const auto rate = [&](auto& side) {
    return rate_of(prompts, [&](std::size_t i) { return side.match(prompts[i]) / kBlockTokens; });
  };
  compare(
      state, look_up_rounds(state, name), [&] { return rate(ours); }, [&] { return rate(plain); });
}

/// The part of the cache that knows what is where, with chains of sealed blocks.
class Hashed {
 public:
  Hashed(std::uint32_t blocks, const std::vector<Prompt>& prompts)
      : memory_(blocks * kBlockBytes),
        options_(options_for(memory_, blocks)),
        places_(options_.tiers, options_.shape),
        blocks_(options_, places_) {
    for (const Prompt& prompt : prompts) add(prompt);
  }
  std::uint64_t match(std::size_t i, const Prompt& prompt) const {
    return blocks_.longest_prefix(hashes_[i], {}, prompt).size();
  }

 private:
  void add(const Prompt& prompt) {
    const kv::ChainHasher hasher(0);
    kv::ChainHash hash = hasher.root({});
    kv::BlockId parent = kv::kNoBlock;
    std::vector<kv::ChainHash>& hashes = hashes_.emplace_back();
    for (std::uint32_t i = 0; i < kPromptBlocks; ++i) {
      const auto tokens = std::span(prompt).subspan(std::size_t{i} * kBlockTokens, kBlockTokens);
      hashes.push_back(hash = hasher.block(hash, tokens));
      parent = blocks_.seal(blocks_.open(), hash, parent, {}, i, tokens);
    }
  }
  std::vector<std::byte> memory_;
  kv::CacheOptions options_;
  kv::Places places_;
  kv::Blocks blocks_;
  std::vector<std::vector<kv::ChainHash>> hashes_;
};

void look_up_hashed(benchmark::State& state) {
  const auto blocks = static_cast<std::uint32_t>(state.range(0));
  const std::vector<Prompt> prompts = make_prompts(blocks);
  const Hashed ours(blocks + kPromptBlocks, prompts);
  PlainSide plain(blocks + kPromptBlocks);
  cache_all(plain, prompts);
  compare(
      state, look_up_rounds(state, "hashed"),
      [&] { return rate_of(prompts, [&](auto i) { return ours.match(i, prompts[i]); }); },
      [&] {
        return rate_of(prompts, [&](auto i) { return plain.match(prompts[i]) / kBlockTokens; });
      });
}

// Append -----------------------------------------------------------------------------------------

constexpr std::uint32_t kSequences = 64;
constexpr std::uint64_t kTokens = 2048;
constexpr std::uint64_t kAppends = kSequences * kTokens;
constexpr std::uint32_t kAppendCache = kAppends / kBlockTokens * 5 / 4;

/// Never the same contents twice, so that no block gives way to another's.
Token token_for(std::uint64_t round, std::size_t sequence, std::uint64_t position) {
  return static_cast<Token>(((round * kSequences + sequence) * kTokens + position) * 0x9E3779B1u);
}

template <typename Side>
void append_all(Side& side, std::span<typename Side::Sequence> sequences, std::uint64_t round,
                std::size_t first) {
  for (std::uint64_t at = 0; at < kTokens; ++at) {
    for (std::size_t i = 0; i < sequences.size(); ++i) {
      const Token token = token_for(round, first + i, at);
      side.append(sequences[i], {&token, 1});
      side.written(sequences[i], at + 1);
    }
  }
}

/// From when both are there until both have done.
template <typename First, typename Second>
double seconds_of_both(First first, Second second) {
  std::atomic<int> there{0};
  const auto wait = [&there] {
    there.fetch_add(1);
    while (there.load() < 2) continue;
  };
  std::thread other([&] {
    wait();
    second();
  });
  wait();
  const double seconds = seconds_of([&] {
    first();
    other.join();
  });
  return seconds;
}

template <typename Side>
std::vector<typename Side::Sequence> begin_all(Side& side) {
  std::vector<typename Side::Sequence> sequences;
  for (std::uint32_t i = 0; i < kSequences; ++i) sequences.push_back(side.begin(kTokens));
  return sequences;
}

enum class Threads { kOne, kTwo, kApart };

/// Nanoseconds of wall time for a token of any sequence. `other`: the second cache of kApart.
template <typename Side>
double append_time(Side& side, Side& other, Threads threads, std::uint64_t round) {
  auto sequences = begin_all(side);
  auto others = threads == Threads::kApart ? begin_all(other) : decltype(sequences){};
  const std::span all(sequences);
  const std::size_t half = kSequences / 2;
  double seconds = 0;
  if (threads == Threads::kOne) {
    seconds = seconds_of([&] { append_all(side, all, round, 0); });
  } else {
    const bool apart = threads == Threads::kApart;
    Side& second = apart ? other : side;
    const auto rest = (apart ? std::span(others) : all).subspan(half);
    seconds = seconds_of_both([&] { append_all(side, all.first(half), round, 0); },
                              [&] { append_all(second, rest, round, half); });
  }
  for (auto& sequence : sequences) side.end(sequence);
  for (auto& sequence : others) other.end(sequence);
  return seconds * 1e9 / kAppends;
}

enum class Room {
  kFree,  ///< new caches for each round
  kFull,  ///< of former rounds' blocks
};

/// Two caches of one side, which are made anew, or full.
template <typename Side>
class AppendRig {
 public:
  double time(Threads threads, Room room) {
    if (room == Room::kFree || !cache_) remake(room);
    return append_time(*cache_, *other_, threads, ++round_);
  }

 private:
  void remake(Room room) {
    cache_.emplace(kAppendCache);
    other_.emplace(kAppendCache);
    if (room == Room::kFree) return;
    for (int i = 0; i < 2; ++i) {
      append_time(*cache_, *other_, Threads::kOne, ++round_);
      append_time(*other_, *cache_, Threads::kOne, ++round_);
    }
  }
  std::optional<Side> cache_;
  std::optional<Side> other_;
  std::uint64_t round_ = 0;
};

template <typename Ours>
void append(benchmark::State& state, const char* side, Room room) {
  const std::string name = std::string("append/") + side + (room == Room::kFull ? "/full" : "");
  PairedRounds one(name + "/1", "ns", Better::kLess);
  PairedRounds two(name + "/2", "ns", Better::kLess);
  PairedRounds scale(name + "/scale", "x", Better::kMore);
  PairedRounds apart(name + "/scale_apart", "x", Better::kMore);
  AppendRig<Ours> ours;
  AppendRig<PlainSide> plain;
  std::int64_t round = 0;
  for (auto _ : state) {
    std::map<Threads, double> mine;
    std::map<Threads, double> others;
    for (const Threads threads : {Threads::kOne, Threads::kTwo, Threads::kApart}) {
      in_turn(
          round, [&] { mine[threads] = ours.time(threads, room); },
          [&] { others[threads] = plain.time(threads, room); });
    }
    ++round;
    state.SetIterationTime(mine[Threads::kOne] * kAppends / 1e9);
    const auto times = [&](Threads threads, auto& side_) {
      return side_[Threads::kOne] / side_[threads];
    };
    one.add(mine[Threads::kOne], others[Threads::kOne]);
    two.add(mine[Threads::kTwo], others[Threads::kTwo]);
    scale.add(times(Threads::kTwo, mine), times(Threads::kTwo, others));
    apart.add(times(Threads::kApart, mine), times(Threads::kApart, others));
  }
  scale.count_in(state);
  for (PairedRounds* rounds : {&one, &two, &scale, &apart}) {
    all_rounds().push_back(std::move(*rounds));
  }
}

// ------------------------------------------------------------------------------------------------

constexpr int kRounds = 21;

template <typename Work>
benchmark::internal::Benchmark* add(const std::string& name, Work work) {
  return benchmark::RegisterBenchmark(name.c_str(), work)->Iterations(kRounds)->UseManualTime();
}

template <typename Side>
void add_side(const char* side) {
  const std::string tail = std::string("/") + side;
  add("allocate_free" + tail,
      [side](benchmark::State& state) { allocate_free<Side>(state, side); });
  add("look_up" + tail, [side](benchmark::State& state) { look_up<Side>(state, side); })
      ->Arg(16 << 10)
      ->Arg(256 << 10);
  for (const Room room : {Room::kFree, Room::kFull}) {
    add("append" + tail + (room == Room::kFull ? "/full" : ""),
        [side, room](benchmark::State& state) { append<Side>(state, side, room); });
  }
}

void add_all() {
  add("allocate_free/blocks",
      [](benchmark::State& state) { allocate_free<BlocksAlone>(state, "blocks"); });
  add("look_up/hashed", look_up_hashed)->Arg(16 << 10)->Arg(256 << 10);
  add_side<ClassSide>("cache");
  add_side<ApiSide>("api");
}

void print_table() {
  std::printf("\nmedian +- half the range between quartiles; ratio: by how much ours is better\n");
  std::printf("%-30s %-13s %8s %8s %8s %8s   ratio\n", "", "", "ours", "", "plain", "");
  for (const PairedRounds& rounds : all_rounds()) rounds.print_row();
}

/// Takes --json out of the arguments.
bool wants_json(int& argc, char** argv) {
  char** const end = std::remove_if(
      argv + 1, argv + argc, [](const char* word) { return std::strcmp(word, "--json") == 0; });
  const bool found = end != argv + argc;
  argc = static_cast<int>(end - argv);
  return found;
}

}  // namespace
}  // namespace terrace::bench

int main(int argc, char** argv) {
  const bool json = terrace::bench::wants_json(argc, argv);
  // glibc's locks are cheaper in a process that has never had a second thread, as no server is.
  std::thread([] {}).join();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  terrace::bench::add_all();
  benchmark::ConsoleReporter reporter;
  if (json) {
    reporter.SetOutputStream(&std::cerr);
    reporter.SetErrorStream(&std::cerr);
  }
  benchmark::RunSpecifiedBenchmarks(&reporter);
  if (!json) terrace::bench::print_table();
  if (json) {
    for (const auto& rounds : terrace::bench::all_rounds()) rounds.print_json();
  }
  return 0;
}
