// SPDX-License-Identifier: Apache-2.0
// The flat file that carries configuration and plan into a process: the command line writes it
// (tiering/plan/flat_writer), the runtime maps it read-only and follows it in place. Fixed-width
// little-endian fields, offsets from the start of the file, no pointers.
// Layout: FlatHeader, FlatTier[tier_count], FlatObject[object_count], block maps (one tier index a
// byte, one byte for each 2 MiB block of the object). Reading allocates nothing; after
// validation it is immutable and shared by all threads.
#pragma once

#include <cstdint>

#include "allocators/base/site_key.h"
#include "profiler/session/format.h"
#include "profiler/sources/sample_event.h"

namespace terrace::runtime {

inline constexpr char kFlatMagic[8] = {'T', 'E', 'R', 'R', 'F', 'L', 'A', 'T'};
inline constexpr std::uint32_t kFlatVersion = 5;
inline constexpr std::uint32_t kMaxTiers = 16;
inline constexpr std::uint32_t kMaxNodes = 1024;

/// Where an object goes that the plan does not name, and every object when there is no plan.
enum class DefaultPolicy : std::uint32_t {
  kFirstTouch = 0,   ///< fill the tiers in their order
  kInterleave = 1,   ///< equal shares on every tier
  kWeighted = 2,     ///< shares in the ratio of FlatTier::weight (bandwidth, usually)
  kPassThrough = 3,  ///< place nothing, the kernel decides
};

/// How firmly pages are bound to a tier's nodes.
enum class BindMode : std::uint32_t {
  kOff = 0,       ///< no mbind
  kAdvisory = 1,  ///< MPOL_PREFERRED_MANY (MPOL_PREFERRED before Linux 5.15); refusal is counted
  kStrict = 2,    ///< MPOL_BIND: these nodes or none; refusal is counted
};

/// Which large read-only file mappings are copied into placed memory.
enum class Materialize : std::uint32_t {
  kNever = 0,   ///< none: all are the kernel's
  kAuto = 1,    ///< where it matters on which tier they lie, see wants_copy() in file_objects.cc
  kAlways = 2,  ///< all from FlatHeader::file_threshold_bytes on
};

enum FlatFlags : std::uint32_t {
  kFlagRecord = 1u << 0,    ///< record heat into session_path
  kFlagStrict = 1u << 1,    ///< a bad configuration stops the program with 125
  kFlagVerbose = 1u << 2,   ///< summary on stderr at exit
  kFlagNoStatus = 1u << 3,  ///< the running program does not answer `terrace status`
};

struct FlatHeader {
  char magic[8];
  std::uint32_t version;
  std::uint32_t header_bytes;          ///< sizeof(FlatHeader) of the writer
  std::uint64_t total_bytes;           ///< the file's whole length
  std::uint32_t crc32;                 ///< zlib's CRC-32 of everything after this header
  std::uint32_t flags;                 ///< FlatFlags
  std::uint64_t threshold_bytes;       ///< heap allocations of this size and more become objects
  std::uint64_t mmap_threshold_bytes;  ///< the same for anonymous mappings
  std::uint64_t file_threshold_bytes;  ///< the same for read-only file mappings
  std::uint64_t late_bytes;      ///< unplanned objects up to this start as ordinary memory ...
  std::uint32_t late_age_ms;     ///< ... and are placed when they are this old
  std::uint32_t default_policy;  ///< DefaultPolicy
  std::uint32_t bind_mode;       ///< BindMode
  std::uint32_t tier_count;
  std::uint32_t object_count;
  std::uint32_t window_hz;       ///< heat windows a second while recording
  std::uint32_t materialize;     ///< Materialize
  std::uint32_t file_return_ms;  ///< a copied file that nobody touches for so much CPU time goes
                                 ///< back to the kernel's mapping; 0: never
  std::uint32_t record_ms;       ///< recording ends after so long, the program goes on; 0: with it
  std::uint32_t source;          ///< session::SourceKind to record with; 0: the first that works
  std::uint64_t tiers_offset;
  std::uint64_t objects_offset;
  std::uint64_t maps_offset;
  char machine_id[24];       ///< Topology::machine_id, NUL-terminated
  char session_path[256];    ///< %p is the process id, %% a percent sign; empty: no session
  std::uint32_t budget_ppm;  ///< of the program's CPU time that recording may take; 0: no limit
  std::uint32_t sample_event_count;
  sources::SampleEvent sample_events[sources::kMaxSampleEvents];  ///< for memory samples
  char status_path[256];     ///< where the summary goes as JSON at exit; empty: nowhere
  session::SplitRule split;  ///< over which files a recording goes
};

struct FlatTier {
  char name[32];
  std::uint8_t kind;     ///< TierKind
  std::uint8_t backing;  ///< BackingKind
  std::uint8_t reserved[6];
  std::uint64_t capacity_bytes;
  double bandwidth_gbps;
  std::uint64_t latency_ns;
  double weight;                            ///< share under kWeighted, relative to the others
  std::uint64_t mapping_unit;               ///< kDax: bytes, 4 KiB to 2 MiB, a power of two; else 0
  char path[160];                           ///< kDax: absolute, NUL-terminated; else empty
  std::uint64_t node_mask[kMaxNodes / 64];  ///< bit n: node n
};

struct FlatObject {
  std::uint64_t site_hash;
  std::uint64_t size_bytes;
  std::uint32_t ordinal;
  std::uint32_t origin;      ///< Origin
  std::uint64_t map_offset;  ///< of the first byte of its block map, from the start of the file
  std::uint64_t block_count;
};

static_assert(sizeof(FlatTier) == 32 + 8 + 8 + 8 + 8 + 8 + 8 + 160 + kMaxNodes / 8);
static_assert(sizeof(FlatObject) == 40);

/// A validated view of a mapped flat file.
struct FlatView {
  const FlatHeader* header = nullptr;
  const FlatTier* tiers = nullptr;
  const FlatObject* objects = nullptr;

  bool valid() const { return header != nullptr; }
  bool has(FlatFlags flag) const { return (header->flags & flag) != 0; }
  const std::uint8_t* block_map(const FlatObject& object) const {
    return reinterpret_cast<const std::uint8_t*>(header) + object.map_offset;
  }
};

/// Checks every offset, count and tier index in `data`; on success fills `view`. On failure the
/// text says what is wrong and at which offset, nullptr means success. Never reads past `size`.
const char* validate_flat(const void* data, std::uint64_t size, FlatView& view);

}  // namespace terrace::runtime
