// SPDX-License-Identifier: Apache-2.0
// make_session FILE SECONDS [SEEN]: a made-up session of a decoding engine for the tests of the
// report's page: weights striped over a fast tier and an emulated link, experts of unlike heat, a
// KV cache that grows, one object that moves over and one that moves back and forth. Nothing in it
// was measured. Written with the tests' own builder, byte for byte by format.h. With SEEN
// "no-window" the recorder came to look while the program loaded and never again, with "no-touch"
// it looked and saw the program touch nothing.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "tests/unit/session/session_builder.h"

namespace {

using terrace::BackingKind;
using terrace::session::ChunkKind;
using terrace::session::SessionBuilder;
using terrace::session::SourceKind;

constexpr int kExperts = 24;
constexpr double kStepSeconds = 0.125;

enum class Seen : std::uint8_t { kHeat, kNoTouch, kNoWindow };

struct Thing {
  std::uint64_t id = 0;
  std::vector<std::uint8_t> tiers;
  double passes_per_step = 1;
  double born_s = 0;
};

void add_tier(SessionBuilder& builder, const char* name, terrace::TierKind kind,
              BackingKind backing, std::uint64_t mib, double gbps, std::uint64_t latency_ns) {
  terrace::session::TierRecord record{};
  std::strncpy(record.name, name, sizeof record.name - 1);
  record.kind = static_cast<std::uint8_t>(kind);
  record.backing = static_cast<std::uint8_t>(backing);
  record.capacity_bytes = mib << 20;
  record.bandwidth_gbps = gbps;
  record.latency_ns = latency_ns;
  builder.chunk(ChunkKind::kTier, record);
}

std::vector<Thing> things(double seconds) {
  std::vector<Thing> all;
  Thing weights{1, std::vector<std::uint8_t>(256), 1, 0};
  for (std::size_t b = 0; b < weights.tiers.size(); ++b) weights.tiers[b] = b % 4 == 3 ? 1 : 0;
  all.push_back(weights);
  for (int e = 0; e < kExperts; ++e) {
    all.push_back({static_cast<std::uint64_t>(2 + e), std::vector<std::uint8_t>(8, e < 12 ? 0 : 1),
                   1.0 / (1 + e), 0});
  }
  for (int part = 0; part < 6; ++part) {
    all.push_back({static_cast<std::uint64_t>(100 + part), std::vector<std::uint8_t>(6, 0), 1,
                   seconds * part / 8});
  }
  return all;
}

std::string path_of(const Thing& thing) {
  if (thing.id == 1) return "/models/weights.gguf";
  return thing.id < 100 ? "/models/expert-" + std::to_string(thing.id - 2) + ".gguf" : "";
}

/// What was seen within a second, with a little noise that is the same on every run.
void add_heat(SessionBuilder& builder, const Thing& thing, int second) {
  constexpr double kObserved = 0.1;
  std::vector<std::uint32_t> seen(thing.tiers.size());
  std::vector<std::uint32_t> faults(thing.tiers.size());
  for (std::size_t b = 0; b < thing.tiers.size(); ++b) {
    const auto hash =
        (thing.id * 2654435761U + static_cast<std::uint64_t>(second) * 40503U + b * 97U) % 100;
    const double passes = thing.passes_per_step / kStepSeconds;
    const auto noise = static_cast<double>(hash) / 100;
    seen[b] = thing.tiers[b] == 0 ? static_cast<std::uint32_t>(passes * kObserved + noise) : 0;
    faults[b] = thing.tiers[b] == 1 ? static_cast<std::uint32_t>(passes + noise) : 0;
  }
  builder.heat(thing.id, SourceKind::kPresentBits, second, second + 1, kObserved, seen);
  // Only the KV cache is written; its pages are told apart in a quarter of the windows.
  std::vector<std::uint32_t> written(thing.tiers.size(), thing.id < 100 ? 0 : 24);
  builder.heat(thing.id, SourceKind::kWriteTracking, second, second + 1, kObserved / 4, written);
  builder.heat(thing.id, SourceKind::kLinkFaults, second, second + 1, 1, faults);
}

void move(SessionBuilder& builder, Thing& thing, std::uint8_t tier) {
  std::fill(thing.tiers.begin(), thing.tiers.end(), tier);
  builder.chunk(ChunkKind::kPlacement,
                terrace::session::PlacementRecord{thing.id, thing.tiers.size()},
                std::string(thing.tiers.size(), static_cast<char>(tier)));
}

void add_cost(SessionBuilder& builder, int second) {
  const auto n = static_cast<std::uint64_t>(second);
  builder.chunk(ChunkKind::kCost,
                terrace::session::CostRecord{SessionBuilder::at(second + 1), n * 4'000'000, n * 8,
                                             n * 90'000'000, n * 200'000'000, n * 1'900'000'000});
}

/// What a recorder writes that looked in vain.
void add_no_touch(SessionBuilder& builder, const Thing& thing, int second) {
  builder.heat(thing.id, SourceKind::kPresentBits, second, second + 1, 0.1,
               std::vector<std::uint32_t>(thing.tiers.size()));
}

void add_second(SessionBuilder& builder, std::vector<Thing>& all, int second, int seconds) {
  // A short session shows what the page says when nothing moved.
  const bool moves = seconds >= 10;
  if (moves && second == seconds / 2) move(builder, all[3], 1);
  if (moves && second % 10 == 7) move(builder, all[5], all[5].tiers[0] == 0 ? 1 : 0);
  for (const Thing& thing : all) {
    if (second >= thing.born_s) add_heat(builder, thing, second);
  }
  if (second % 3 == 0 && second > 3) builder.step(second, kStepSeconds, 20);
  add_cost(builder, second);
}

bool read_seen(const char* word, Seen& seen) {
  if (std::strcmp(word, "no-touch") == 0) seen = Seen::kNoTouch;
  if (std::strcmp(word, "no-window") == 0) seen = Seen::kNoWindow;
  return seen != Seen::kHeat;
}

}  // namespace

int main(int argc, char** argv) {
  const int seconds = argc == 3 || argc == 4 ? std::atoi(argv[2]) : 0;
  Seen seen = Seen::kHeat;
  if (seconds < 1 || (argc == 4 && !read_seen(argv[3], seen))) {
    std::fputs("usage: make_session FILE SECONDS [no-touch|no-window]\n", stderr);
    return 2;
  }
  SessionBuilder builder;
  add_tier(builder, "dram", terrace::TierKind::kDram, BackingKind::kNuma, 768, 12, 95);
  add_tier(builder, "cxl", terrace::TierKind::kCxl, BackingKind::kEmulatedLink, 2048, 4, 400);
  builder.module(0, "/usr/bin/engine");
  std::vector<Thing> all = things(seconds);
  for (const Thing& thing : all) {
    builder.object(thing.id, thing.tiers, thing.born_s, {{0, 0, 0x401000 + thing.id * 16}},
                   path_of(thing));
  }
  builder.source(SourceKind::kPresentBits, 0, "memory samples: no event; present-bits work here",
                 6'000'000);
  builder.source(SourceKind::kWriteTracking, 4096,
                 "writes told apart in one window of eight; cost told with present-bits");
  for (int second = 0; second < seconds; ++second) {
    if (seen == Seen::kHeat) {
      add_second(builder, all, second, seconds);
      continue;
    }
    for (const Thing& thing : all) {
      const bool lives = second >= thing.born_s;
      if (seen == Seen::kNoTouch && lives) add_no_touch(builder, thing, second);
      if (seen == Seen::kNoWindow && lives && second < seconds / 5)
        add_heat(builder, thing, second);
    }
    add_cost(builder, second);
  }
  builder.end();
  std::ofstream file(argv[1], std::ios::binary);
  file.write(builder.bytes().data(), static_cast<std::streamsize>(builder.bytes().size()));
  file.close();
  return file.good() ? 0 : 1;
}
