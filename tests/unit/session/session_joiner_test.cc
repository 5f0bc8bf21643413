// SPDX-License-Identifier: Apache-2.0
#include "profiler/session/session_joiner.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "profiler/heat/process_heat.h"
#include "profiler/os/append_file.h"
#include "profiler/os/replacement_file.h"
#include "profiler/session/names_chunk.h"
#include "profiler/session/session_reader.h"
#include "tests/temporary_folder.h"
#include "tests/unit/session/session_builder.h"

namespace terrace::session::session_joiner_test {
namespace {

namespace fs = std::filesystem;

/// A process with one object, number 1 as in every process, of `blocks` blocks.
SessionBuilder process_of(std::uint32_t pid, std::size_t blocks, std::uint32_t touches) {
  SessionBuilder builder;
  builder.process(pid, 1, pid).tier(("tier" + std::to_string(pid)).c_str());
  builder.module(0, "/lib" + std::to_string(pid));
  builder.object(1, std::vector<std::uint8_t>(blocks, 0), pid, {{0, 0, 0x1234}});
  builder.heat(1, SourceKind::kPresentBits, pid, pid + 1, 1,
               std::vector<std::uint32_t>(blocks, touches));
  return builder.step(pid + 1, 0.01 * pid, 3);
}

class SessionJoiner : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& bytes) const {
    return folder_.write(name, bytes);
  }
  std::string out() const { return folder_.in("out"); }

  const testing_support::TemporaryFolder folder_;
};

TEST_F(SessionJoiner, KeepsProcessesApart) {
  const std::string a = write("a", process_of(5, 3, 2).end().bytes());
  const std::string b = write("b", process_of(7, 9, 4).end().bytes());
  const Result<JoinResult> joined = join_sessions({a, b}, out());
  ASSERT_TRUE(joined) << joined.error().message;
  EXPECT_TRUE(joined->torn.empty());
  EXPECT_EQ(joined->before.value, fs::file_size(a) + fs::file_size(b));
  EXPECT_EQ(joined->after.value, fs::file_size(out()));
  EXPECT_EQ(fs::status(out()).permissions(), fs::perms(0600));

  const Result<Recording> read = read_recording(out());
  ASSERT_TRUE(read) << read.error().message;
  // The header is the first file's, whose pid the builder gives as 42 in each.
  ASSERT_EQ(read->processes.size(), 3u);
  EXPECT_TRUE(read->processes[0].objects.empty());
  for (const std::size_t i : {1u, 2u}) {
    const Session& process = read->processes[i];
    const std::uint32_t pid = i == 1 ? 5 : 7;
    EXPECT_EQ(process.header.pid, pid);
    EXPECT_EQ(process.parent_pid, 1u);
    EXPECT_EQ(process.host, "host");
    EXPECT_EQ(process.executable, "/usr/bin/worker");
    EXPECT_TRUE(process.complete);
    ASSERT_EQ(process.objects.size(), 1u);
    EXPECT_EQ(process.objects[0].record.block_count, i == 1 ? 3u : 9u);
    EXPECT_EQ(process.objects[0].frames[0].module, "/lib" + std::to_string(pid));
    ASSERT_EQ(process.tiers.size(), 1u);
    EXPECT_EQ(process.tiers[0].name, "tier" + std::to_string(pid));
    ASSERT_EQ(process.steps.size(), 1u);
    EXPECT_EQ(process.steps[0].period_ns, pid * 10'000'000u);
  }
  EXPECT_EQ(heat::hottest(*read), 2u);
  EXPECT_DOUBLE_EQ(heat::bytes_read(read->processes[2]), 4.0 * 9 * kBlockBytes.value);
}

TEST_F(SessionJoiner, TakesATornFileUpToItsLastWholeChunk) {
  const std::string whole = process_of(5, 3, 2).bytes();
  const std::string a = write("a", whole + std::string(9, 'x'));
  const std::string b = write("b", process_of(7, 9, 4).end().bytes());
  const Result<JoinResult> joined = join_sessions({a, b}, out());
  ASSERT_TRUE(joined) << joined.error().message;
  EXPECT_EQ(joined->torn, std::vector<std::string>{a});
  const Result<Recording> read = read_recording(out());
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->processes[1].complete);
  EXPECT_EQ(read->processes[1].objects[0].heat.size(), 1u);
  EXPECT_TRUE(read->processes[2].complete);
  EXPECT_EQ(read->processes[2].bytes_ignored, 0u);
}

TEST_F(SessionJoiner, LeavesOutWhatDoesNotSayWhoseItIs) {
  SessionBuilder old;
  old.tier("fast").object(1, {0});
  const std::string a = write("a", old.bytes());
  const std::string b = write("b", process_of(7, 9, 4).end().bytes());
  const std::string empty = write("empty", "");
  const Result<JoinResult> joined = join_sessions({a, b, empty}, out());
  ASSERT_TRUE(joined) << joined.error().message;
  ASSERT_EQ(joined->left.size(), 2u);
  EXPECT_NE(joined->left[0].find("does not begin with its process"), std::string::npos);
  EXPECT_EQ(join_sessions({a, empty}, folder_.in("none")).error().code, ErrorCode::kUsage);
  EXPECT_FALSE(fs::exists(folder_.in("none")));
}

TEST_F(SessionJoiner, WritesNothingWhereItCannotWriteAll) {
  const std::string a = write("a", process_of(5, 3, 2).end().bytes());
  EXPECT_EQ(join_sessions({a}, folder_.in("none/out")).error().code, ErrorCode::kIo);
  fs::create_directory(folder_.in("folder"));
  EXPECT_EQ(join_sessions({a}, folder_.in("folder")).error().code, ErrorCode::kUsage);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()), 2);
}

TEST_F(SessionJoiner, NamesGoToTheProcessThatTheyAreOf) {
  const std::string a = write("a", process_of(5, 3, 2).end().bytes());
  const std::string b = write("b", process_of(7, 9, 4).end().bytes());
  ASSERT_TRUE(join_sessions({a, b}, out()));
  const Result<Recording> read = read_recording(out());
  ASSERT_TRUE(read);
  ObjectNames names;
  names.object = 1;
  names.ranges = {{"mine", MemoryClass::kKv, 0, Bytes(77), 90, NamedHow::kSiteRule}};
  const std::vector<ObjectNames> one{names};
  ASSERT_TRUE(append_names(out(), std::vector<ProcessNames>{{&read->processes[1], &one}}, 0));
  const Result<Recording> again = read_recording(out());
  ASSERT_TRUE(again);
  ASSERT_EQ(again->processes.size(), 3u);
  EXPECT_EQ(again->processes[1].objects[0].names.size(), 1u);
  EXPECT_EQ(again->processes[2].objects[0].names.size(), 0u);
}

TEST_F(SessionJoiner, AFileIsWrittenToAsLongAsItsWriterLives) {
  const std::string path = folder_.in("s");
  int ready[2];
  int go[2];
  ASSERT_EQ(pipe(ready), 0);
  ASSERT_EQ(pipe(go), 0);
  const pid_t writer = fork();
  if (writer == 0) {
    const auto file = terrace::os::create_append_file(path.c_str());
    char byte = file ? 'y' : 'n';
    if (::write(ready[1], &byte, 1) != 1 || read(go[0], &byte, 1) != 1) _exit(1);
    _exit(0);
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  ASSERT_EQ(byte, 'y');
  EXPECT_TRUE(terrace::os::is_written_to(path));
  ASSERT_EQ(::write(go[1], &byte, 1), 1);
  ASSERT_EQ(waitpid(writer, nullptr, 0), writer);
  EXPECT_FALSE(terrace::os::is_written_to(path));
  EXPECT_FALSE(terrace::os::is_written_to(folder_.in("none")));
}

}  // namespace
}  // namespace terrace::session::session_joiner_test
