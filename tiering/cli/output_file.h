// SPDX-License-Identifier: Apache-2.0
// Files that the user named for output: written whole or not at all, and never over something that
// is not Terrace's own. Thread-safe; allocates.
#pragma once

#include <string>

#include <terrace/result.h>

namespace terrace::cli {

enum class OutputKind { kSession = 0, kJson = 1, kFlat = 2, kHtml = 3, kCsv = 4, kGzip = 5 };

/// Error kUsage when `path` is a file that does not look like an older output of this kind: a slip
/// of the finger must not cost somebody a model. `-f` leaves this check out.
Status check_overwrite(const std::string& path, OutputKind kind);

/// Writes `text` beside `path` and renames it there. Error kIo with the reason.
Status write_whole(const std::string& path, const std::string& text);

}  // namespace terrace::cli
