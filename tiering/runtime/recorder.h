// SPDX-License-Identifier: Apache-2.0
// Records heat from inside the program: opens windows in which an access source shows what is
// touched, takes the emulated links' exact passes, watches one hot block to learn the step, keeps
// to its budget of CPU time, and appends all of it to the session file about once a second.
// recorder.cc has its life and what it writes, recorder_windows.cc the windows, recorder_pairs.cc
// what pairs of them tell, recorder_steps.cc the step, recorder_split.cc the way from one file to
// the next, recorder_source.cc the source and the cost. Runs on the background thread under the
// runtime's lock; never allocates.
#pragma once

#include <cstdint>
#include <optional>

#include <terrace/units.h>

#include "allocators/extent/tiered_extent.h"
#include "profiler/session/session_writer.h"
#include "profiler/sources/block_cost.h"
#include "profiler/sources/budget.h"
#include "profiler/sources/late_windows.h"
#include "profiler/sources/look_log.h"
#include "profiler/sources/seen_block.h"
#include "profiler/sources/source_set.h"
#include "profiler/sources/step_scout.h"
#include "profiler/sources/step_watch.h"
#include "profiler/sources/tracked_pace.h"
#include "profiler/sources/watch_interval.h"
#include "profiler/sources/window_length.h"
#include "profiler/sources/window_pairs.h"
#include "tiering/runtime/live_heat.h"

namespace terrace::runtime {

struct State;

class Recorder {
 public:
  constexpr Recorder() = default;

  /// What has to be done before the program starts threads: sampled events follow only those that
  /// come later.
  void before_threads(const State& runtime);
  /// Opens the source that the flat file names, or the first that works. The arena is open and
  /// still empty; the answer is what objects are to be made of. Error: recording is strict and the
  /// source that was asked for does not work.
  Result<extent::Observation> choose_source(State& runtime);
  /// Opens the session named in the flat file. Errors leave the program running unrecorded.
  Status start(State& runtime);
  /// The same in a program that runs already and may have been recorded before: with what can still
  /// be had, into `path` and, by the rule, what comes after it. Nothing is said on the program's
  /// stderr as long as the files can be written. Error: nothing is recorded.
  Status start_late(State& runtime, const char* path, const session::SplitRule& split);
  bool recording() const { return session_.is_open(); }
  const LiveHeat& live_heat() const { return live_heat_; }
  /// The access source at work, as session::name_of says it; nullptr: none.
  const char* source_name() const;

  void object_placed(State& runtime, extent::Object& object);
  void object_ended(State& runtime, extent::Object& object);
  void blocks_emptied(std::uint32_t first, std::uint32_t count);
  /// Does what is due at `now`; returns when it wants to be called again.
  Nanoseconds turn(State& runtime, Nanoseconds now);
  /// Ends a window early and without counting it: the memory is about to be handled otherwise.
  void drop_window(State& runtime);
  /// Last flush and the end mark.
  void stop(State& runtime);
  void abandon_in_child();

 private:
  enum class Activity : std::uint8_t { kIdle, kWindow, kScout, kWatch };
  /// Writes are tracked after this many windows: the shortest recording tells what is touched.
  static constexpr std::uint64_t kFirstWrites = 5;
  /// What a window saw.
  struct WindowSum {
    std::uint64_t blocks = 0;  ///< that were looked at
    std::uint64_t observations = 0;
    std::uint64_t touched = 0;  ///< blocks
    std::uint64_t ever = 0;     ///< blocks that this window or an earlier one saw touched
    bool told = false;          ///< the kernel answered
    Nanoseconds caused;         ///< CPU time, as far as the source itself measures it; else 0
    Nanoseconds observed;       ///< where it is not the window's length; else 0
    Nanoseconds lost;           ///< CPU time that the program lost in it to faults
  };

  Status open_tables(std::uint64_t blocks);
  Status open_session(State& runtime, const char* path);
  Status start_at(State& runtime, const char* path);
  void forget();
  void split_when_due(State& runtime, Nanoseconds now);
  session::SegmentRecord next_segment(const State& runtime, Nanoseconds now) const;
  Status begin_segment(State& runtime, Nanoseconds now);
  void tell_what_lives(State& runtime, Nanoseconds now);
  Status choose_late_source(State& runtime);

  Nanoseconds free_at() const;
  Nanoseconds next_turn() const;
  void begin_window(State& runtime, Nanoseconds now);
  Nanoseconds begin_runs(State& runtime);
  bool comes_in_pairs() const;
  double chance_of_touch(State& runtime) const;
  void add_lost_passes(const extent::Object& object);
  void end_window(State& runtime);
  Nanoseconds caused_by(State& runtime, const WindowSum& sum);
  WindowSum take_window(State& runtime);
  void begin_writes(State& runtime);
  /// kDropped: the window does not count.
  enum class Outcome : std::uint8_t { kCounted, kDropped };
  Outcome count_pair(State& runtime, const WindowSum& sum);
  void forget_counts(State& runtime);
  void forget_touch_windows();
  void end_writes(State& runtime, Outcome outcome, Nanoseconds lost);
  void flush_writes(const State& runtime, session::HeatRecord record, const extent::Object& object);
  void write_writes(session::SourceRecord record);
  void drop_window(State& runtime, const extent::Object& object);
  void find_blocks_to_watch(State& runtime);
  std::optional<bool> poll_block(State& runtime, std::uint32_t block);
  void scout(State& runtime, Nanoseconds now);
  void end_watch(Nanoseconds now);
  void forget_touches_around(const State& runtime, std::uint32_t block);
  bool is_watching() const;
  bool watches(const extent::Object& object) const;
  void begin_watch(State& runtime, Nanoseconds now);
  void watch(State& runtime, Nanoseconds now);
  void pay_for_watch(Nanoseconds cost, Nanoseconds now);
  void flush(State& runtime, Nanoseconds now);
  void flush_object(State& runtime, extent::Object& object, Nanoseconds now);
  bool is_short_enough(const WindowSum& sum);
  bool is_usable(const WindowSum& sum, Nanoseconds length);
  bool is_steered() const;
  Nanoseconds counted_time() const;
  void forget_windows();
  void flush_source(const State& runtime, session::HeatRecord record, const extent::Object& object);
  void tell_live_heat(const State& runtime, const extent::Object& object);

  Status open_source(session::SourceKind kind, const sources::Field& field);
  void open_first_that_works(const sources::Field& field, session::SourceKind except);
  void add_reason(const char* format, ...) __attribute__((format(printf, 2, 3)));
  void calibrate();
  const sources::BlockCost& block_cost(const extent::Object* object) const;
  void note_mapped(State& runtime);
  Nanoseconds cost_of_faults(const extent::Object& object, std::uint64_t pages) const;
  Nanoseconds settle_faults(State& runtime);
  std::uint64_t put_back_entries(const State& runtime, const sources::BlockRun& run);
  void give_up_silent_samples(State& runtime);
  void charge(Nanoseconds turn_cpu);
  void write_looks();
  void write_source(Nanoseconds now);
  void write_cost(State& runtime, Nanoseconds now);

  session::SessionWriter session_;
  session::FileHeader header_{};  ///< of the session, the same in each file of a split one
  char path_[320] = {};           ///< of its first file
  session::SplitRule split_;
  session::SegmentRecord segment_{};  ///< the file that is open
  session::CostRecord last_cost_{};
  session::StepRecord last_step_{};
  Bytes at_begin_;     ///< length of the file when what lives was told
  Bytes flushed_;      ///< what the last flush added
  Nanoseconds retry_;  ///< the next file could not be begun: not before this
  sources::SourceSet source_;
  sources::WriteTracking writes_;  ///< besides present bits, in some windows
  bool files_ = false;             ///< objects are made of memory files, to be observed
  bool writes_open_ = false;
  bool writes_watched_ = false;  ///< in this window
  Nanoseconds writes_begin_;
  Nanoseconds writes_observed_;       ///< windows since the last flush in which they were
  std::uint32_t* written_ = nullptr;  ///< 4 KiB pages, for each block, since the last flush
  session::SourceChoice choice_ = session::SourceChoice::kAutomatic;
  char reason_[400] = {};              ///< why it is this source
  sources::PresentBits watched_bits_;  ///< of the block by which the step is learnt
  sources::WindowLength window_length_;
  sources::StepScout scout_;
  sources::StepWatch step_watch_;
  sources::WatchInterval watch_interval_;
  sources::Budget budget_;
  LiveHeat live_heat_;
  Activity activity_ = Activity::kIdle;
  Nanoseconds period_;        ///< between the starts of two windows, when the budget allows
  Nanoseconds window_began_;  ///< the last one
  Nanoseconds period_seen_;   ///< between the starts of the last two
  Nanoseconds next_window_;
  Nanoseconds window_begin_;
  Nanoseconds window_end_;
  Nanoseconds next_watch_;
  Nanoseconds next_poll_;
  Nanoseconds watch_cost_;  ///< of the watch that is on
  Nanoseconds last_flush_;
  Nanoseconds last_source_;
  Nanoseconds observed_;  ///< windows since the last flush, summed
  std::uint64_t windows_ = 0;
  std::uint64_t filled_windows_ = 0;          ///< in which there was memory to look at
  std::uint64_t next_writes_ = kFirstWrites;  ///< count of those from which writes are due again
  sources::TrackedPace tracked_pace_;
  sources::WindowPairs pairs_;
  sources::LateWindows late_windows_;
  sources::LookLog looks_;
  bool any_counted_ = false;             ///< of the windows that saw anything
  bool look_again_ = false;              ///< what windows saw was forgotten
  std::uint64_t counted_windows_ = 0;    ///< those that are in observed_
  std::uint64_t counted_touches_ = 0;    ///< blocks that they saw
  std::uint64_t most_observations_ = 0;  ///< of any window
  Nanoseconds cpu_;                      ///< of the background thread, as it last saw
  Nanoseconds cpu_left_;                 ///< of the same, when the last turn ended
  Nanoseconds own_cpu_;                  ///< spent on recording
  Nanoseconds caused_cpu_;               ///< of the program's threads, by faults that were made
  Nanoseconds caused_now_;               ///< the part of it that this turn found
  sources::BlockCost huge_cost_;         ///< calibrated; 0: no huge pages
  sources::BlockCost small_cost_;        ///< likewise, of a block in small pages
  std::uint32_t* touches_ = nullptr;     ///< for each block of the arena, since the last flush
  std::uint32_t* window_ = nullptr;      ///< in this window
  sources::SeenBlock* seen_ = nullptr;   ///< what windows told of each block
};

}  // namespace terrace::runtime
