// SPDX-License-Identifier: Apache-2.0
// The name of a session as the user writes it: %p is the process id, which only the program itself
// knows, %h the host's name, %n the lowest number whose name is free, %% a percent sign. First step
// of record. Thread-safe; allocates; looks at the folder for %n.
#pragma once

#include <string>

#include <terrace/result.h>

#include "tiering/cli/settings.h"

namespace terrace::cli {

/// The name with %h and %n put in. What is left is for the runtime: %p, and %% for a percent sign.
/// Error kUsage with the place of what is none of the four.
Result<std::string> session_pattern(const std::string& named, const std::string& host);

enum class Splitting {
  kOneFile = 0,
  kSplit = 1,  ///< files of the names of segment_name.h are written
};
/// session_pattern() for this host, when what would be replaced looks like an older session or
/// --force is given. Errors: kUsage of either.
Result<std::string> session_to_write(const Settings& settings, const std::string& named,
                                     Splitting split = Splitting::kOneFile);

/// A pattern from the root on, wherever the program goes; empty stays empty.
std::string absolute_pattern(const std::string& pattern);

/// The file that a process writes for `pattern`.
std::string session_path(const std::string& pattern, int process_id);

/// Does each process get a file of its own?
bool names_process(const std::string& pattern);

}  // namespace terrace::cli
