// SPDX-License-Identifier: Apache-2.0
// Reading files from code that may not allocate. Thread-safe; keeps errno.
#pragma once

#include <cstddef>
#include <cstdint>

#include <terrace/result.h>
#include <terrace/units.h>

namespace terrace::os {

/// Reads a small file (sysfs, procfs) and NUL-terminates it. Bytes read, or -1.
long read_small_file(const char* path, char* buffer, std::size_t capacity);

/// What a symbolic link says, NUL-terminated; false when there is none or it does not fit.
bool read_link(const char* path, char* buffer, std::size_t capacity);

/// Calls `visit` for each name in a folder but "." and "..", in no order. False when the folder
/// cannot be read.
bool for_each_name(const char* folder, void (*visit)(const char* name, void* context),
                   void* context);

/// A file mapped read-only; empty on failure.
struct MappedFile {
  const void* data = nullptr;
  std::uint64_t size = 0;
};
Result<MappedFile> map_file(const char* path);

/// A descriptor for reading, to be given back by close_descriptor(); -1 with `error` set.
struct OpenedFile {
  int fd = -1;
  int error = 0;
};
OpenedFile open_for_reading(const char* path);

/// Reads exactly [offset, offset + size) into `to`. 0, an errno value, or ENODATA when the file
/// ends earlier.
int read_fully(int fd, void* to, std::uint64_t size, std::uint64_t offset);

/// A second descriptor for the same file, kept away from the low numbers that programs use and
/// close; -1 when there is none left. The caller gives it back by close_descriptor().
int keep_descriptor(int fd);
void close_descriptor(int fd);
/// Size of a regular file; -1 when it is not one.
std::int64_t regular_file_size(int fd);
/// The path behind a descriptor as /proc tells it, NUL-terminated; false when unknown.
bool path_of(int fd, char* buffer, std::size_t capacity);
/// Writes a whole small file (created 0600, replaced). An errno value.
int write_file(const char* path, const char* data, std::size_t size);
bool file_exists(const char* path);
/// The running program's path.
bool executable_path(char* buffer, std::size_t capacity);
int process_id();
int parent_process_id();
/// As the kernel has it, NUL-terminated; empty when it does not fit.
void host_name(char* buffer, std::size_t capacity);

/// Moves `fd` to the upper half of the descriptor table, away from the numbers that programs use
/// and close, and returns the new number; keeps it where it is when that is full.
int move_to_high_number(int fd);
/// Growing a file beyond the limit (ulimit -f) raises SIGXFSZ in the program, memory file or not.
bool beyond_file_limit(Bytes size);
/// Keeps errno, as all of the above do.
void close_file(int fd);

}  // namespace terrace::os
