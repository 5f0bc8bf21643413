// SPDX-License-Identifier: Apache-2.0
// A file that only ever grows by whole pieces, written from inside somebody else's process: the
// session writer's only way to the kernel. Neither SIGXFSZ nor SIGPIPE reaches the host through
// these calls, and a descriptor that the host closed and reused is noticed before it is written.
// Thread-safe between different files; one file has one caller at a time. Allocates nothing.
#pragma once

#include <cstddef>
#include <cstdint>

#include <terrace/result.h>

namespace terrace::os {

/// What a descriptor must still refer to.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  bool operator==(const FileIdentity&) const = default;
};

struct AppendFile {
  int fd = -1;
  FileIdentity identity;
};

struct Piece {
  const void* data;
  std::size_t size;
};

inline constexpr int kMaxPieces = 8;

/// Creates `path` with mode 600; a regular file of that name is replaced, anything else refused.
/// While this process has it open, replacement_file.h's is_written_to() is true of it.
/// Errors: kUsage for something that is no regular file, kIo with errno otherwise.
Result<AppendFile> create_append_file(const char* path);

/// Appends all pieces with one writev (count <= kMaxPieces). Returns 0, or an errno with the file
/// cut back to the length it had; EBADF when the descriptor is no longer this file.
int append_pieces(const AppendFile& file, const Piece* pieces, int count);

/// Closes the descriptor if it is still this file.
void close_append_file(AppendFile& file);

/// For a file that is of no use any more, open or not. One that is not there is no failure.
void remove_file(const char* path);

/// One line to stderr, ended here. Ignores that stderr may be closed: there is nobody to tell.
void say(const char* text);

/// The system calls underneath, so that a test can make the nth of them fail.
struct FileCalls {
  int (*create)(const char* path);  ///< an fd or -1 and errno
  /// As writev(2).
  std::ptrdiff_t (*write_pieces)(int fd, const Piece* pieces, int count);
  int (*truncate)(int fd, std::uint64_t length);
};
FileCalls system_file_calls();
/// For tests, before any file is open.
void set_file_calls(const FileCalls& calls);

}  // namespace terrace::os
