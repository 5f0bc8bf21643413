// SPDX-License-Identifier: Apache-2.0
// Records heat from inside the program: opens short windows in which present bits show what is
// touched, takes the emulated links' exact passes, watches one hot block to learn the step, and
// appends all of it to the session file about once a second.
// Runs on the keeper's thread under the runtime's lock; never allocates.
#pragma once

#include <cstdint>

#include <terrace/units.h>

#include "profiler/session/session_writer.h"
#include "profiler/sources/present_bits.h"
#include "profiler/sources/referenced_bits.h"
#include "profiler/sources/step_watch.h"
#include "profiler/sources/window_length.h"

namespace terrace::extent {
struct Object;
}

namespace terrace::runtime {

struct State;

class Recorder {
 public:
  constexpr Recorder() = default;

  /// Opens the session named in the flat file. Errors leave the program running unrecorded.
  Status start(State& runtime);
  bool recording() const { return session_.is_open(); }

  void object_placed(State& runtime, extent::Object& object);
  void object_ended(State& runtime, extent::Object& object);
  /// Does what is due at `now`; returns when it wants to be called again.
  Nanoseconds turn(State& runtime, Nanoseconds now);
  /// Last flush and the end mark.
  void stop(State& runtime);
  void abandon_in_child();

 private:
  enum class Activity : std::uint8_t { kIdle, kWindow, kWatch, kReferenced };

  void begin_window(State& runtime, Nanoseconds now);
  bool scan_window(State& runtime, std::uint32_t first, std::uint32_t count);
  void end_window(State& runtime);
  std::uint32_t block_to_watch(State& runtime) const;
  void begin_watch(State& runtime, Nanoseconds now);
  void watch(State& runtime, Nanoseconds now);
  Nanoseconds turn_referenced(State& runtime, Nanoseconds now);
  void begin_referenced(Nanoseconds now);
  void end_referenced(State& runtime, Nanoseconds now);
  void flush(State& runtime, Nanoseconds now);
  void flush_object(State& runtime, extent::Object& object, Nanoseconds now);

  session::SessionWriter session_;
  sources::PresentBits present_;
  bool present_works_ = true;  ///< else referenced bits stand in, by object and rarely
  sources::ReferencedBits referenced_;
  sources::WindowLength window_length_;
  sources::StepWatch step_watch_;
  Activity activity_ = Activity::kIdle;
  Nanoseconds period_;  ///< between the starts of two windows
  Nanoseconds next_window_;
  Nanoseconds window_begin_;
  Nanoseconds window_end_;
  Nanoseconds next_watch_;
  Nanoseconds next_poll_;
  Nanoseconds last_flush_;
  Nanoseconds observed_;  ///< windows since the last flush, summed
  std::uint64_t windows_ = 0;
  Nanoseconds cpu_;                   ///< of the keeper's thread, as it last saw
  std::uint32_t* touches_ = nullptr;  ///< for each block of the arena, since the last flush
  std::uint8_t* ever_ = nullptr;      ///< touched in any window
  std::uint8_t* seen_ = nullptr;      ///< touched in this one
};

}  // namespace terrace::runtime
