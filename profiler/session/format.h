// SPDX-License-Identifier: Apache-2.0
// The session file as it lies on disk: a header, then chunks that are only ever appended. As the
// program writes it, it is of schema 1; session_packer makes schema 2 of it, in which runs of
// chunks are compressed, and session_joiner schema 3 of those of several processes.
// Written inside the recorded process by session_writer, read offline by session_reader, which
// takes everything up to the last whole chunk. Little-endian, fixed width, no pointers.
// Constants and plain structs.
#pragma once

#include <cstdint>

#include "allocators/base/site_key.h"

namespace terrace::session {

inline constexpr char kMagic[8] = {'T', 'E', 'R', 'R', 'S', 'E', 'S', 'S'};
inline constexpr std::uint32_t kSchemaVersion = 1;  ///< as the recorded program writes it
inline constexpr std::uint32_t kPackedSchema = 2;   ///< some chunks are of kind kPacked
inline constexpr std::uint32_t kJoinedSchema = 3;   ///< the same, of several processes
inline constexpr std::uint32_t kMaxChunkBytes = 64u << 20;
/// A packed chunk holds at most this many times its payload, so that a small file cannot ask for a
/// large memory. What compresses better is filled up with zeros.
inline constexpr std::uint32_t kMaxPackRatio = 1024;

enum class ChunkKind : std::uint32_t {
  kTier = 1,        ///< TierRecord; one chunk for each tier, fastest first
  kModule = 2,      ///< ModuleRecord, then the path without NUL
  kObject = 3,      ///< ObjectRecord, FrameRecord[frame_count], tier index for each block,
                    ///< then the file's path (Origin::kFile) without NUL
  kObjectEnd = 4,   ///< ObjectEndRecord
  kHeat = 5,        ///< HeatRecord, then one u32 of touches for each block
  kStep = 6,        ///< StepRecord
  kCost = 7,        ///< CostRecord
  kEnd = 8,         ///< no payload: the session was closed in order
  kPlacement = 9,   ///< PlacementRecord, then tier index for each block: the object moved
  kNames = 10,      ///< NamesRecord, path of the file that named it, then for each range
                    ///< NamedRangeRecord and name; the last chunk of an object counts
  kProcess = 11,    ///< ProcessRecord, executable, host: whose the records from here on are
  kMark = 12,       ///< MarkRecord
  kSource = 13,     ///< SourceRecord, then in words why it is this source
  kPacked = 14,     ///< PackedRecord, then a zstd frame of whole chunks, then zeros
  kSegment = 15,    ///< SegmentRecord: behind the process chunk, in each file of a split recording
  kContinued = 16,  ///< ContinuedRecord: before the end mark of a file that was closed to go on
  kLooks = 17,      ///< LookRecord[]: those that ended since the last such chunk
};

/// How touches were observed.
enum class SourceKind : std::uint32_t {
  kPresentBits = 1,     ///< page-table present bits within short windows
  kLinkFaults = 2,      ///< every pass over a block on an emulated link, exact
  kReferencedBits = 3,  ///< clear_refs and smaps: bytes by object, no ranges
  kMemorySamples = 4,   ///< sampled loads and stores by address: PEBS, IBS
  kDamon = 5,           ///< the kernel's access monitor on this process's address space
  kWriteTracking = 6,   ///< pages written to within short windows
  kHints = 7,           ///< told by the engine: bytes read and written together
  kHintedWrites = 8,    ///< the part of them that was written
};

/// Who decided on the source.
enum class SourceChoice : std::uint32_t {
  kAutomatic = 0,  ///< the first of the order that works here
  kAsked = 1,      ///< the user named it
  kInstead = 2,    ///< the user named one that does not work here
};

struct FileHeader {
  char magic[8];
  std::uint32_t schema_version;
  std::uint32_t header_bytes;
  std::uint64_t start_realtime_ns;   ///< CLOCK_REALTIME at the start
  std::uint64_t start_monotonic_ns;  ///< CLOCK_MONOTONIC at the start; all other times are of it
  std::uint32_t pid;
  std::uint32_t emulated;  ///< 1 when any tier is an emulated link
  char machine_id[24];
  char executable[256];
};

struct ChunkHeader {
  std::uint32_t kind;  ///< ChunkKind; readers skip kinds they do not know
  std::uint32_t payload_bytes;
  std::uint32_t crc32;  ///< zlib's CRC-32 of kind, payload_bytes and payload
  std::uint32_t reserved;
};

struct TierRecord {
  char name[32];
  std::uint8_t kind;     ///< TierKind
  std::uint8_t backing;  ///< BackingKind
  std::uint8_t reserved[6];
  std::uint64_t capacity_bytes;
  double bandwidth_gbps;
  std::uint64_t latency_ns;
};

struct ModuleRecord {
  std::uint32_t module;  ///< index used by FrameRecord
  std::uint32_t reserved;
  std::uint64_t load_bias;  ///< address minus this is the offset in the file's address space
};

struct FrameRecord {
  std::uint32_t module;  ///< UINT32_MAX: unknown
  std::uint32_t reserved;
  std::uint64_t offset;
};

struct ObjectRecord {
  std::uint64_t object;  ///< unique in the session
  std::uint64_t site_hash;
  std::uint64_t size_bytes;
  std::uint64_t base_address;
  std::uint64_t born_ns;
  std::uint64_t block_count;
  std::uint32_t ordinal;
  std::uint32_t origin;  ///< Origin
  std::uint32_t frame_count;
  std::uint32_t path_bytes;
};

struct ObjectEndRecord {
  std::uint64_t object;
  std::uint64_t ended_ns;
};

struct HeatRecord {
  std::uint64_t object;
  std::uint32_t source;  ///< SourceKind
  std::uint32_t reserved;
  std::uint64_t begin_ns;
  std::uint64_t end_ns;
  std::uint64_t observed_ns;  ///< for windows: their summed length; exact sources: end - begin
  std::uint64_t block_count;
};

struct StepRecord {
  std::uint64_t at_ns;
  std::uint64_t period_ns;     ///< mean time from one step to the next
  std::uint32_t observations;  ///< how many periods the mean is over
  std::uint32_t reserved;
};

/// Totals since the session's start, about once a second.
struct CostRecord {
  std::uint64_t at_ns;
  std::uint64_t cpu_ns;  ///< CPU time of the recorder
  std::uint64_t windows;
  std::uint64_t link_wait_ns;    ///< time that emulated links held the program's threads up
  std::uint64_t link_bytes;      ///< bytes that emulated links delivered
  std::uint64_t program_cpu_ns;  ///< CPU time of the program's own threads
};

struct PlacementRecord {
  std::uint64_t object;
  std::uint64_t block_count;
};

struct NamesRecord {
  std::uint64_t object;
  std::uint64_t file_device;  ///< of the file that the names came from; 0 with the rest: none
  std::uint64_t file_inode;
  std::uint64_t file_bytes;
  std::int64_t file_changed_ns;  ///< CLOCK_REALTIME of its content's last change
  std::uint32_t range_count;
  std::uint32_t path_bytes;
};

struct NamedRangeRecord {
  std::uint64_t first_byte;  ///< from the object's beginning
  std::uint64_t bytes;
  std::uint8_t memory_class;  ///< MemoryClass
  std::uint8_t confidence;    ///< percent
  std::uint8_t how;           ///< NamedHow
  std::uint8_t reserved;
  std::uint32_t name_bytes;
};

static_assert(sizeof(NamesRecord) == 48 && sizeof(NamedRangeRecord) == 24);
/// What a source's counts mean and what it took. Written at the start, about every ten seconds and
/// at the end; the last one of a source holds.
struct SourceRecord {
  std::uint64_t at_ns;
  std::uint32_t source;                 ///< SourceKind
  std::uint32_t choice;                 ///< SourceChoice
  std::uint64_t bytes_per_observation;  ///< 0: the block's own length
  std::uint32_t confidence_pct;         ///< docs/sources.md says what it is made of
  std::uint32_t budget_ppm;             ///< of the program's CPU time, in millionths; 0: none
  std::uint64_t period_ns;              ///< between two windows as it is now
  std::uint64_t window_ns;              ///< length of a window as it is now
  std::uint64_t own_cpu_ns;             ///< CPU time of the recorder so far
  std::uint64_t caused_cpu_ns;          ///< CPU time of the faults that it caused, by calibration
  std::uint64_t program_cpu_ns;  ///< CPU time of the program's threads so far, those included
  std::uint64_t fault_cost_ns;   ///< calibrated: one touched block of one window
};

/// What a look was for.
enum class LookKind : std::uint32_t {
  kWindows = 1,  ///< a window, or a pair of them
  kStep = 2,     ///< one block, again and again, for the step
};

/// When the recorder looked and what it cost, as SourceRecord sums it up: what the program did
/// meanwhile was disturbed.
struct LookRecord {
  std::uint64_t begin_ns;
  std::uint64_t end_ns;
  std::uint32_t kind;  ///< LookKind
  std::uint32_t own_cpu_us;
  std::uint32_t caused_cpu_us;
  std::uint32_t reserved;
};

/// A process is known again by pid and start_monotonic_ns. Objects, modules and tiers are numbered
/// within it.
struct ProcessRecord {
  std::uint32_t pid;
  std::uint32_t parent_pid;         ///< when recording began; 0: unknown
  std::uint64_t start_realtime_ns;  ///< as in FileHeader, of this process's recording
  std::uint64_t start_monotonic_ns;
  std::uint32_t emulated;  ///< as in FileHeader
  std::uint32_t executable_bytes;
  std::uint32_t host_bytes;
  std::uint32_t reserved;
  char machine_id[24];
};

/// What the engine says of its own time.
struct MarkRecord {
  std::uint64_t at_ns;
  std::uint64_t steps;  ///< that are complete by then, in the engine's own count
};

/// Which file of a split recording this is, as far as it is of one process. What lived when it
/// began is in it: tiers, carried_objects births, sources, the last step and cost before begin_ns.
struct SegmentRecord {
  std::uint64_t recording;  ///< random, the same in all processes and files of one recording
  std::uint64_t begin_ns;
  std::uint64_t begin_realtime_ns;
  std::uint32_t number;           ///< from 1 on, within the process
  std::uint32_t carried_objects;  ///< the first births in it: objects that lived already
  std::uint32_t keep;             ///< older files than the last so many are dropped; 0: none
  std::uint32_t reserved;
};

/// When a recording goes on in another file, and what becomes of the old ones. Not in the file: it
/// is what the recorder is told.
struct SplitRule {
  std::uint64_t recording = 0;  ///< SegmentRecord::recording; 0: one file
  std::uint64_t bytes = 0;      ///< a file's length; 0: any
  std::uint64_t time_ns = 0;    ///< that a file covers; 0: any
  std::uint32_t keep = 0;       ///< files of a process, with the one that is written; 0: all
  std::uint32_t reserved = 0;
};

struct ContinuedRecord {
  std::uint64_t at_ns;
  std::uint32_t next;  ///< SegmentRecord::number
  std::uint32_t reserved;
};

struct PackedRecord {
  std::uint32_t plain_bytes;  ///< of the chunks in the frame, their headers included
  std::uint32_t frame_bytes;
};

static_assert(sizeof(ChunkHeader) == 16 && sizeof(HeatRecord) == 48 && sizeof(ObjectRecord) == 64);
static_assert(sizeof(SourceRecord) == 80 && sizeof(ProcessRecord) == 64);
static_assert(sizeof(MarkRecord) == 16 && sizeof(LookRecord) == 32);
static_assert(sizeof(SegmentRecord) == 40 && sizeof(ContinuedRecord) == 16);

}  // namespace terrace::session
