// SPDX-License-Identifier: Apache-2.0
// Which files a process has open and which processes it has started, by /proc. Asked by the parent,
// so that the program itself does nothing for it. Thread-safe; allocates. A process that ends
// meanwhile, or is somebody else's by now, has none.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace terrace::cli::os {

/// Paths of the open descriptors; pipes, sockets and deleted files have none. Takes no lock of the
/// process's memory.
std::vector<std::string> open_files_of(pid_t pid);

/// Processes that any of its threads started and that still run (needs CONFIG_PROC_CHILDREN).
std::vector<pid_t> children_of(pid_t pid);

}  // namespace terrace::cli::os
