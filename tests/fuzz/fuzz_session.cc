// SPDX-License-Identifier: Apache-2.0
// Damaged session files through the whole offline path: reader, heat map, report. Damage comes in
// two kinds: raw (the CRC catches most of it) and sealed again with a right CRC, so that the
// decoder's own checks are what is tested. The number of rounds is fixed; TERRACE_SEED repeats a
// run.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <unordered_set>
#include <vector>

#include "profiler/session/session_reader.h"
#include "tests/fuzz/good_session.h"
#include "tests/fuzz/session_checks.h"
#include "tests/logged_seed.h"
#include "tests/unit/session/packed_builder.h"
#include "tests/unit/session/session_builder.h"

namespace terrace::session::fuzz_session {
namespace {

// Damage behind a CRC leaves the chunks before it: thousands of mutants are read as the same few
// sessions, and what follows the reader, most of it JSON, takes a hundred times as long as reading.
// So what follows is gone once for each run of bytes that was taken, and JSON and exports for one
// of eight of these: nothing covers the header, so thousands of runs differ in its fields alone,
// and under a sanitizer each is some milliseconds of JSON. fuzz_corpus and libFuzzer go all of it.
int check(const std::string& bytes) {
  static std::unordered_set<std::string> seen;
  const Result<Recording> recording = parse_recording(bytes.data(), bytes.size(), "fuzz");
  if (recording && !recording->processes.empty()) {
    const std::uint64_t ignored = recording->processes.front().bytes_ignored;
    if (ignored <= bytes.size() && !seen.insert(bytes.substr(0, bytes.size() - ignored)).second) {
      return 1;
    }
  }
  static std::uint64_t runs = 0;
  const fuzz::Depth depth = runs++ % 8 == 0 ? fuzz::Depth::kWhole : fuzz::Depth::kReading;
  return fuzz::check_reading(recording, bytes, depth);
}

void damage(std::string& bytes, std::size_t from, std::mt19937& random) {
  if (bytes.size() <= from) return;
  const std::size_t at = from + random() % (bytes.size() - from);
  constexpr unsigned char kEdges[] = {0x00, 0x01, 0x7F, 0x80, 0xFF};
  switch (random() % 4) {
    case 0:
      bytes[at] = static_cast<char>(random());
      break;
    case 1:
      bytes[at] = static_cast<char>(bytes[at] ^ (1u << (random() % 8)));
      break;
    case 2:
      for (std::size_t i = at; i < std::min(at + 8, bytes.size()); ++i) {
        bytes[i] = static_cast<char>(kEdges[random() % std::size(kEdges)]);
      }
      break;
    default:
      bytes.erase(at, 1 + random() % 16);
  }
}

TEST(FuzzSession, RawDamageIsNoticedOrHarmless) {
  std::mt19937 random(testing_support::logged_seed());
  const std::string whole = fuzz::good_session().bytes();
  ASSERT_TRUE(check(whole));
  int read = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = whole;
    for (auto hits = 1 + random() % 3; hits > 0; --hits) damage(bytes, 0, random);
    read += check(bytes);
  }
  EXPECT_GT(read, 0);
  EXPECT_LT(read, 20000);
}

// One chunk's payload, length or kind changed, its CRC made right again.
std::string resealed(const std::string& whole, std::mt19937& random) {
  std::vector<std::size_t> chunks;
  for (std::size_t at = sizeof(FileHeader); at < whole.size();) {
    chunks.push_back(at);
    ChunkHeader chunk;
    std::memcpy(&chunk, whole.data() + at, sizeof chunk);
    at += sizeof chunk + chunk.payload_bytes;
  }
  const std::size_t at = chunks[random() % chunks.size()];
  ChunkHeader chunk;
  std::memcpy(&chunk, whole.data() + at, sizeof chunk);
  std::string payload = whole.substr(at + sizeof chunk, chunk.payload_bytes);
  for (auto hits = 1 + random() % 3; hits > 0; --hits) damage(payload, 0, random);
  if (random() % 8 == 0) chunk.kind = static_cast<std::uint32_t>(random() % 16);
  SessionBuilder sealed;
  const std::size_t header_bytes = sealed.bytes().size();
  sealed.raw_chunk(chunk.kind, payload);
  return whole.substr(0, at) + sealed.bytes().substr(header_bytes) +
         whole.substr(at + sizeof chunk + chunk.payload_bytes);
}

TEST(FuzzSession, DamageUnderARightCrcIsNoticedOrHarmless) {
  std::mt19937 random(testing_support::logged_seed());
  const std::string whole = fuzz::good_session().bytes();
  int read = 0;
  for (int round = 0; round < 8000; ++round) {
    std::string bytes = resealed(whole, random);
    if (random() % 4 == 0) bytes.resize(random() % bytes.size());
    read += check(bytes);
  }
  EXPECT_GT(read, 400) << "most of these reach the decoder and the heat map";
}

TEST(FuzzSession, RawDamageOfAPackedSessionIsNoticedOrHarmless) {
  std::mt19937 random(testing_support::logged_seed());
  const std::string whole = packed_session(fuzz::good_session().bytes(), 700);
  ASSERT_TRUE(check(whole));
  int read = 0;
  for (int round = 0; round < 5000; ++round) {
    std::string bytes = whole;
    for (auto hits = 1 + random() % 3; hits > 0; --hits) damage(bytes, 0, random);
    read += check(bytes);
  }
  EXPECT_GT(read, 0);
  EXPECT_LT(read, 5000);
}

TEST(FuzzSession, PackedDamageUnderARightCrcIsNoticedOrHarmless) {
  std::mt19937 random(testing_support::logged_seed());
  const std::string whole = packed_session(fuzz::good_session().bytes(), 700);
  for (int round = 0; round < 5000; ++round) check(resealed(whole, random));
}

// Damage within what was compressed: frame, lengths and CRC of the outer chunk are right.
TEST(FuzzSession, DamageInsideAPackedChunkIsNoticedOrHarmless) {
  std::mt19937 random(testing_support::logged_seed());
  const std::string whole = fuzz::good_session().bytes();
  int read = 0;
  for (int round = 0; round < 5000; ++round) {
    std::string bytes = resealed(whole, random);
    if (random() % 4 == 0) damage(bytes, sizeof(FileHeader), random);
    read += check(packed_session(bytes, 700));
  }
  EXPECT_GT(read, 500) << "most of these reach the decoder and the heat map";
}

TEST(FuzzSession, EveryTruncationOfAPackedSessionIsReadUpToItsLastWholeChunk) {
  const std::string whole = packed_session(fuzz::good_session().bytes(), 700);
  for (std::size_t length = 0; length <= whole.size(); ++length) check(whole.substr(0, length));
}

TEST(FuzzSession, EveryTruncationIsReadUpToItsLastWholeChunk) {
  const std::string whole = fuzz::good_session().bytes();
  for (std::size_t length = 0; length <= whole.size(); ++length) check(whole.substr(0, length));
}

}  // namespace
}  // namespace terrace::session::fuzz_session
