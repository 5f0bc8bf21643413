// SPDX-License-Identifier: Apache-2.0
// Copied files that the program has read once and does not touch any more, since it made a copy of
// its own (weights that an engine repacks): their blocks go back to the kernel's mapping of the
// file, which needs no memory until somebody touches it, and their room on the tiers is free.
// Whether a block is touched is found out by giving it back: a few blocks first, and while nobody
// touches those, four times as many each time. The clock is the process's own CPU time: a server
// that waits for its next request touches nothing and has no need to give anything up. Internal to
// tiering/runtime: runs on the background thread, the lock is held. Never allocates.
#pragma once

#include <cstdint>

#include <terrace/units.h>

#include "allocators/os/page_presence.h"

namespace terrace::extent {
struct Object;
}

namespace terrace::runtime {

struct State;

class FileReturns {
 public:
  constexpr FileReturns() = default;
  /// The object's content is there: it is looked after from now on, where that is wanted and its
  /// blocks are private memory. At most 32 objects at a time.
  void add(State& runtime, const extent::Object& object);
  /// Does what is due; when it wants to be called again at the latest.
  Nanoseconds turn(State& runtime, Nanoseconds now, Nanoseconds next);
  bool any() const { return count_ != 0; }

 private:
  /// The most that are given back one by one; after that all the rest goes.
  static constexpr std::uint32_t kMostProbes = 128;
  static constexpr std::uint32_t kMostFiles = 32;

  struct Probe {
    std::uint32_t block = 0;  ///< from the object's start
    std::uint8_t tier = 0;    ///< that it was on
  };
  struct File {
    std::uint64_t object_id = 0;
    Nanoseconds due;   ///< process CPU time
    Nanoseconds wait;  ///< until the next look; doubles while the object is in use
    std::uint32_t next_probes = 2;
    std::uint32_t probe_count = 0;
    Probe probes[kMostProbes];
  };

  static extent::Object* find(State& runtime, const File& file);
  void look(State& runtime, extent::Object& object, File& file, Nanoseconds cpu_now);
  std::uint32_t take_back_touched(State& runtime, extent::Object& object, File& file);
  static void give_back_some(State& runtime, extent::Object& object, File& file);
  static void give_back_rest(State& runtime, extent::Object& object);
  void forget(std::uint32_t index) { files_[index] = files_[--count_]; }

  File files_[kMostFiles];
  std::uint32_t count_ = 0;
  os::PagePresence presence_;
};

}  // namespace terrace::runtime
