// SPDX-License-Identifier: Apache-2.0
#include "profiler/session/session_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "profiler/os/append_file.h"
#include "profiler/os/loaded_module.h"
#include "profiler/session/session_reader.h"
#include "tests/child_process.h"

namespace terrace::session::session_writer_test {
namespace {

FileHeader header_of(const char* executable) {
  FileHeader header{};
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  header.schema_version = kSchemaVersion;
  header.header_bytes = sizeof header;
  header.start_monotonic_ns = 1000;
  std::strcpy(header.machine_id, "machine");
  std::strncpy(header.executable, executable, sizeof header.executable - 1);
  return header;
}

TierRecord tier_named(const char* name) {
  TierRecord tier{};
  std::strcpy(tier.name, name);
  tier.capacity_bytes = 1 << 20;
  return tier;
}

// Makes the nth call of one kind fail, as a full disk or a lost right would.
struct Faults {
  int creates_until_failure = -1;
  int writes_until_failure = -1;
  std::size_t bytes_of_failing_write = 0;  // how much of it still gets through
  bool truncate_fails = false;
  int truncates = 0;
};
Faults faults;

int faulty_create(const char* path) {
  if (faults.creates_until_failure == 0) {
    errno = EACCES;
    return -1;
  }
  return os::system_file_calls().create(path);
}

std::ptrdiff_t faulty_write(int fd, const os::Piece* pieces, int count) {
  if (faults.writes_until_failure < 0 || faults.writes_until_failure-- > 0) {
    return os::system_file_calls().write_pieces(fd, pieces, count);
  }
  errno = ENOSPC;
  if (faults.bytes_of_failing_write == 0) return -1;
  const os::Piece part{pieces[0].data, faults.bytes_of_failing_write};
  return os::system_file_calls().write_pieces(fd, &part, 1);
}

int faulty_truncate(int fd, std::uint64_t length) {
  ++faults.truncates;
  if (!faults.truncate_fails) return os::system_file_calls().truncate(fd, length);
  errno = EIO;
  return -1;
}

class SessionWriterTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/terrace-session-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
    path_ = folder_ + "/session";
    faults = {};
    os::set_file_calls({faulty_create, faulty_write, faulty_truncate});
  }
  void TearDown() override {
    writer_.close();
    os::set_file_calls(os::system_file_calls());
    ::unlink(path_.c_str());
    ::rmdir(folder_.c_str());
  }

  Status open_with_two_tiers() {
    const TierRecord tiers[] = {tier_named("fast"), tier_named("slow")};
    return writer_.open(path_.c_str(), {header_of("/bin/engine"), tiers, 2});
  }

  void bear(std::uint64_t id, const CallSite* site = nullptr, const char* path = nullptr) {
    ObjectBirth birth;
    birth.object = id;
    birth.key = {0x77, 3 * kBlockBytes.value - 5, 9, path ? Origin::kFile : Origin::kHeap};
    birth.site = site;
    birth.base_address = 0x4000'0000;
    birth.born = Nanoseconds(2000);
    const std::uint8_t tiers[] = {0, 1, 0};
    birth.block_tiers = tiers;
    birth.block_count = 3;
    birth.path = path;
    writer_.object_born(birth);
  }

  Session read() {
    Result<Session> session = read_session(path_);
    EXPECT_TRUE(session) << session.error().message;
    return session ? *session : Session{};
  }
  long size() const {
    struct stat status {};
    return ::stat(path_.c_str(), &status) == 0 ? static_cast<long>(status.st_size) : -1;
  }

  std::string folder_;
  std::string path_;
  SessionWriter writer_;
};

TEST_F(SessionWriterTest, ReaderGetsBackWhatWasWritten) {
  ASSERT_TRUE(open_with_two_tiers());
  bear(5, nullptr, "/models/llama.gguf");
  const std::uint32_t touches[] = {1, 0, 7};
  writer_.heat({5, 1, 0, 3000, 4000, 500, 3}, touches);
  const std::uint8_t moved[] = {1, 1, 1};
  writer_.placement(5, moved, 3);
  writer_.step({5000, 33, 12, 0});
  writer_.cost({5, 1, 2, 3, 4, 6});
  writer_.object_ended(5, Nanoseconds(6000));
  writer_.close();
  writer_.close();

  const Session session = read();
  EXPECT_TRUE(session.complete);
  EXPECT_EQ(session.bytes_ignored, 0u);
  EXPECT_STREQ(session.header.executable, "/bin/engine");
  ASSERT_EQ(session.tiers.size(), 2u);
  EXPECT_STREQ(session.tiers[1].name, "slow");
  ASSERT_EQ(session.objects.size(), 1u);
  const Object& object = session.objects[0];
  EXPECT_EQ(object.record.ordinal, 9u);
  EXPECT_EQ(object.record.size_bytes, 3 * kBlockBytes.value - 5);
  EXPECT_EQ(object.path, "/models/llama.gguf");
  EXPECT_EQ(object.block_tiers, (std::vector<std::uint8_t>{1, 1, 1}));
  EXPECT_EQ(object.ended_ns, 6000u);
  ASSERT_EQ(object.heat.size(), 1u);
  EXPECT_EQ(object.heat[0].touches, (std::vector<std::uint32_t>{1, 0, 7}));
  ASSERT_EQ(session.steps.size(), 1u);
  EXPECT_EQ(session.steps[0].observations, 12u);
  ASSERT_EQ(session.costs.size(), 1u);
  EXPECT_EQ(session.costs[0].link_bytes, 4u);
  EXPECT_EQ(session.last_ns, 6000u);
}

TEST_F(SessionWriterTest, WhatTheEngineTellsComesBack) {
  ASSERT_TRUE(open_with_two_tiers());
  bear(5);
  NamedRangeRecord range{};
  range.bytes = 3 * kBlockBytes.value - 5;
  range.memory_class = static_cast<std::uint8_t>(MemoryClass::kKv);
  range.confidence = 100;
  range.how = static_cast<std::uint8_t>(NamedHow::kApi);
  range.name_bytes = 4;
  writer_.named(5, range, "kv.7");
  writer_.mark({3000, 2});
  writer_.mark({9000, 7});
  const LookRecord looks[] = {{3000, 4000, 1, 20, 30, 0}, {5000, 9500, 2, 40, 0, 0}};
  writer_.looks(looks, 2);
  writer_.looks(looks, 0);
  writer_.close();

  const Session session = read();
  EXPECT_TRUE(session.complete);
  ASSERT_EQ(session.objects.at(0).names.size(), 1u);
  EXPECT_EQ(session.objects[0].names[0].name, "kv.7");
  EXPECT_EQ(session.objects[0].names[0].memory_class, MemoryClass::kKv);
  ASSERT_EQ(session.marks.size(), 2u);
  EXPECT_EQ(session.marks[1].at_ns, 9000u);
  EXPECT_EQ(session.marks[1].steps, 7u);
  ASSERT_EQ(session.looks.size(), 2u);
  EXPECT_EQ(session.looks[0].caused_cpu_us, 30u);
  EXPECT_EQ(session.looks[1].kind, static_cast<std::uint32_t>(LookKind::kStep));
  EXPECT_EQ(session.last_ns, 9500u);
}

TEST_F(SessionWriterTest, FramesNameTheirModuleOnceAndByOffset) {
  ASSERT_TRUE(open_with_two_tiers());
  CallSite site;
  site.frame_count = 3;
  site.frames[0] = reinterpret_cast<std::uintptr_t>(&::gnu_get_libc_version);  // libc
  site.frames[1] = reinterpret_cast<std::uintptr_t>(&header_of);               // this program
  site.frames[2] = 16;                                                         // nobody's
  bear(1, &site);
  bear(2, &site);
  writer_.close();

  const Session session = read();
  ASSERT_EQ(session.objects.size(), 2u);
  char self[4096] = {};
  ASSERT_GT(::readlink("/proc/self/exe", self, sizeof self - 1), 0);
  for (const Object& object : session.objects) {
    ASSERT_EQ(object.frames.size(), 3u);
    EXPECT_NE(object.frames[0].module.find("libc"), std::string::npos) << object.frames[0].module;
    EXPECT_EQ(object.frames[1].module, self);
    EXPECT_EQ(object.frames[1].offset, site.frames[1] - os::module_at(site.frames[1]).load_bias);
    EXPECT_EQ(object.frames[2].module, "");
    EXPECT_EQ(object.frames[2].offset, 16u);
  }
}

TEST_F(SessionWriterTest, MakesAPrivateFileInPlaceOfAnOldOne) {
  const int old = ::open(path_.c_str(), O_CREAT | O_WRONLY, 0666);
  ASSERT_GE(old, 0);
  ASSERT_EQ(::fchmod(old, 0666), 0);
  ASSERT_EQ(::write(old, "old", 3), 3);
  ASSERT_TRUE(open_with_two_tiers());
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0600u);
  ASSERT_EQ(::fstat(old, &status), 0);
  EXPECT_EQ(status.st_size, 3);
  ::close(old);
}

TEST_F(SessionWriterTest, RefusesWhatIsNoRegularFile) {
  const Status status = writer_.open(folder_.c_str(), {header_of("x"), nullptr, 0});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kUsage);
  EXPECT_FALSE(writer_.open("/dev/null", {header_of("x"), nullptr, 0}));
  EXPECT_FALSE(writer_.is_open());
}

TEST_F(SessionWriterTest, SaysWhyAFileCannotBeCreated) {
  faults.creates_until_failure = 0;
  const Status status = open_with_two_tiers();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().saved_errno, EACCES);
  EXPECT_NE(std::strstr(status.error().message, path_.c_str()), nullptr);
  EXPECT_FALSE(writer_.is_open());
}

TEST_F(SessionWriterTest, OpenFailsWhenAnyOfItsWritesFails) {
  for (int nth = 0; nth < 3; ++nth) {
    faults.writes_until_failure = nth;
    testing::internal::CaptureStderr();
    EXPECT_FALSE(open_with_two_tiers()) << nth;
    testing::internal::GetCapturedStderr();
    EXPECT_FALSE(writer_.is_open());
  }
}

TEST_F(SessionWriterTest, EndsAtTheLastWholeChunkWhicheverWriteFails) {
  const std::uint32_t touches[] = {1, 2, 3};
  for (int nth = 0; nth < 4; ++nth) {
    for (const std::size_t partial : {std::size_t{0}, std::size_t{7}, std::size_t{15}}) {
      faults = {};
      ASSERT_TRUE(open_with_two_tiers());
      faults.writes_until_failure = nth;
      faults.bytes_of_failing_write = partial;
      testing::internal::CaptureStderr();
      bear(1);
      writer_.heat({1, 1, 0, 3000, 4000, 500, 3}, touches);
      writer_.step({5000, 33, 12, 0});
      writer_.close();
      const std::string said = testing::internal::GetCapturedStderr();
      EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
      EXPECT_NE(said.find("recording ends here"), std::string::npos) << said;
      EXPECT_FALSE(writer_.is_open());
      EXPECT_EQ(faults.truncates, partial > 0 ? 1 : 0);
      const Session session = read();
      EXPECT_FALSE(session.complete);
      EXPECT_EQ(session.bytes_ignored, 0u);
      EXPECT_EQ(session.objects.size(), nth > 0 ? 1u : 0u);
      EXPECT_EQ(session.steps.size(), nth > 2 ? 1u : 0u);
    }
  }
}

TEST_F(SessionWriterTest, ReaderCopesWhenCuttingBackFailsToo) {
  ASSERT_TRUE(open_with_two_tiers());
  bear(1);
  faults.writes_until_failure = 0;
  faults.bytes_of_failing_write = 9;
  faults.truncate_fails = true;
  testing::internal::CaptureStderr();
  writer_.step({5000, 33, 12, 0});
  testing::internal::GetCapturedStderr();
  const Session session = read();
  EXPECT_EQ(session.objects.size(), 1u);
  EXPECT_EQ(session.bytes_ignored, 9u);
}

TEST_F(SessionWriterTest, FileSizeLimitEndsTheSessionAndNotTheHost) {
  const int status = testing_support::status_of_child([&] {
    const int quiet = ::open("/dev/null", O_WRONLY);
    ::dup2(quiet, STDERR_FILENO);
    const rlimit limit{2048, 2048};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0 || !open_with_two_tiers()) return 2;
    for (std::uint64_t id = 0; id < 100; ++id) bear(id);
    return writer_.is_open() ? 3 : 0;
  });
  ASSERT_TRUE(WIFEXITED(status)) << "ended by signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  const Session session = read();
  EXPECT_GT(session.objects.size(), 3u);
  EXPECT_EQ(session.bytes_ignored, 0u);
}

TEST_F(SessionWriterTest, NeverWritesToAFileThatTookOverItsDescriptor) {
  ASSERT_TRUE(open_with_two_tiers());
  const std::string other_path = folder_ + "/other";
  // What a daemon does: close every descriptor, then open files of its own.
  const int other = ::open(other_path.c_str(), O_CREAT | O_RDWR, 0600);
  ASSERT_GE(other, 0);
  const long before = size();
  int taken = -1;
  for (int fd = 512; fd < 600 && taken < 0; ++fd) {
    struct stat mine {};
    struct stat named {};
    if (::fstat(fd, &mine) == 0 && ::stat(path_.c_str(), &named) == 0 &&
        mine.st_ino == named.st_ino) {
      taken = fd;
    }
  }
  ASSERT_GE(taken, 0) << "the descriptor was expected out of the host's way";
  ASSERT_EQ(::dup2(other, taken), taken);
  testing::internal::CaptureStderr();
  bear(1);
  testing::internal::GetCapturedStderr();
  EXPECT_FALSE(writer_.is_open());
  EXPECT_EQ(::lseek(other, 0, SEEK_END), 0);
  EXPECT_EQ(::fcntl(taken, F_GETFD) >= 0, true) << "the host's descriptor was closed";
  EXPECT_EQ(size(), before);
  ::close(taken);
  ::close(other);
  ::unlink(other_path.c_str());
}

TEST_F(SessionWriterTest, AbandonInAForkedChildWritesNothing) {
  ASSERT_TRUE(open_with_two_tiers());
  const long before = size();
  const int status = testing_support::status_of_child([&] {
    writer_.abandon();
    bear(7);
    writer_.close();
    return writer_.is_open() ? 1 : 0;
  });
  EXPECT_EQ(status, 0);
  EXPECT_EQ(size(), before);
  bear(1);
  writer_.close();
  EXPECT_TRUE(read().complete);
}

TEST_F(SessionWriterTest, KeepsErrno) {
  ASSERT_TRUE(open_with_two_tiers());
  faults.writes_until_failure = 0;
  errno = 1234;
  testing::internal::CaptureStderr();
  bear(1);
  const int after = errno;
  testing::internal::GetCapturedStderr();
  EXPECT_EQ(after, 1234);
}

TEST_F(SessionWriterTest, GoesOnInTheSameFileWhenTheNextCannotBeBegun) {
  const TierRecord tiers[] = {tier_named("fast"), tier_named("slow")};
  const FileHeader header = header_of("/bin/engine");
  const ProcessOrigin origin;
  SegmentRecord segment{7, 1000, 0, 1, 0, 0, 0};
  const SessionStart start{header, tiers, 2, origin, &segment};
  ASSERT_TRUE(writer_.open(path_.c_str(), start));
  bear(1);
  segment.number = 2;
  const std::string next = path_ + ".2";
  faults.creates_until_failure = 0;
  EXPECT_FALSE(writer_.go_on(next.c_str(), start));
  faults.creates_until_failure = -1;
  faults.writes_until_failure = 0;
  faults.bytes_of_failing_write = 5;
  EXPECT_FALSE(writer_.go_on(next.c_str(), start));
  faults = {};
  EXPECT_NE(::access(next.c_str(), F_OK), 0) << "half a header is left";
  EXPECT_TRUE(writer_.is_open());
  bear(2);
  const std::uint64_t told = writer_.written().value;
  struct stat status;
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(static_cast<std::uint64_t>(status.st_size), told);
  ASSERT_TRUE(writer_.go_on(next.c_str(), start));
  const Result<Session> first = read_session(path_);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->objects.size(), 2u);
  EXPECT_TRUE(first->complete);
  ASSERT_TRUE(first->continued);
  EXPECT_EQ(first->continued->next, 2u);
  writer_.close();
  const Result<Session> second = read_session(next);
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(second->segment->number, 2u);
  EXPECT_EQ(second->tiers.size(), 2u);
  EXPECT_FALSE(second->continued);
  ::unlink(next.c_str());
}

}  // namespace
}  // namespace terrace::session::session_writer_test
