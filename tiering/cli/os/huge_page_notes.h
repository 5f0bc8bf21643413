// SPDX-License-Identifier: Apache-2.0
// Notes of how far running programs have raised the limit of huge pages, so that the next one can
// give back what a killed one (SIGKILL) did not: a file each in a folder that a restart empties,
// locked (flock) while its writer lives; the kernel opens the lock at any end of the process.
// huge_page_budget.cc calls all of it under its lock on the limit, which keeps two of us apart.
// Not thread-safe; allocates.
#pragma once

#include <cstdint>
#include <string>

#include "tiering/cli/os/file_descriptor.h"

namespace terrace::cli::os {

class HugePageNote {
 public:
  HugePageNote() = default;
  /// A note of no pages. Makes the folder when it is missing; where no note can be left, a kill
  /// leaves the limit raised.
  static HugePageNote leave(const std::string& folder);
  /// Says how many, once the limit is raised: a kill before that must not lower what others have.
  void say(std::uint64_t pages);
  HugePageNote(HugePageNote&& other) noexcept;
  HugePageNote& operator=(HugePageNote&& other) noexcept;
  ~HugePageNote() { take_away(); }
  void take_away();

 private:
  HugePageNote(FileDescriptor held, std::string path)
      : held_(std::move(held)), path_(std::move(path)) {}

  FileDescriptor held_;
  std::string path_;
};

/// Takes away the notes of processes that are gone; the pages that these have not given back.
std::uint64_t pages_left_by_the_dead(const std::string& folder);

}  // namespace terrace::cli::os
