// SPDX-License-Identifier: Apache-2.0
// `terrace run` where the kernel refuses what a container's default filter refuses: what cannot be
// done is said once or counted, the program's answer and exit status are its own, and `strict` ends
// with 125 before the program begins.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/temporary_folder.h"

namespace terrace {
namespace {

constexpr const char* kContainer =
    "mbind set_mempolicy get_mempolicy move_pages migrate_pages userfaultfd process_vm_readv "
    "perf_event_open";
constexpr const char* kFast =
    "[[tier]]\nname = \"fast\"\nkind = \"dram\"\nnodes = [0]\n"
    "capacity = \"1GiB\"\nbandwidth = \"20GB/s\"\nlatency = \"100ns\"\n";
constexpr const char* kSlow =
    "[[tier]]\nname = \"slow\"\nkind = \"cxl\"\nbacking = \"emulated\"\n"
    "nodes = [0]\ncapacity = \"1GiB\"\nbandwidth = \"9GB/s\"\n"
    "latency = \"250ns\"\n";

struct Ended {
  int status = -1;
  std::string said;     ///< the lines of ours
  std::string printed;  ///< stdout
  nlohmann::json summary;
};

class WithoutCalls : public testing::Test {
 protected:
  void SetUp() override {
    setenv("XDG_CONFIG_HOME", folder_.path().c_str(), 1);
    setenv("XDG_CACHE_HOME", folder_.path().c_str(), 1);
  }

  std::string file(const char* name) const { return folder_.in(name); }
  std::string text(const char* name) const {
    std::ifstream in(file(name));
    std::ostringstream all;
    all << in.rdbuf();
    return all.str();
  }

  /// The program allocates over all tiers, checks every byte, and ends as `sh` says.
  Ended run(const std::string& calls, const std::string& tiers, const std::string& options) {
    std::ofstream(file("tiers.toml")) << tiers;
    const std::string verb = options.rfind("record", 0) == 0 ? "" : "run ";
    const std::string command =
        "timeout -s KILL 60 " TERRACE_WITHOUT_CALLS " " + calls + " -- " TERRACE_CLI " " + verb +
        options + " --tiers " + file("tiers.toml") + " --status " + file("status.json") +
        " -- sh -c '" TERRACE_RUNTIME_PROGRAM " heap_calls && echo right; exit 9' >" + file("out") +
        " 2>" + file("err");
    const int status = std::system(command.c_str());
    Ended ended;
    ended.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    ended.said = text("err");
    ended.printed = text("out");
    if (const std::string summary = text("status.json"); !summary.empty()) {
      ended.summary = nlohmann::json::parse(summary, nullptr, false);
    }
    return ended;
  }

  static void expect_own_end(const Ended& ended) {
    EXPECT_EQ(ended.status, 9) << ended.said;
    EXPECT_EQ(ended.printed, "right\n") << ended.said;
  }
  /// No line twice in one process: `sh` and its child each have a runtime.
  static void expect_said_once(const std::string& said, const std::string& what) {
    std::size_t count = 0;
    for (std::size_t at = said.find(what); at != std::string::npos; at = said.find(what, at + 1)) {
      ++count;
    }
    EXPECT_EQ(count, 1u) << what << " in:\n" << said;
  }

  const testing_support::TemporaryFolder folder_;
};

TEST_F(WithoutCalls, TheFilterRefuses) {
  const std::string check =
      "python3 -c 'import ctypes,sys; l=ctypes.CDLL(None,use_errno=True); "
      "r=l.syscall(237,0,0,0,0,0,0); sys.exit(ctypes.get_errno())'";
  const int status = std::system((TERRACE_WITHOUT_CALLS " mbind -- " + check).c_str());
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), EPERM);
}

TEST_F(WithoutCalls, RefusedBindingIsCountedAndTheProgramGoesOn) {
  for (const char* bind : {"--bind advisory --late-size 4K", "--bind strict --late-size 4K"}) {
    const Ended ended = run("mbind set_mempolicy move_pages", kFast, bind);
    expect_own_end(ended);
    ASSERT_TRUE(ended.summary.is_object()) << ended.said;
    EXPECT_GT(ended.summary.at("bind_refused").get<int>(), 0);
    EXPECT_GT(ended.summary.at("objects").get<int>(), 0);
    EXPECT_EQ(ended.summary.at("unplaced").get<int>(), 0);
  }
}

TEST_F(WithoutCalls, InAContainerPlainTiersAreStillUsed) {
  const Ended ended = run(kContainer, kFast, "--late-size 4K");
  expect_own_end(ended);
  ASSERT_TRUE(ended.summary.is_object()) << ended.said;
  EXPECT_GT(ended.summary.at("objects").get<int>(), 0);
}

TEST_F(WithoutCalls, WithoutUserfaultfdEmulatedTiersLeaveTheProgramUnplaced) {
  const Ended ended = run(kContainer, std::string(kFast) + kSlow, "--policy interleave");
  expect_own_end(ended);
  expect_said_once(ended.said, "terrace: userfaultfd");
  EXPECT_NE(ended.said.find("runs unplaced"), std::string::npos) << ended.said;
}

TEST_F(WithoutCalls, StrictEndsBeforeTheProgramBegins) {
  const Ended ended = run(kContainer, std::string(kFast) + kSlow, "--policy interleave --strict");
  EXPECT_EQ(ended.status, 125) << ended.said;
  EXPECT_EQ(ended.printed, "");
  expect_said_once(ended.said, "terrace: userfaultfd");
}

TEST_F(WithoutCalls, RecordingGoesOnWithoutLatePlacement) {
  const Ended ended = run(kContainer, kFast, "record -o " + file("session"));
  expect_own_end(ended);
  expect_said_once(ended.said, "terrace: userfaultfd");
  EXPECT_TRUE(std::filesystem::exists(file("session"))) << ended.said;
}

TEST_F(WithoutCalls, WithoutMemoryFilesEmulatedTiersAreNotThere) {
  const Ended ended = run("memfd_create", std::string(kFast) + kSlow, "--policy interleave");
  expect_own_end(ended);
  expect_said_once(ended.said, "runs unplaced");
}

}  // namespace
}  // namespace terrace
