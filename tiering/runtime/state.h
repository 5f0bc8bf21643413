// SPDX-License-Identifier: Apache-2.0
// Everything that the runtime is made of, in one constant-initialised place: the flat file's view,
// the tiers, the arena, links, recorder and counters. Internal to tiering/runtime.
// `lock` serialises all changes; what is atomic may be read without it.
#pragma once

#include <atomic>
#include <cstdint>
#include <type_traits>

#include "allocators/base/mutex.h"
#include "allocators/extent/exchange.h"
#include "allocators/extent/spare_extents.h"
#include "allocators/extent/tiered_extent.h"
#include "allocators/os/memory_error.h"
#include "allocators/os/thread.h"
#include "tiering/control/status_server.h"
#include "tiering/runtime/file_returns.h"
#include "tiering/runtime/flat_plan.h"
#include "tiering/runtime/recorder.h"

namespace terrace::runtime {

struct Counters {
  std::atomic<std::uint64_t> objects{0};        ///< ever made
  std::atomic<std::uint64_t> planned{0};        ///< of which the plan named
  std::atomic<std::uint64_t> planned_alike{0};  ///< of these, in another size
  std::atomic<std::uint64_t> placed_late{0};
  std::atomic<std::uint64_t> unplaced{0};  ///< no tier had room, or mapping failed
  std::atomic<std::uint64_t> frozen_by_fork{0};
  std::atomic<std::uint64_t> made_private{0};  ///< blocks given back to plain memory
  std::atomic<std::uint64_t> files_copied{0};
  std::atomic<std::uint64_t> files_left{0};  ///< to the kernel: they changed, or could not be read
  std::atomic<std::uint64_t> file_blocks_returned{0};  ///< to the file, less those taken back
  std::atomic<std::uint64_t> file_bytes_cached{0};     ///< read from the page cache
  std::atomic<std::uint64_t> file_bytes_direct{0};     ///< past it
  std::atomic<std::uint64_t> file_bytes_buffered{0};   ///< through it, and dropped from it
  std::atomic<std::uint64_t> peak_blocks[kMaxTiers] = {};
  /// Of the blocks that were put on a tier of nodes, those whose pages lay on others at the end.
  std::atomic<std::uint64_t> elsewhere_blocks[kMaxTiers] = {};
};

enum class Stage : std::uint8_t {
  kInert,     ///< no configuration: pass-through
  kReady,     ///< configured, nothing started yet
  kRunning,   ///< arena, links and threads are there
  kDegraded,  ///< start failed or fork's child of a shared runtime: only existing objects are
              ///< served
};

struct State {
  Mutex lock;
  std::atomic<Stage> stage{Stage::kInert};
  std::atomic<std::uint64_t> heap_threshold{~std::uint64_t{0}};
  std::atomic<std::uint64_t> anonymous_threshold{~std::uint64_t{0}};
  std::atomic<std::uint64_t> file_threshold{~std::uint64_t{0}};
  FlatView flat;
  extent::Arena arena;
  extent::Capacity capacity;
  extent::TieredExtents extents;
  extent::Exchange exchange;
  extent::SpareExtents spares;
  backing::LinkEngine links;
  backing::BlockPool pools[kMaxTiers];  ///< by tier; open for DAX tiers
  std::uint32_t link_count = 0;
  Recorder recorder;
  FileReturns file_returns;
  os::Doorbell background_bell;
  bool background_started = false;  ///< or tried
  Nanoseconds background_wakes;     ///< by itself, when nobody rings
  std::uint64_t next_object_id = 1;
  Nanoseconds running_since;
  Nanoseconds record_until = Nanoseconds(~std::uint64_t{0});
  bool recording_lent = false;  ///< to `terrace record -p`, until record_until
  bool forked = false;          ///< a fork's child: the background thread is not here
  control::StatusServer status;
  Counters counters;
  bool said_node_full = false;  ///< that a strict tier's nodes are
  bool said_unwatched = false;  ///< that memory errors cannot be mended
};

/// The process's runtime. Constant-initialised and never destroyed: malloc is called after the
/// last destructor.
State& state();

/// Starts arena, links and threads when the first object is wanted; false: nothing is placed.
/// The lock is held.
bool ensure_running(State& runtime);
/// Nothing new is placed from now on.
void stop_placing(State& runtime);
/// Reads the flat file named by the environment; on success runtime.flat is valid.
Status load_configuration(State& runtime);

/// Gives each block of the object a tier (arena.tiers_of) and takes its capacity. False: no room;
/// then nothing was taken. The lock is held.
bool assign_tiers(State& runtime, extent::Object& object);
/// Does the plan name this object?
const FlatObject* find_planned(const State& runtime, const ObjectKey& key);
/// The same, or the planned object that is nearest in size of those of this site, origin and
/// ordinal that differ by less than a quarter: what the site allocates under another setting.
const FlatObject* find_planned_alike(const State& runtime, const ObjectKey& key);
void give_back_tiers(State& runtime, extent::Object& object);
/// Blocks of an object on each tier.
struct TierCounts {
  std::uint32_t blocks[kMaxTiers] = {};
};
TierCounts count_tiers(const State& runtime, const extent::Object& object);
/// Gives back the capacity of blocks that left their tiers since `before` was counted.
void settle_capacity(State& runtime, const extent::Object& object, const TierCounts& before);

/// The lowest number that no live object of this site and size has, so that memory which is freed
/// and allocated anew is the same object to the plan. The lock is held, as for all of these.
std::uint32_t free_ordinal(const State& runtime, const ObjectKey& key);
void name_object(State& runtime, extent::Object& object, const ObjectKey& key,
                 const CallSite& site);
/// Plain memory in one piece, of which nothing is known but its address.
bool is_plain(const extent::Object& object);
/// Gives a plain object more blocks where it is or elsewhere; nullptr: it is as it was.
extent::Object* enlarge(State& runtime, extent::Object& object, std::size_t size,
                        std::uint32_t blocks);
/// Pages and address space of an object that nobody was told of.
void drop_object(State& runtime, extent::Object& object);

/// Places an ordinary object that grew old enough. The lock is held.
void place_late(State& runtime, extent::Object& object);
/// Ends an object: session, capacity, pages, address space. The lock is held.
void end_object(State& runtime, extent::Object& object);
/// Adds to counters.elsewhere_blocks, for one object or all live ones. The lock is held.
void read_places(State& runtime, const extent::Object& object);
void read_all_places(State& runtime);
/// Takes away what is left of an object between its holes, over which the program has mapped
/// something of its own. The lock is held.
void unmap_rest(State& runtime, extent::Object& object);

/// Blocks that each tier's nodes can still give; ~0 where nobody need ask.
struct NodeRoom {
  std::uint64_t blocks[kMaxTiers] = {};
};
NodeRoom room_of_nodes(State& runtime);
/// A block of `wanted` or of the tier that it spills to; kMaxTiers: none is left.
std::uint32_t take_block(State& runtime, std::uint32_t wanted, NodeRoom& rooms);

/// In a fork's child: files whose reader was another thread of the parent are nobody's.
void end_unfinished_files(State& runtime);

/// Errors in the object's memory are mended from its file from now on. The lock is held.
void watch_content(extent::Object& object, State& runtime);
/// No more: the program may write to it. The lock is held.
void unwatch_content(extent::Object& object);
/// The object ends, or is not its file's content any more: its descriptor is closed.
void forget_content(extent::Object& object);

/// The background thread: late placement, spare extents and recording.
void* background_body(void* runtime);
/// Something is to be done at `due`: starts the thread when it does not run, and wakes it when it
/// would sleep longer than that. The lock is held.
void wake_background(State& runtime, Nanoseconds due);
/// StatusServer::Obey (live_recording.cc).
std::size_t obey_command(void* runtime, const char* command, char* out);
/// Answers `terrace status` from now on, unless that is turned off. The lock is held.
void serve_status(State& runtime);
/// Summary of the run to status_path and, when verbose, to stderr.
void write_status(State& runtime);
enum class Existing : std::uint8_t {
  kKeep,  ///< a file of that name stays: ".<pid>.<number>" is appended to ours
  kReplace,
};
/// Replaces %p by the process id and %% by a percent sign.
void expand_path(const char* pattern, Existing existing, char* out, std::size_t capacity);

}  // namespace terrace::runtime
