// SPDX-License-Identifier: Apache-2.0
// Reads small text files whole. Used by the readers of sysfs, of the tier file and of the cached
// calibration. Thread-safe; allocates.
#pragma once

#include <optional>
#include <string>

namespace terrace {

/// At most 1 MiB of the file; nothing when it cannot be opened or read, or is a folder.
std::optional<std::string> read_small_file(const std::string& path);

}  // namespace terrace
