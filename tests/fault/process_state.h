// SPDX-License-Identifier: Apache-2.0
// What a failed call must leave as it was: open files, mappings and threads of this process.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <string>
#include <thread>

namespace terrace::testing_support {

inline long entries_of(const char* directory) {
  const std::filesystem::directory_iterator all(directory);
  return std::distance(begin(all), end(all));
}
inline long open_files() {
  return entries_of("/proc/self/fd");
}
inline long threads() {
  return entries_of("/proc/self/task");
}

/// The same, once no more than `expected` are left: the kernel tells a joiner of a thread's end
/// (CLONE_CHILD_CLEARTID) some instants before the thread leaves /proc. More than that after two
/// seconds: they are still at work.
inline long threads_left(long expected) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  while (threads() > expected && std::chrono::steady_clock::now() < until) {
    std::this_thread::yield();
  }
  return threads();
}

/// To compare with later: a sanitizer has a thread of its own from the first one of the program's
/// on.
inline long threads_at_rest() {
  std::string task = "/proc/self/task/";
  std::thread([&] { task += std::to_string(gettid()); }).join();
  while (std::filesystem::exists(task)) std::this_thread::yield();
  return threads();
}
/// Address space in use, reservations included, in pages. Read without the heap, which a stream's
/// buffer makes grow and shrink again.
inline long address_space_pages() {
  char text[64] = {};
  const int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  const ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  return length > 0 ? std::strtol(text, nullptr, 10) : 0;
}
/// Could this byte be read? Asks the kernel, so that nothing is killed.
inline bool readable(const void* at) {
  int ends[2];
  if (pipe(ends) != 0) return false;
  const bool is = write(ends[1], at, 1) == 1;
  close(ends[0]);
  close(ends[1]);
  return is;
}

}  // namespace terrace::testing_support
