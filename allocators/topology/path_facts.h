// SPDX-License-Identifier: Apache-2.0
// What a DAX tier's path leads to: a device on the dax bus, a file or a folder, and how much memory
// can be had there. Asked when the user's tier file names a path; opens nothing.
// Thread-safe; allocates.
#pragma once

#include <functional>
#include <string>

#include <terrace/result.h>
#include <terrace/units.h>

namespace terrace {

enum class PathKind : std::uint8_t {
  kDevice,  ///< /dev/daxX.Y
  kFile,    ///< somebody's file, of the size that it has
  kFolder,  ///< takes a file without a name for each process
};

struct PathFacts {
  PathKind kind = PathKind::kFile;
  Bytes room;  ///< a device's or file's size, what is free below a folder
  Bytes mapping_unit = KiB(4);
};

/// Errors (kUsage, with the remedy, without the path) for what is none of these.
Result<PathFacts> examine_path(const std::string& path, const std::string& sysfs_root);

/// The same as a seam; tests put their own facts here.
using PathExaminer = std::function<Result<PathFacts>(const std::string& path)>;

}  // namespace terrace
