// SPDX-License-Identifier: Apache-2.0
// A tier: memory of one kind, with capacity, bandwidth and latency, each figure with its source.
// Made by topology discovery, read by calibration, the planner and the command line.
// Plain values: thread-safe when not shared for writing; strings and vectors allocate.
#pragma once

#include <string>
#include <vector>

#include <terrace/export.h>
#include <terrace/units.h>

namespace terrace {

/// What memory a tier is of.
enum class TierKind : std::uint8_t {
  kUnknown = 0,  ///< a node that nothing describes
  kHbm = 1,      ///< on-package high-bandwidth memory
  kDram = 2,     ///< the sockets' own DDR or LPDDR
  kCxl = 3,      ///< memory behind a CXL link
  kPmem = 4,     ///< persistent memory
  kFile = 5,     ///< a file on storage
};

/// Where a tier's pages come from.
enum class BackingKind : std::uint8_t {
  kNuma = 0,          ///< pages of the tier's NUMA nodes
  kEmulatedLink = 1,  ///< pages of its nodes, delivered no faster than a configured link would
  kDax = 2,           ///< a device or file mapped shared: /dev/daxX.Y, a file on fsdax, any file
};

/// May Terrace put anything there?
enum class Use : std::uint8_t {
  kPlaced = 0,     ///< planner and runtime use it
  kOnRequest = 1,  ///< it may hold somebody's data: only when the user's tier file names it
};

/// Where a figure came from, least trusted first.
enum class Provenance : std::uint8_t {
  kUnknown = 0,     ///< nobody knows it; the value means nothing
  kGuess = 1,       ///< derived from the kind of memory
  kSysfs = 2,       ///< the kernel's own account
  kHmat = 3,        ///< the firmware's HMAT, read from sysfs or hwloc
  kCdat = 4,        ///< a CXL device's own table (CDAT), as the kernel adds it up along the path
  kCalibrated = 5,  ///< measured by `terrace calibrate` on this machine
  kUserFile = 6,    ///< stated in the user's tier file
};

/// A figure of the machine, and how it came to be known.
template <typename T>
struct Figure {
  T value{};
  Provenance from = Provenance::kUnknown;
  bool known() const { return from != Provenance::kUnknown; }
};

/// Memory of one kind, as a machine has it or a tier file states it.
struct Tier {
  std::string name;  ///< unique in its Topology; what plans and options call it
  TierKind kind = TierKind::kUnknown;
  BackingKind backing = BackingKind::kNuma;
  Use use = Use::kPlaced;
  std::vector<NodeId> nodes;           ///< ascending; what the pages come from; none for kDax
  std::string path;                    ///< kDax: device, file, or folder for files without a name
  Bytes mapping_unit = kBlockBytes;    ///< kDax: mappings start and end at multiples of it
  Figure<Bytes> capacity;              ///< what Terrace may use
  Figure<GBps> read_bandwidth;         ///< all threads, reads only
  Figure<GBps> read_bandwidth_one;     ///< one thread, reads only
  Figure<Nanoseconds> idle_latency;    ///< dependent loads, no other traffic
  Figure<Nanoseconds> loaded_latency;  ///< dependent loads while the tier is streamed

  bool emulated() const { return backing == BackingKind::kEmulatedLink; }
};

/// The word that texts, documents and tier files use for it; "unknown" for a value that is none of
/// the enumeration's. Static strings; thread-safe, never allocates.
TERRACE_API const char* name_of(TierKind kind);
TERRACE_API const char* name_of(BackingKind backing);
TERRACE_API const char* name_of(Use use);
TERRACE_API const char* name_of(Provenance provenance);

}  // namespace terrace
