// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/runtime/run_program.h"

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "tests/unit/runtime/program_under_test.h"

namespace terrace::e2e {
namespace {

constexpr unsigned kSeconds = 20;  // no case may take longer; the alarm survives exec
constexpr gid_t kNobody = 65534;

[[noreturn]] void become_program(const Scenario& scenario, const std::string& flat,
                                 const std::string& output, const std::string& program_case) {
  const int out = open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  dup2(out, 1);
  dup2(out, 2);
  setenv("TERRACE_PLAN_FILE", flat.c_str(), 1);
  setenv("LD_PRELOAD", kLibraryUnderTest, 1);
  for (const std::string& entry : scenario.environment) putenv(strdup(entry.c_str()));
  alarm(kSeconds);
  if (scenario.as_nobody &&
      (setgroups(0, nullptr) != 0 || setgid(kNobody) != 0 || setuid(kNobody) != 0)) {
    _exit(126);
  }
  execl(kProgramUnderTest, "runtime_program", program_case.c_str(), nullptr);
  _exit(127);
}

std::string contents(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

std::uint64_t Outcome::peak(const std::string& tier) const {
  for (const auto& one : status.at("tiers")) {
    if (one.at("name") == tier) return one.at("peak_bytes").get<std::uint64_t>();
  }
  ADD_FAILURE() << "no tier " << tier;
  return 0;
}

Tier plain_tier(const std::string& name, Bytes capacity) {
  Tier tier;
  tier.name = name;
  tier.kind = TierKind::kDram;
  tier.nodes = {NodeId{0}};
  tier.capacity = {capacity, Provenance::kUserFile};
  tier.read_bandwidth = {GBps(40), Provenance::kUserFile};
  tier.idle_latency = {Nanoseconds(100), Provenance::kUserFile};
  return tier;
}

Tier emulated_tier(const std::string& name, Bytes capacity, GBps bandwidth) {
  Tier tier = plain_tier(name, capacity);
  tier.kind = TierKind::kCxl;
  tier.backing = BackingKind::kEmulatedLink;
  tier.read_bandwidth = {bandwidth, Provenance::kUserFile};
  return tier;
}

Tier dax_tier(const std::string& name, Bytes capacity, const std::string& path) {
  Tier tier = plain_tier(name, capacity);
  tier.kind = TierKind::kFile;
  tier.backing = BackingKind::kDax;
  tier.nodes.clear();
  tier.path = path;
  tier.mapping_unit = KiB(4);
  return tier;
}

Scenario scenario_of(std::vector<Tier> tiers) {
  Scenario made;
  made.topology.machine_id = "0123456789abcdef";
  made.topology.tiers = std::move(tiers);
  made.options.late_size = Bytes(0);
  made.options.materialize = runtime::Materialize::kAlways;
  return made;
}

std::string scratch_directory() {
  char pattern[] = "/tmp/terrace-runtime-XXXXXX";
  const char* made = mkdtemp(pattern);
  return made != nullptr ? made : "";
}

void write_random(const std::string& path, std::uint64_t bytes) {
  std::mt19937_64 random(42);
  std::vector<std::uint64_t> words(bytes / 8 + 1);
  for (std::uint64_t& word : words) word = random();
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(words.data()), static_cast<std::streamsize>(bytes));
}

Outcome run(const Scenario& wanted, const std::string& program_case) {
  Outcome outcome;
  const std::string directory = scratch_directory();
  const std::string flat = directory + "/flat";
  plan::RuntimeOptions options = wanted.options;
  options.status_path = directory + "/status.json";
  if (options.record) options.session_path = directory + "/session";
  const Status written = plan::write_flat(flat, wanted.topology, wanted.plan, options);
  if (!written) {
    ADD_FAILURE() << written.error().message;
    return outcome;
  }
  if (wanted.as_nobody) {
    EXPECT_EQ(chown(directory.c_str(), kNobody, kNobody), 0);
    EXPECT_EQ(chown(flat.c_str(), kNobody, kNobody), 0);
  }
  const pid_t pid = fork();
  if (pid == 0) become_program(wanted, flat, directory + "/said", program_case);
  int status = 0;
  waitpid(pid, &status, 0);
  outcome.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  outcome.said = contents(directory + "/said");
  const std::string summary = contents(options.status_path);
  if (!summary.empty()) outcome.status = nlohmann::json::parse(summary, nullptr, false);
  std::filesystem::remove_all(directory);
  return outcome;
}

}  // namespace terrace::e2e
