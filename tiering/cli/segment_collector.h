// SPDX-License-Identifier: Apache-2.0
// While a split recording goes on: takes each file that a process has closed, compresses it, gives
// names to its objects and puts it in its place in the row, all in a thread of low priority; drops
// what is older than the files to keep. Used by launch() and record_running(), on one thread, after
// the program's start (child_process.h wants one thread until then). Allocates.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <terrace/units.h>

#include "profiler/session/segment_glance.h"
#include "tiering/cli/models_in_use.h"
#include "tiering/cli/session_parts.h"
#include "tiering/cli/settings.h"

namespace terrace::cli {

class SegmentCollector {
 public:
  /// `pattern` is the session's name as session_pattern() gives it. All three outlive this.
  SegmentCollector(const Settings& settings, const SessionParts& parts, std::string pattern,
                   const session::SplitRule& rule)
      : settings_(settings), parts_(parts), pattern_(std::move(pattern)), rule_(rule) {}
  SegmentCollector(const SegmentCollector&) = delete;
  SegmentCollector& operator=(const SegmentCollector&) = delete;
  ~SegmentCollector();

  /// To be called every 20 ms; looks once a second.
  void look(pid_t program, const ModelsInUse& models);

  /// The program has ended: takes what is still to be taken and makes the last file of what each
  /// process wrote last. Its path, with names to be given to its objects; empty: there is none.
  std::string finish(pid_t program, const ModelsInUse& models);

 private:
  struct Closed {
    std::string path;
    std::string session;
    std::vector<names::SeenModel> models;
  };

  std::vector<std::string> find_closed();
  bool is_ours_to_look_at(const std::string& path) const;
  void take(pid_t program, const ModelsInUse& models);
  void work();
  void put_in_place(const Closed& closed);
  void drop_old(const std::string& session) const;

  const Settings& settings_;
  const SessionParts& parts_;
  const std::string pattern_;
  const session::SplitRule rule_;
  Nanoseconds looked_;
  std::map<std::string, session::SegmentGlance> known_;  ///< by path
  std::set<std::string> taken_;

  std::thread worker_;
  std::mutex lock_;  ///< of what follows
  std::condition_variable changed_;
  std::deque<Closed> queue_;
  bool ending_ = false;
  std::uint32_t last_number_ = 0;  ///< worker's, until it has ended
};

/// Removes the files of an older recording of this name, whose place a new one takes.
void remove_segments(const std::string& session);

}  // namespace terrace::cli
