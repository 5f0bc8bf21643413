// SPDX-License-Identifier: Apache-2.0
// A recording that is split at random reads as the one that was not: the same events go to two
// writers, one of which goes on in another file now and then and tells there what lives.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "profiler/session/segments.h"
#include "profiler/session/session_packer.h"
#include "profiler/session/session_reader.h"
#include "profiler/session/session_writer.h"
#include "tests/temporary_folder.h"

namespace terrace::session {
namespace {

template <typename Record>
bool same(const Record& a, const Record& b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

template <typename Record>
bool all_same(const std::vector<Record>& a, const std::vector<Record>& b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), same<Record>);
}

/// What the program has, as the recorder knows it.
struct Living {
  ObjectKey key;
  std::uint64_t born = 0;
  std::vector<std::uint8_t> tiers;
};

/// One process that is recorded into one file.
class Recorded {
 public:
  Recorded(const std::string& path, std::uint32_t pid) : path_(path) {
    std::memcpy(header_.magic, kMagic, sizeof kMagic);
    header_.schema_version = kSchemaVersion;
    header_.header_bytes = sizeof header_;
    header_.start_monotonic_ns = 1000 + pid;
    header_.pid = pid;
    std::strcpy(tiers_[0].name, "fast");
    std::strcpy(tiers_[1].name, "slow");
  }

  void open() { ASSERT_TRUE(writer_.open(path_.c_str(), start(nullptr))); }
  void open_first_segment() {
    segment_ = {77, header_.start_monotonic_ns, 0, 1, 0, 0, 0};
    files_.push_back(path_ + ".1");
    ASSERT_TRUE(writer_.open(files_.back().c_str(), start(&segment_)));
  }
  void split(std::uint64_t now, const std::map<std::uint64_t, Living>& living) {
    segment_.begin_ns = now;
    ++segment_.number;
    segment_.carried_objects = static_cast<std::uint32_t>(living.size());
    files_.push_back(path_ + "." + std::to_string(segment_.number));
    ASSERT_TRUE(writer_.go_on(files_.back().c_str(), start(&segment_)));
    for (const auto& [id, object] : living) born(id, object);
    if (step_.at_ns != 0) writer_.step(step_);
    if (cost_.at_ns != 0) writer_.cost(cost_);
  }

  void born(std::uint64_t id, const Living& object) {
    ObjectBirth birth;
    birth.object = id;
    birth.key = object.key;
    birth.base_address = id << 30;
    birth.born = Nanoseconds(object.born);
    birth.block_tiers = object.tiers.data();
    birth.block_count = object.tiers.size();
    writer_.object_born(birth);
  }
  void step(const StepRecord& record) { writer_.step(step_ = record); }
  void cost(const CostRecord& record) { writer_.cost(cost_ = record); }
  SessionWriter& writer() { return writer_; }
  const std::vector<std::string>& files() const { return files_; }

 private:
  SessionStart start(const SegmentRecord* segment) const {
    return {header_, tiers_, 2, origin_, segment};
  }

  std::string path_;
  FileHeader header_{};
  TierRecord tiers_[2] = {};
  ProcessOrigin origin_{1, "/bin/engine", "host"};
  SegmentRecord segment_{};
  StepRecord step_{};
  CostRecord cost_{};
  SessionWriter writer_;
  std::vector<std::string> files_;
};

/// The events of a program, the same for the same seed, in how many files ever they are told.
class Program {
 public:
  /// After each second the recording goes on in another file with this chance; 0: never.
  Program(std::uint64_t seed, std::uint32_t split_percent)
      : random_(seed), splits_(seed + 1), split_percent_(split_percent) {}

  void run(Recorded& to) {
    for (int second = 0; second < 60; ++second) {
      now_ += 1'000'000;
      if (draw(3) == 0) bear(to);
      if (draw(6) == 0) end_one(to);
      if (draw(8) == 0) move_one(to);
      flush(to);
      if (splits_() % 100 < split_percent_) to.split(now_, living_);
    }
    to.writer().close();
  }

 private:
  std::uint64_t draw(std::uint64_t below) { return random_() % below; }

  void bear(Recorded& to) {
    const std::uint64_t id = ++last_id_;
    Living& object = living_[id];
    object.tiers.assign(1 + draw(6), 0);
    for (std::uint8_t& tier : object.tiers) tier = static_cast<std::uint8_t>(draw(2));
    object.key = {draw(5), object.tiers.size() * kBlockBytes.value,
                  static_cast<std::uint32_t>(draw(3)), Origin::kHeap};
    object.born = now_;
    to.born(id, object);
  }
  std::uint64_t any() {
    auto at = living_.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(draw(living_.size())));
    return at->first;
  }
  void end_one(Recorded& to) {
    if (living_.empty()) return;
    const std::uint64_t id = any();
    to.writer().object_ended(id, Nanoseconds(now_));
    living_.erase(id);
  }
  void move_one(Recorded& to) {
    if (living_.empty()) return;
    const std::uint64_t id = any();
    std::vector<std::uint8_t>& tiers = living_[id].tiers;
    for (std::uint8_t& tier : tiers) tier = static_cast<std::uint8_t>(draw(2));
    to.writer().placement(id, tiers.data(), tiers.size());
  }
  void flush(Recorded& to) {
    for (const auto& [id, object] : living_) {
      std::vector<std::uint32_t> touches(object.tiers.size());
      for (std::uint32_t& count : touches) count = static_cast<std::uint32_t>(draw(50));
      to.writer().heat({id, 1, 0, now_ - 1'000'000, now_, 1000, touches.size()}, touches.data());
    }
    to.cost({now_, now_ / 100, draw(100), 0, 0, now_});
    if (draw(4) == 0) to.step({now_, 1 + draw(1000), 3, 0});
    if (draw(5) == 0) to.writer().source({now_, 1, 0, 0, 90, 0, 0, 0, now_, 0, 0, 0}, "works");
  }

  std::mt19937_64 random_;
  std::mt19937_64 splits_;
  std::uint32_t split_percent_;
  std::uint64_t now_ = 1'000'000'000;
  std::uint64_t last_id_ = 0;
  std::map<std::uint64_t, Living> living_;
};

void expect_same(const Object& a, const Object& b) {
  EXPECT_TRUE(same(a.record, b.record));
  EXPECT_EQ(a.block_tiers, b.block_tiers);
  EXPECT_EQ(a.ended_ns, b.ended_ns);
  ASSERT_EQ(a.earlier.size(), b.earlier.size());
  for (std::size_t i = 0; i < a.earlier.size(); ++i) {
    EXPECT_EQ(a.earlier[i].heat_samples, b.earlier[i].heat_samples);
    EXPECT_EQ(a.earlier[i].block_tiers, b.earlier[i].block_tiers);
  }
  ASSERT_EQ(a.heat.size(), b.heat.size());
  for (std::size_t i = 0; i < a.heat.size(); ++i) {
    EXPECT_TRUE(same(a.heat[i].record, b.heat[i].record));
    EXPECT_EQ(a.heat[i].touches, b.heat[i].touches);
  }
}

void expect_same(const Session& a, const Session& b) {
  EXPECT_TRUE(same(a.header, b.header));
  EXPECT_EQ(a.executable, b.executable);
  EXPECT_TRUE(all_same(a.tiers, b.tiers));
  EXPECT_TRUE(all_same(a.steps, b.steps));
  EXPECT_TRUE(all_same(a.costs, b.costs));
  ASSERT_EQ(a.sources.size(), b.sources.size());
  for (std::size_t i = 0; i < a.sources.size(); ++i) {
    EXPECT_TRUE(same(a.sources[i].record, b.sources[i].record));
  }
  EXPECT_TRUE(a.complete && b.complete);
  EXPECT_EQ(a.last_ns, b.last_ns);
  ASSERT_EQ(a.objects.size(), b.objects.size());
  for (std::size_t i = 0; i < a.objects.size(); ++i) expect_same(a.objects[i], b.objects[i]);
}

TEST(SplitSession, ReadsAsTheUnsplitOne) {
  const testing_support::TemporaryFolder folder;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const std::string path = folder.in("s" + std::to_string(seed));
    std::vector<SegmentFile> files;
    std::vector<Session> unsplit;
    for (const std::uint32_t pid : {5u, 9u}) {
      const std::string own = path + "-" + std::to_string(pid);
      Recorded one(own, pid);
      one.open();
      Program(seed * 10 + pid, 0).run(one);
      if (seed % 2 == 0) {
        ASSERT_TRUE(pack_session(own).ok());
      }
      Result<Session> read = read_session(own);
      ASSERT_TRUE(read) << read.error().message;
      unsplit.push_back(std::move(*read));

      Recorded split(own, pid);
      split.open_first_segment();
      Program(seed * 10 + pid, 5 + 10 * static_cast<std::uint32_t>(seed % 8)).run(split);
      for (const std::string& file : split.files()) {
        if (seed % 2 == 0) {
          ASSERT_TRUE(pack_session(file).ok());
        }
        Result<Recording> part = read_recording(file);
        ASSERT_TRUE(part) << part.error().message;
        files.push_back({file, std::move(*part)});
      }
    }
    std::mt19937_64 order(seed);
    std::shuffle(files.begin(), files.end(), order);
    const Result<WholeRecording> whole = join_segments(std::move(files));
    ASSERT_TRUE(whole) << whole.error().message;
    EXPECT_TRUE(whole->gaps.empty());
    ASSERT_EQ(whole->recording.processes.size(), 2u);
    for (std::size_t i = 0; i < 2; ++i) expect_same(whole->recording.processes[i], unsplit[i]);
  }
}

}  // namespace
}  // namespace terrace::session
