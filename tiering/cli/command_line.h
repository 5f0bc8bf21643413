// SPDX-License-Identifier: Apache-2.0
// Takes the command line apart: verb, flags, argument, and the program that a wrapper verb starts.
// Built on CLI11 from the verb and option tables; second step of main().
// Thread-safe; allocates.
#pragma once

#include <string>
#include <vector>

#include <terrace/result.h>

#include "tiering/cli/load_settings.h"
#include "tiering/cli/verb_table.h"

namespace terrace::cli {

struct CommandLine {
  const VerbSpec* verb = nullptr;    ///< null: `answer` is all there is to do
  std::vector<GivenFlag> flags;      ///< in the order of the option table
  std::string argument;              ///< SESSION or PLAN; empty: not given
  std::string second_argument;       ///< of a verb that takes two; empty: not given
  std::vector<std::string> command;  ///< of a wrapper verb
  std::string answer;                ///< text of --help, help or --version for standard output
};

/// `arguments` are argv without the program's own name. Errors are kUsage and name the nearest
/// verb or flag. Values are not checked here: apply_flags does, as for every other source.
Result<CommandLine> parse_command_line(const std::vector<std::string>& arguments);

/// Was the first argument a verb that starts a program? Decides the exit code of a usage error.
bool is_wrapper_call(const std::vector<std::string>& arguments);

/// Index in `arguments` (which begin after the verb) of the program's name; their count when there
/// is none. `own_end` is where the verb's own arguments end: before a "--", if there is one.
struct CommandSplit {
  std::size_t own_end = 0;
  std::size_t command_begin = 0;
};
CommandSplit split_command(const std::vector<std::string>& arguments, Verb verb);

}  // namespace terrace::cli
