// SPDX-License-Identifier: Apache-2.0
// The model files that a program and the processes it starts have open while it is recorded, with
// their state when first seen: a buffer that was filled by read() tells nobody from which file.
// Looked at by the waiting parent (docs/adr/0031-names.md). Not thread-safe; allocates.
#pragma once

#include <sys/types.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "tiering/names/name_session.h"

namespace terrace::cli {

class ModelsInUse {
 public:
  /// Files that the command line itself names, as they are now: `FILE` or `--option=FILE`.
  void add_arguments(const std::vector<std::string>& command);
  /// To be called every 20 ms; looks each time at first, and more rarely when nothing turns up.
  void look(pid_t program);

  std::vector<names::SeenModel> seen() const;

 private:
  void add(const std::string& path);

  std::map<std::string, session::NamesFile> files_;
  std::set<std::string> looked_at_;
  std::vector<pid_t> processes_;
  unsigned looks_ = 0;
  unsigned quiet_calls_ = 0;  ///< since the start, or since a file turned up
};

}  // namespace terrace::cli
