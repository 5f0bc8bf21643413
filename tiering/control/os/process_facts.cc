// SPDX-License-Identifier: Apache-2.0
#include "tiering/control/os/process_facts.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tiering/control/os/status_socket.h"

namespace terrace::control::os {
namespace {

std::string proc_path(pid_t pid, const char* file) {
  return "/proc/" + std::to_string(pid) + "/" + file;
}

Preloaded find_library(pid_t pid) {
  std::ifstream maps(proc_path(pid, "maps"));
  std::string line;
  bool any = false;
  while (std::getline(maps, line)) {
    any = true;
    if (line.find("/libterrace-preload") != std::string::npos) return Preloaded::kYes;
  }
  // An ended process has no mappings either; it cannot be under anything.
  return any ? Preloaded::kNo : Preloaded::kUnknown;
}

/// A line of /proc/PID/status, "Key:\tvalues".
void take_line(ProcessFacts& facts, const std::string& line) {
  std::istringstream words(line);
  std::string key;
  words >> key;
  if (key == "Name:") {
    facts.name = line.size() > 6 ? line.substr(6) : "";
  } else if (key == "State:") {
    words >> facts.state;
  } else if (key == "Tgid:") {
    words >> facts.pid;
  } else if (key == "Uid:") {
    words >> facts.owner;
  } else if (key == "NSpid:") {
    // Of the thread that was asked for, outermost namespace first.
    for (pid_t pid = 0; words >> pid;) facts.inner_pid = pid;
  }
}

}  // namespace

Result<ProcessFacts> facts_of(pid_t pid) {
  ProcessFacts facts;
  std::ifstream status(proc_path(pid, "status"));
  std::string line;
  while (std::getline(status, line)) take_line(facts, line);
  if (facts.pid <= 0) {
    return make_error(ErrorCode::kUsage, ESRCH, "%d: there is no such process", pid);
  }
  // A thread's id was given: its process has another number in every namespace.
  if (facts.pid != pid) return facts_of(facts.pid);
  facts.preloaded = find_library(facts.pid);
  return facts;
}

std::vector<ProcessFacts> preloaded_processes() {
  std::vector<ProcessFacts> found;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", failed)) {
    const pid_t pid = std::atoi(entry.path().filename().c_str());
    struct stat folder {};
    if (pid <= 0 || stat(entry.path().c_str(), &folder) != 0) continue;
    if (own_user() != 0 && folder.st_uid != own_user()) continue;
    const Result<ProcessFacts> facts = facts_of(pid);
    if (facts.ok() && facts->preloaded == Preloaded::kYes) found.push_back(*facts);
  }
  std::sort(found.begin(), found.end(),
            [](const ProcessFacts& a, const ProcessFacts& b) { return a.pid < b.pid; });
  return found;
}

std::vector<std::string> status_names(const ProcessFacts& process) {
  // Whoever fills the namespace with such names makes us ask in vain, a bounded number of times.
  constexpr std::size_t kMost = 64;
  const std::string prefix =
      " @" + std::string(kNamePrefix) + std::to_string(process.inner_pid) + "/";
  std::ifstream sockets(proc_path(process.pid, "net/unix"));
  std::vector<std::string> names;
  for (std::string line; names.size() < kMost && std::getline(sockets, line);) {
    const std::size_t at = line.find(prefix);
    if (at != std::string::npos) names.push_back(line.substr(at + 2));
  }
  return names;
}

bool shares_network(const ProcessFacts& process) {
  struct stat own {};
  struct stat other {};
  if (stat("/proc/self/ns/net", &own) != 0) return true;
  if (stat(proc_path(process.pid, "ns/net").c_str(), &other) != 0) return true;
  return own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

int enter_network_of(const ProcessFacts& process) {
  const int fd = ::open(proc_path(process.pid, "ns/net").c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  const int error = setns(fd, CLONE_NEWNET) == 0 ? 0 : errno;
  ::close(fd);
  return error;
}

uid_t own_user() {
  return geteuid();
}

}  // namespace terrace::control::os
