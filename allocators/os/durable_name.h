// SPDX-License-Identifier: Apache-2.0
// Files that get their name when they are whole, and keep it after a loss of power. Used by
// allocators/kv/store_pool. Thread-safe, never allocates, keeps errno.
#pragma once

namespace terrace::os {

/// Gives the file at `made` the name `name`, which must be free (EEXIST), in one step that lasts
/// when it returns: the folder is synchronised. Both are in one folder. An errno value.
int publish_file(const char* made, const char* name);
/// Removes a file that nobody holds locked (flock): what a killed maker left. 0 when there is none;
/// EWOULDBLOCK: its maker is alive. An errno value.
int remove_abandoned(const char* path);

enum class PathKind : unsigned char {
  kNothing,
  kFile,   ///< regular, or a link to one
  kOther,  ///< folder, device, ...
};
PathKind kind_of_path(const char* path);

}  // namespace terrace::os
