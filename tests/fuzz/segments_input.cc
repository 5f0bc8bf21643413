// SPDX-License-Identifier: Apache-2.0
// The files of a split recording, one behind the other, each with a right CRC: what a glance at one
// tells, and all of them as one recording.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <set>
#include <utility>
#include <vector>

#include "profiler/session/segment_glance.h"
#include "profiler/session/segments.h"
#include "tests/fuzz/inputs.h"
#include "tests/fuzz/session_checks.h"

namespace terrace::fuzz {
namespace {

using namespace session;

/// Each begins with a session's first bytes; what is before the first of them belongs to none.
std::vector<std::string> cut(const std::string& bytes) {
  const std::string magic(kMagic, sizeof kMagic);
  std::vector<std::string> files;
  for (std::size_t at = bytes.find(magic); at != std::string::npos;) {
    const std::size_t next = bytes.find(magic, at + 1);
    files.push_back(sealed(bytes.substr(at, next == std::string::npos ? next : next - at)));
    at = next;
  }
  return files;
}

/// In memory, with a name by which it can be opened.
class MemoryFile {
 public:
  explicit MemoryFile(const std::string& bytes) : fd_(memfd_create("fuzz", MFD_CLOEXEC)) {
    EXPECT_EQ(write(fd_, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  ~MemoryFile() { close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

/// The first chunks tell what reading all of it does.
void check_glance(const std::string& bytes, const Recording& recording) {
  const auto glance = glance_at_segment(MemoryFile(bytes).path());
  if (!glance) return;
  for (const Session& process : recording.processes) {
    const bool same = process.header.pid == glance->pid &&
                      process.header.start_monotonic_ns == glance->process_start_ns;
    if (!same || !process.segment) continue;
    EXPECT_EQ(std::memcmp(&*process.segment, &glance->segment, sizeof glance->segment), 0);
  }
}

void check_whole(const WholeRecording& whole, std::size_t most) {
  EXPECT_FALSE(whole.recording.processes.empty());
  for (const std::string& gap : whole.gaps) EXPECT_FALSE(gap.empty());
  std::size_t held = 0;
  for (const Session& process : whole.recording.processes) {
    held += check_process(process, Depth::kWhole);
    std::set<std::uint64_t> numbers;
    for (const Object& object : process.objects) {
      EXPECT_TRUE(numbers.insert(object.record.object).second) << "told twice";
      std::size_t samples = 0;
      for (const EarlierPlacement& placement : object.earlier) {
        EXPECT_EQ(placement.block_tiers.size(), object.record.block_count);
        EXPECT_GE(placement.heat_samples, samples);
        samples = placement.heat_samples;
      }
      EXPECT_LE(samples, object.heat.size());
    }
  }
  EXPECT_LE(held, most) << "more is in the whole than the files may hold";
}

}  // namespace

int segments_input(const std::string& bytes) {
  std::vector<SegmentFile> files;
  std::size_t most = 0;
  for (const std::string& file : cut(bytes)) {
    Result<Recording> recording = parse_recording(file.data(), file.size(), "fuzz");
    if (!recording) continue;
    check_glance(file, *recording);
    files.push_back({"file " + std::to_string(files.size()), std::move(*recording)});
    most += file.size() * kMaxPackRatio;
  }
  if (files.empty()) return 0;
  const int read = static_cast<int>(files.size());
  const Result<WholeRecording> whole = join_segments(std::move(files));
  if (!whole) {
    EXPECT_EQ(whole.error().code, ErrorCode::kUsage);
    EXPECT_NE(whole.error().message[0], '\0');
    return 0;
  }
  check_whole(*whole, most);
  return read;
}

}  // namespace terrace::fuzz
