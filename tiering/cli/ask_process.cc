// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/ask_process.h"

#include <cerrno>

#include <fmt/format.h>

#include "allocators/base/number_of.h"

namespace terrace::cli {

using control::os::Preloaded;
using control::os::ProcessFacts;
using control::os::Question;

Result<pid_t> parse_pid(const std::string& text) {
  const auto pid = number_of<pid_t>(text);
  if (pid && *pid > 0) return *pid;
  return make_error(ErrorCode::kUsage, 0,
                    "\"%.40s\" is no process id; terrace status lists the processes that can be "
                    "asked",
                    text.c_str());
}

namespace {

/// Why a process that runs under Terrace has no socket.
constexpr const char* kSilent =
    "it has made no object yet, live-status is off, or it closed descriptors that it did not know";

}  // namespace

Error nothing_to_ask(const ProcessFacts& process) {
  return make_error(ErrorCode::kCapabilityMissing, 0,
                    "%d (%s) runs under Terrace and has nothing to ask: %s", process.pid,
                    process.name.c_str(), kSilent);
}

Result<Question> question_for(const ProcessFacts& process) {
  const std::string name = fmt::format("{} ({})", process.pid, process.name);
  if (control::os::own_user() != 0 && control::os::own_user() != process.owner) {
    return make_error(ErrorCode::kCapabilityMissing, EPERM,
                      "%s belongs to user %u; ask as that user or as root", name.c_str(),
                      process.owner);
  }
  const Question question{process.pid, process.owner, control::os::status_names(process)};
  const bool out = process.preloaded == Preloaded::kNo ||
                   (process.preloaded == Preloaded::kUnknown && question.names.empty());
  if (out) {
    return make_error(ErrorCode::kUsage, 0,
                      "%s does not run under Terrace; start it by terrace run, or with "
                      "libterrace-preload.so in LD_PRELOAD",
                      name.c_str());
  }
  if (question.names.empty()) return nothing_to_ask(process);
  if (control::os::shares_network(process)) return question;
  const int error = control::os::enter_network_of(process);
  if (error == 0) return question;
  return make_error(ErrorCode::kCapabilityMissing, error,
                    "%s is in another network namespace (a container): run terrace status there, "
                    "or as root",
                    name.c_str());
}

}  // namespace terrace::cli
