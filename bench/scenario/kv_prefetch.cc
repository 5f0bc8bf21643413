// SPDX-License-Identifier: Apache-2.0
// How much of a slow tier's time a resume hides: a paused sequence whose blocks have all been
// demoted behind an emulated link is resumed through libterrace, and new tokens attend to it layer
// by layer. Three ways, in turn in every round of one run: the blocks are on the fast tier already
// (none), all of them are waited for before the first layer (block), each layer is waited for just
// before it is computed (layered).
//   hidden = (block - layered) / (block - none)
// of which layers - 1 of layers is the most: the first layer has nothing to hide behind; neither
// can more be hidden than there is compute. Measured with several numbers of new tokens, chosen for
// what the link takes on this machine, so that compute is from a quarter of it to half more.
// Where the emulation cannot keep a link of 2 GB/s, a fault taking longer than such a link would,
// its thread uses up the processor that the prefetch and the compute need, which no link does: then
// the link is made so slow that it waits for most of the time, half as fast as it was found to be.
// Emulated; prints a table, or one line of JSON with --json. Exit 3: no emulated link here, or a
// wrong result.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

#include <terrace/kv.h>
#include <terrace/terrace.h>

#include "allocators/base/quantile.h"
#include "bench/scenario/attention.h"

namespace {

constexpr std::uint32_t kLayers = 16;
constexpr std::uint32_t kBlockTokens = 512;
// 2 MiB, the link's own unit: of half of it, it would charge the whole.
constexpr std::uint64_t kLayerBytes = kBlockTokens * bench::kKeyValue * sizeof(float);
constexpr std::uint64_t kBlocks = 4;
constexpr std::uint64_t kTokens = kBlocks * kBlockTokens;
constexpr std::uint64_t kFastBlocks = 2 * kBlocks;
constexpr std::uint64_t kSlowBlocks = kBlocks + 2;
constexpr double kFastestLinkGBps = 2;
constexpr double kKept = 0.8;  // of what was asked: the link is what it claims to be
constexpr int kRounds = 9;
// Longer than a block behind the link stays open, whose end is told to nobody.
constexpr auto kUntilClosed = std::chrono::milliseconds(150);

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "kv_prefetch: %s: %s\n", what, terrace_last_error());
  std::exit(3);
}
void check(terrace_status status, const char* what) {
  if (status != TERRACE_OK) fail(what);
}

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

terrace_context open_machine(double link_gbps) {
  const std::string path = "/tmp/kv-prefetch-" + std::to_string(getpid()) + ".toml";
  std::ofstream(path) << "only = true\n"
                         "[[tier]]\nname = \"fast\"\nkind = \"dram\"\nnodes = [0]\n"
                         "capacity = \"2GiB\"\nbandwidth = \"20GB/s\"\n"
                         "[[tier]]\nname = \"slow\"\nkind = \"cxl\"\nbacking = \"emulated\"\n"
                         "nodes = [0]\ncapacity = \"2GiB\"\nlatency = \"250ns\"\nbandwidth = \""
                      << link_gbps << "GB/s\"\n";
  terrace_options options{};
  options.struct_size = sizeof options;
  options.tiers_file = path.c_str();
  terrace_context machine{};
  const terrace_status opened = terrace_open(&options, &machine);
  unlink(path.c_str());
  check(opened, "open");
  return machine;
}

enum class Way { kNone, kBlock, kLayered };

class Bench {
 public:
  explicit Bench(terrace_context machine) {
    const char* const tiers[] = {"fast", "slow"};
    const std::uint64_t blocks[] = {kFastBlocks, kSlowBlocks};
    terrace_kv_options options{};
    options.struct_size = sizeof options;
    options.block_tokens = kBlockTokens;
    options.layers = kLayers;
    options.layer_bytes = kLayerBytes;
    options.tier_count = 2;
    options.tiers = tiers;
    options.tier_blocks = blocks;
    check(terrace_kv_open(machine, &options, &cache_), "kv_open");
    begin();
  }
  ~Bench() {
    check(terrace_sequence_end(sequence_), "end");
    check(terrace_kv_close(cache_), "kv_close");
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  /// Seconds from the resume to the last layer. The sequence is paused again after it.
  double resumed(Way way, std::size_t queries) {
    if (way != Way::kNone) demote_all();
    bench::Attention attention(queries, kTokens);
    terrace_sequence_info at{};
    at.struct_size = sizeof at;
    const double began = seconds_now();
    check(terrace_sequence_resume(sequence_, &at), "resume");
    if (at.tokens != kTokens) fail("the cache has dropped blocks");
    if (way == Way::kBlock) check(terrace_sequence_wait_layer(sequence_, kLayers - 1), "wait");
    const std::uint32_t* table = nullptr;
    std::uint64_t count = 0;
    check(terrace_sequence_table(sequence_, &table, &count), "table");
    for (std::uint32_t layer = 0; layer < kLayers; ++layer) {
      check(terrace_sequence_wait_layer(sequence_, layer), "wait_layer");
      attention.layer([&](std::size_t token) { return place(table, layer, token); });
    }
    const double took = seconds_now() - began;
    check_result(attention.digest(), queries);
    check(terrace_sequence_pause(sequence_), "pause");
    return took;
  }

 private:
  float* place(const std::uint32_t* table, std::uint32_t layer, std::size_t token) const {
    std::byte* const block = base_ + table[token / kBlockTokens] * (kLayers * kLayerBytes);
    return reinterpret_cast<float*>(block + layer * kLayerBytes) +
           token % kBlockTokens * bench::kKeyValue;
  }

  terrace_kv_info info() const {
    terrace_kv_info info{};
    info.struct_size = sizeof info;
    check(terrace_kv_get(cache_, &info), "kv_get");
    return info;
  }

  terrace_sequence begin_one(const std::vector<terrace_token>& tokens, std::uint64_t most,
                             std::uint32_t flags) {
    terrace_sequence_options options{};
    options.struct_size = sizeof options;
    options.flags = flags;
    options.tokens = tokens.data();
    options.token_count = tokens.size();
    options.max_tokens = most;
    terrace_sequence sequence{};
    check(terrace_sequence_begin(cache_, &options, &sequence, nullptr), "begin");
    return sequence;
  }

  /// The sequence, with keys and values that differ everywhere; paused.
  void begin() {
    base_ = static_cast<std::byte*>(info().base);
    std::vector<terrace_token> tokens(kTokens);
    for (std::size_t i = 0; i < kTokens; ++i) tokens[i] = static_cast<terrace_token>(i);
    sequence_ = begin_one({}, kTokens + kBlockTokens, 0);
    check(terrace_sequence_append(sequence_, tokens.data(), kTokens), "append");
    const std::uint32_t* table = nullptr;
    std::uint64_t count = 0;
    check(terrace_sequence_table(sequence_, &table, &count), "table");
    for (std::uint32_t layer = 0; layer < kLayers; ++layer) {
      for (std::size_t token = 0; token < kTokens; ++token) {
        float* const at = place(table, layer, token);
        for (std::size_t j = 0; j < bench::kKeyValue; ++j) {
          at[j] = std::sin(static_cast<float>(layer + 1) * static_cast<float>(token * 7 + j));
        }
      }
    }
    check(terrace_sequence_written(sequence_, kTokens), "written");
    check(terrace_sequence_pause(sequence_), "pause");
  }

  /// Another sequence takes room on the fast tier, block by block, until all have left it.
  void demote_all() {
    const std::uint64_t wanted = info().demoted_blocks + kBlocks;
    const std::vector<terrace_token> block(kBlockTokens, 1);
    const terrace_sequence other =
        begin_one({}, kFastBlocks * kBlockTokens, TERRACE_SEQUENCE_PRIVATE);
    for (std::uint64_t i = 0; i < kFastBlocks && info().demoted_blocks < wanted; ++i) {
      check(terrace_sequence_append(other, block.data(), block.size()), "append");
      wait_for_room();
    }
    check(terrace_sequence_end(other), "end");
    if (info().demoted_blocks < wanted) fail("blocks have not been demoted");
    std::this_thread::sleep_for(kUntilClosed);
  }

  /// The cache keeps an eighth of a tier free, by demoting, and tells it to those alone who ask.
  void wait_for_room() const {
    for (int i = 0; i < 2000; ++i) {
      const terrace_kv_info now = info();
      const bool room = now.used_blocks[0] + now.cached_blocks[0] + kFastBlocks / 8 <= kFastBlocks;
      if (room || now.cached_blocks[0] == 0) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  void check_result(double digest, std::size_t queries) {
    if (queries_ != queries) digest_ = digest;
    queries_ = queries;
    if (digest_ != digest) fail("another result than before: wrong keys or values");
  }

  terrace_kv cache_{};
  terrace_sequence sequence_{};
  std::byte* base_ = nullptr;
  std::size_t queries_ = 0;
  double digest_ = 0;
};

struct Spread {
  double median = 0;
  double least = 0;
  double most = 0;
};

Spread spread_of(const std::vector<double>& values) {
  return {terrace::quantile(values, 0.5), terrace::quantile(values, 0),
          terrace::quantile(values, 1)};
}

struct Row {
  double wanted = 0;  ///< of compute()
  std::size_t queries = 0;
  Spread none, block, layered, hidden;
  /// Compute over the slow tier's time.
  double compute() const { return none.median / (block.median - none.median); }
};

Row measure(Bench& bench, double wanted, std::size_t queries) {
  std::vector<double> none, block, layered, hidden;
  for (int round = 0; round <= kRounds; ++round) {
    const double a = bench.resumed(Way::kNone, queries);
    const double b = bench.resumed(Way::kBlock, queries);
    const double c = bench.resumed(Way::kLayered, queries);
    if (round == 0) continue;  // first touches
    none.push_back(a);
    block.push_back(b);
    layered.push_back(c);
    hidden.push_back((b - c) / (b - a));
  }
  return {wanted,           queries, spread_of(none), spread_of(block), spread_of(layered),
          spread_of(hidden)};
}

/// Median seconds of three resumes: compute, and what the slow tier adds when it is waited for.
struct Parts {
  double compute = 0;
  double slow = 0;
};
constexpr std::size_t kTriedTokens = 8;

Parts try_out(Bench& bench) {
  std::vector<double> none, block;
  for (int round = 0; round < 3; ++round) {
    none.push_back(bench.resumed(Way::kNone, kTriedTokens));
    block.push_back(bench.resumed(Way::kBlock, kTriedTokens));
  }
  const double compute = terrace::quantile(none, 0.5);
  return {compute, terrace::quantile(block, 0.5) - compute};
}

/// The fastest link up to 2 GB/s that this machine's emulation keeps.
double link_that_is_kept() {
  const terrace_context machine = open_machine(kFastestLinkGBps);
  double reached_gbps = 0;
  {
    Bench bench(machine);
    const double gigabytes = static_cast<double>(kBlocks * kLayers * kLayerBytes) / 1e9;
    const double slow = try_out(bench).slow;
    if (slow <= 0)
      fail("waiting for the slow tier took no longer than not to: too busy to measure");
    reached_gbps = gigabytes / slow;
  }
  check(terrace_close(machine), "close");
  return reached_gbps >= kKept * kFastestLinkGBps ? kFastestLinkGBps : reached_gbps / 2;
}

/// New tokens whose compute takes about `share` of the slow tier's time.
std::size_t queries_for(Bench& bench, double share) {
  const Parts parts = try_out(bench);
  return static_cast<std::size_t>(
      std::max(1.0, std::round(kTriedTokens * share * parts.slow / parts.compute)));
}

void print_table(const Row& row) {
  std::printf(
      "%3zu new tokens  compute/slow %.2f  none %.0f ms  block %.0f ms  layered %.0f ms  hidden "
      "%.3f (%.3f to %.3f)\n",
      row.queries, row.compute(), 1e3 * row.none.median, 1e3 * row.block.median,
      1e3 * row.layered.median, row.hidden.median, row.hidden.least, row.hidden.most);
  std::fflush(stdout);  // the next row is a minute away
}

void print_json(double link_gbps, const std::vector<Row>& rows) {
  std::printf(
      "{\"emulated\":true,\"link_gbps\":%.3g,\"layers\":%u,\"blocks\":%llu,\"rounds\":%d,"
      "\"rows\":[",
      link_gbps, kLayers, static_cast<unsigned long long>(kBlocks), kRounds);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Row& row = rows[i];
    std::printf(
        "%s{\"compute_wanted\":%.2f,\"new_tokens\":%zu,\"compute_over_slow\":%.3f,\"none_ms\":%.2f,"
        "\"block_ms\":%.2f,\"layered_ms\":%.2f,\"hidden\":%.3f,\"hidden_least\":%.3f,"
        "\"hidden_most\":%.3f}",
        i == 0 ? "" : ",", row.wanted, row.queries, row.compute(), 1e3 * row.none.median,
        1e3 * row.block.median, 1e3 * row.layered.median, row.hidden.median, row.hidden.least,
        row.hidden.most);
  }
  std::printf("]}\n");
}

}  // namespace

int main(int argc, char** argv) {
  const bool json = argc > 1 && std::strcmp(argv[1], "--json") == 0;
  if (argc > 2 || (argc == 2 && !json)) {
    std::fprintf(stderr, "usage: kv_prefetch [--json]\n");
    return 2;
  }
  const double link_gbps = link_that_is_kept();
  if (!json) std::printf("link of %.3g GB/s, emulated\n", link_gbps);
  Bench bench(open_machine(link_gbps));
  std::vector<Row> rows;
  for (const double share : {0.25, 0.5, 1.0, 1.5}) {
    rows.push_back(measure(bench, share, queries_for(bench, share)));
    if (!json) print_table(rows.back());
  }
  if (json) print_json(link_gbps, rows);
  return 0;
}
