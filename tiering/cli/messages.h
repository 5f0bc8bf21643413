// SPDX-License-Identifier: Apache-2.0
// What the command line says on standard error. Standard output belongs to results alone.
// Used by every verb. Not thread-safe before set_verbosity() returned, thread-safe after;
// allocates.
#pragma once

#include <cstdint>
#include <string>

#include <terrace/result.h>

namespace terrace::cli {

enum class Verbosity : std::uint8_t {
  kQuiet = 0,    ///< errors and warnings
  kNormal = 1,   ///< and hints, on a terminal only
  kVerbose = 2,  ///< and details, on a terminal or not
};

void set_verbosity(Verbosity verbosity);
Verbosity verbosity();

void say_error(const std::string& text);
/// Says why; the exit status that a verb ends with.
int failed(const Error& error);
void say_warning(const std::string& text);
/// What to do next and where things went: on a terminal, or with -v.
void say_hint(const std::string& text);
/// With -v only.
void say_detail(const std::string& text);

/// A line that replaces itself, for work that takes seconds; silent when standard error is no
/// terminal. An empty text ends it.
void show_progress(const std::string& text);

}  // namespace terrace::cli
