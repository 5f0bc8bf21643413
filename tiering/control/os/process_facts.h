// SPDX-License-Identifier: Apache-2.0
// What /proc says of a process that shall be asked for its status: whose it is, whether the preload
// library is in it, and the names of its status sockets. Used by `terrace status`.
// Thread-safe; allocates.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include <terrace/result.h>

namespace terrace::control::os {

enum class Preloaded : unsigned char {
  kNo,
  kYes,
  kUnknown,  ///< its mappings may not be read
};

struct ProcessFacts {
  pid_t pid = 0;        ///< of the process, also when a thread's id was given
  pid_t inner_pid = 0;  ///< in its own PID namespace
  uid_t owner = 0;      ///< real user id
  char state = '?';     ///< as in /proc/PID/stat; T: stopped, Z: ended and not waited for
  std::string name;
  Preloaded preloaded = Preloaded::kUnknown;
};

/// Error kUsage: there is no such process.
Result<ProcessFacts> facts_of(pid_t pid);

/// The user's processes with the library in them, or everybody's for root; by rising id.
std::vector<ProcessFacts> preloaded_processes();

/// Names in the abstract namespace that this process may have taken; other processes may have taken
/// such names as well, so the answer's sender decides.
std::vector<std::string> status_names(const ProcessFacts& process);

/// Does the process have the network namespace of this one? Abstract names end at it. True when
/// unknown.
bool shares_network(const ProcessFacts& process);
/// Moves this process into the network namespace of the other. An errno value.
int enter_network_of(const ProcessFacts& process);

uid_t own_user();

}  // namespace terrace::control::os
