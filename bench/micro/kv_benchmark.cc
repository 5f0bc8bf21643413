// SPDX-License-Identifier: Apache-2.0
// What the KV-cache's book-keeping costs beside a plain mutex and map (plain_kv_cache.h), through
// the C++ class (cache) and through the C API (api). Both sides take turns round by round.
//   allocate_free  one block taken and given back, by one thread, nobody else there. Ours: append
//                  of a sequence's first token and truncate to 0: two calls with all their checks,
//                  promises and locks. `blocks`: what these two do to the block itself, each under
//                  the cache's lock. Plain: allocate() and free(), which know no sequence.
//   look_up        blocks of a prompt that is cached as a whole, by one thread: tokens are hashed,
//                  and the tokens of each block are compared. `hashed`: the hashes are there
//                  already; comparing is still in it. Plain hashes and compares. 16384x512: so many
//                  blocks are cached, of 512 tokens each.
//   hash           what of a look-up is hashing the prompt's tokens. Plain reads them once and adds
//                  them up, which is as fast as one thread reads memory.
//   append         nanoseconds for one token: append of one and written, in turn for 64 sequences
//                  of 2048 tokens, by 1 thread and by 2 that have 32 sequences each. Each 16th call
//                  of both opens a block and puts a full one into the index. `scale` is the
//                  throughput of 2 threads over that of 1. Sequences are at all places of their
//                  blocks, as those of a server; `together`: all blocks end in the same step.
//                  `full`: each new block drops a cached one. `apart`, the bound of this machine:
//                  2 threads, each with a cache of its own.
// With --json: a line of JSON for each figure on stdout, the table of Google Benchmark on stderr.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <iostream>
#include <map>
#include <numeric>
#include <thread>

#include "allocators/kv/blocks.h"
#include "allocators/kv/cache_lock.h"
#include "bench/micro/kv_append.h"
#include "bench/micro/kv_sides.h"
#include "bench/micro/paired_rounds.h"

namespace terrace::bench {
namespace {

using kv::Token;

std::vector<PairedRounds>& all_rounds() {
  static std::vector<PairedRounds> rounds;
  return rounds;
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
        options(options_for(memory, count, kBlockTokens)),
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
std::vector<Prompt> make_prompts(std::uint32_t blocks, std::uint32_t block_tokens) {
  std::vector<Prompt> prompts(blocks / kPromptBlocks);
  std::uint32_t next = 1;
  for (Prompt& prompt : prompts) {
    prompt.resize(std::size_t{kPromptBlocks} * block_tokens + 1);
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
  // A few milliseconds at least.
  const std::size_t blocks = prompts.size() * kPromptBlocks;
  const std::size_t passes = std::max<std::size_t>(1, (256 << 10) / blocks);
  std::uint64_t matched = 0;
  const double seconds = seconds_of([&] {
    for (std::size_t pass = 0; pass < passes; ++pass) {
      for (std::size_t i = 0; i < prompts.size(); ++i) matched += match(i);
    }
  });
  must(matched == passes * blocks, "look-up", "a cached block was not found");
  return static_cast<double>(matched) / seconds / 1e6;
}

PairedRounds look_up_rounds(const benchmark::State& state, const char* side) {
  const std::string size = std::to_string(state.range(0)) + "x" + std::to_string(state.range(1));
  return {"look_up/" + std::string(side) + "/" + size, "M blocks/s", Better::kMore};
}

template <typename Ours>
void look_up(benchmark::State& state, const char* name) {
  const auto blocks = static_cast<std::uint32_t>(state.range(0));
  const auto tokens = static_cast<std::uint32_t>(state.range(1));
  const std::vector<Prompt> prompts = make_prompts(blocks, tokens);
  Ours ours(blocks + kPromptBlocks, tokens);
  PlainSide plain(blocks + kPromptBlocks, tokens);
  cache_all(ours, prompts);
  cache_all(plain, prompts);
  const auto rate = [&](auto& side) {
    return rate_of(prompts, [&](std::size_t i) { return side.match(prompts[i]) / tokens; });
  };
  compare(
      state, look_up_rounds(state, name), [&] { return rate(ours); }, [&] { return rate(plain); });
}

/// The part of the cache that knows what is where, with chains of sealed blocks.
class Hashed {
 public:
  Hashed(std::uint32_t blocks, std::uint32_t tokens, const std::vector<Prompt>& prompts)
      : memory_(blocks * kBlockBytes),
        options_(options_for(memory_, blocks, tokens)),
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
      const std::size_t size = options_.shape.block_tokens;
      const auto tokens = std::span(prompt).subspan(i * size, size);
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
  const auto tokens = static_cast<std::uint32_t>(state.range(1));
  const std::vector<Prompt> prompts = make_prompts(blocks, tokens);
  const Hashed ours(blocks + kPromptBlocks, tokens, prompts);
  PlainSide plain(blocks + kPromptBlocks, tokens);
  cache_all(plain, prompts);
  compare(
      state, look_up_rounds(state, "hashed"),
      [&] { return rate_of(prompts, [&](auto i) { return ours.match(i, prompts[i]); }); },
      [&] { return rate_of(prompts, [&](auto i) { return plain.match(prompts[i]) / tokens; }); });
}

std::uint64_t sum_of(std::span<const Token> tokens) {
  std::array<std::uint64_t, 8> sums{};
  for (std::size_t i = 0; i + 2 * sums.size() <= tokens.size(); i += 2 * sums.size()) {
    std::array<std::uint64_t, 8> words;
    std::memcpy(words.data(), &tokens[i], sizeof words);
    for (std::size_t k = 0; k < sums.size(); ++k) sums[k] += words[k];
  }
  return std::accumulate(sums.begin(), sums.end(), std::uint64_t{0});
}

void hash_alone(benchmark::State& state) {
  const auto tokens = static_cast<std::uint32_t>(state.range(1));
  const std::vector<Prompt> prompts =
      make_prompts(static_cast<std::uint32_t>(state.range(0)), tokens);
  const kv::ChainHasher hasher(0);
  const auto hashed = [&](std::size_t i) -> std::uint64_t {
    const auto hashes = hasher.blocks({}, prompts[i], tokens);
    benchmark::DoNotOptimize(hashes.data());
    return hashes.size();
  };
  const auto read = [&](std::size_t i) -> std::uint64_t {
    benchmark::DoNotOptimize(sum_of(prompts[i]));
    return kPromptBlocks;
  };
  compare(
      state,
      {"hash/" + std::to_string(state.range(0)) + "x" + std::to_string(tokens), "M blocks/s",
       Better::kMore},
      [&] { return rate_of(prompts, hashed); }, [&] { return rate_of(prompts, read); });
}

// Append -----------------------------------------------------------------------------------------

template <typename Ours>
void append(benchmark::State& state, const char* side, const AppendCase& how) {
  const std::string name = std::string("append/") + side + how.name;
  PairedRounds one(name + "/1", "ns", Better::kLess);
  PairedRounds two(name + "/2", "ns", Better::kLess);
  PairedRounds scale(name + "/scale", "x", Better::kMore);
  PairedRounds apart(name + "/scale_apart", "x", Better::kMore);
  AppendRig<Ours> ours(how);
  AppendRig<PlainSide> plain(how);
  std::int64_t round = 0;
  for (auto _ : state) {
    std::map<Threads, double> mine;
    std::map<Threads, double> others;
    for (const Threads threads : {Threads::kOne, Threads::kTwo, Threads::kApart}) {
      in_turn(
          round, [&] { mine[threads] = ours.time(threads); },
          [&] { others[threads] = plain.time(threads); });
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
      ->Args({16 << 10, 16})
      ->Args({256 << 10, 16})
      ->Args({16 << 10, 512});
  for (const AppendCase& how : kAppendCases) {
    add("append" + tail + how.name,
        [side, &how](benchmark::State& state) { append<Side>(state, side, how); });
  }
}

void add_all() {
  add("allocate_free/blocks",
      [](benchmark::State& state) { allocate_free<BlocksAlone>(state, "blocks"); });
  add("look_up/hashed", look_up_hashed)
      ->Args({16 << 10, 16})
      ->Args({256 << 10, 16})
      ->Args({16 << 10, 512});
  add("hash", hash_alone)->Args({16 << 10, 512});
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
