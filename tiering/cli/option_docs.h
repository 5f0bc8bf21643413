// SPDX-License-Identifier: Apache-2.0
// The verb and option tables as docs/options.md and as the man page, so that both are what the
// program does. A test compares the committed files with this. Thread-safe; allocates.
#pragma once

#include <string>

namespace terrace::cli {

std::string options_as_markdown();
std::string options_as_man_page();

}  // namespace terrace::cli
