// SPDX-License-Identifier: Apache-2.0
// The seam of access sources: what the recorder asks of each of them, so that it need not know by
// which part of the kernel touches are seen. A window is begin_run() for every run, begin(), some
// time, end(), end_run() for every run; a source that sees all the time has windows that follow on
// each other.
// Sources run inside the recorded process on the background thread, under the runtime's lock: they
// need libc only, allocate nothing after open(), and what goes wrong is an errno value, never the
// host's end. A source is a class that fulfils the concept below; source_set.h holds one of each.
#pragma once

#include <concepts>
#include <cstdint>

#include <terrace/result.h>
#include <terrace/units.h>

#include "profiler/session/source_name.h"

namespace terrace::sources {

/// Neighbouring blocks of one object.
struct BlockRun {
  char* at = nullptr;
  std::uint32_t first_block = 0;  ///< of the arena
  std::uint32_t blocks = 0;
};

/// The address space that runs lie in.
struct Field {
  char* base = nullptr;
  std::uint64_t blocks = 0;
};

/// Of which memory a source sees the touches.
enum class Reach : std::uint8_t {
  kFiles,  ///< memory files alone, of which page-table entries can be dropped without loss
  kAll,    ///< whatever the program touches
  /// Memory files that may be mapped by 4 KiB: not those of DAX devices, which refuse a page
  /// smaller than their unit, so that the program would get SIGBUS.
  kSmallPages,
};

/// What objects are to be made of while the source is at work.
enum class Memory : std::uint8_t {
  kFiles,    ///< memory files of huge pages, in which the step can be watched too
  kPrivate,  ///< as without recording
};

/// What one count is of.
enum class Grain : std::uint8_t {
  kBlock,   ///< end_run() counts for each block
  kObject,  ///< end_run() counts for the run as a whole, in its first block's place
};

struct Traits {
  session::SourceKind kind;
  Reach reach;
  Memory memory;
  Grain grain;
  /// What one observation stands for; 0: the block's own length.
  Bytes per_observation;
  /// How far a figure may be trusted, 0 to 100; docs/sources.md says how it was arrived at.
  std::uint32_t confidence_pct;
  /// From one window's start to the next; 0: as the user's rate says.
  Nanoseconds every;
  /// Of a window; 0: steered by what windows see (window_length.h).
  Nanoseconds length;
  /// What each observation costs the program's threads; 0: what was calibrated for each block whose
  /// entries a window dropped (block_cost.h), or a part of it for the 4 KiB pages that came back:
  /// pages() of the source, else the observations.
  Nanoseconds caused;

  /// Windows that follow on each other.
  constexpr bool continuous() const { return length.value != 0 && every <= length; }
};

/// Errors of open(): kCapabilityMissing, with what to do about it. The others: errno values, of
/// which ENOENT says that the run was not there when the window began.
/// counts[i] is the run's block i; end_run() adds to it.
template <typename Source>
concept AccessSource = requires(Source source, const Field& field, const BlockRun& run,
                                std::uint32_t* counts) {
  { Source::kTraits } -> std::convertible_to<const Traits&>;
  { source.open(field) } -> std::same_as<Status>;
  { source.begin_run(run) } -> std::same_as<int>;
  { source.begin() } -> std::same_as<int>;
  { source.end() } -> std::same_as<int>;
  { source.end_run(run, counts) } -> std::same_as<int>;
  { source.close() } -> std::same_as<void>;
};

}  // namespace terrace::sources
