// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/os/huge_page_notes.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <utility>

namespace terrace::cli::os {
namespace {

namespace fs = std::filesystem;

/// Nothing for a file that is no note.
std::uint64_t pages_in(int fd) {
  char text[32];
  const ssize_t got = pread(fd, text, sizeof text, 0);
  std::uint64_t pages = 0;
  if (got > 0) std::from_chars(text, text + got, pages);
  return pages;
}

}  // namespace

HugePageNote HugePageNote::leave(const std::string& folder) {
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed) return {};
  std::string path = folder + "/" + std::to_string(getpid()) + "-XXXXXX";
  FileDescriptor file(mkostemp(path.data(), O_CLOEXEC));
  if (!file.valid()) return {};
  HugePageNote note(std::move(file), std::move(path));
  if (flock(note.held_.get(), LOCK_EX | LOCK_NB) != 0) return {};
  return note;
}

void HugePageNote::say(std::uint64_t pages) {
  if (!held_.valid()) return;
  const std::string text = std::to_string(pages) + "\n";
  // Half a number would be another one.
  if (write(held_.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    take_away();
}

HugePageNote::HugePageNote(HugePageNote&& other) noexcept
    : held_(std::move(other.held_)), path_(std::exchange(other.path_, {})) {}

HugePageNote& HugePageNote::operator=(HugePageNote&& other) noexcept {
  std::swap(held_, other.held_);
  std::swap(path_, other.path_);
  return *this;
}

void HugePageNote::take_away() {
  std::error_code ignored;  // it is gone, or the folder is
  if (!path_.empty()) fs::remove(std::exchange(path_, {}), ignored);
  held_.reset();
}

std::uint64_t pages_left_by_the_dead(const std::string& folder) {
  std::uint64_t pages = 0;
  std::error_code failed;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, failed)) {
    const FileDescriptor file(open(entry.path().c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!file.valid() || flock(file.get(), LOCK_EX | LOCK_NB) != 0) continue;
    std::error_code kept;
    // One that cannot be removed would be given back again and again.
    if (fs::remove(entry.path(), kept)) pages += pages_in(file.get());
  }
  return pages;
}

}  // namespace terrace::cli::os
