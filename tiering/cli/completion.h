// SPDX-License-Identifier: Apache-2.0
// The verb and option tables as a shell's completion, so that it offers what the program takes.
// Thread-safe; allocates.
#pragma once

#include <string>

namespace terrace::cli {

/// For `source <(terrace completion bash)` or a file in bash-completion's folder.
std::string bash_completion();

}  // namespace terrace::cli
