// SPDX-License-Identifier: Apache-2.0
// Reads a session file offline: everything up to the last whole chunk. Used by the heat map and by
// the command line. Input is untrusted: every length is checked, errors name the offset.
// Thread-safe (no shared state); allocates.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include <terrace/result.h>
#include <terrace/tier.h>

#include "profiler/session/format.h"
#include "profiler/session/named_range.h"

namespace terrace::session {

struct Frame {
  std::string module;  ///< path of the shared object; empty: unknown
  std::uint64_t offset = 0;
  std::uint64_t load_bias = 0;  ///< offset + load_bias is the address in the recorded process
};

/// Where an object lay until it moved.
struct EarlierPlacement {
  std::size_t heat_samples = 0;  ///< samples of the object's heat that were taken by then
  std::vector<std::uint8_t> block_tiers;
};

struct HeatSample {
  HeatRecord record;
  std::vector<std::uint32_t> touches;
};

struct Object {
  ObjectRecord record;
  std::string path;  ///< for Origin::kFile
  std::vector<Frame> frames;
  std::vector<std::uint8_t> block_tiers;  ///< as last placed
  std::vector<EarlierPlacement> earlier;  ///< in order of time; empty: it never moved
  std::uint64_t ended_ns = 0;             ///< 0: lived to the end
  std::vector<HeatSample> heat;
  std::vector<NamedRange> names;  ///< in order of address; empty: nobody named it
  NamesFile names_file;           ///< where they came from, as it was then
};

/// A source as its last record tells.
struct SourceUse {
  SourceRecord record;
  std::string reason;  ///< why it is this source; untrusted text
};

/// What was recorded of one process.
struct Session {
  FileHeader header;             ///< of a joined file, as the process's own would be
  std::uint32_t parent_pid = 0;  ///< 0: unknown
  std::string executable;        ///< whole, where the header's field is too short
  std::string host;              ///< empty: unknown
  std::vector<TierRecord> tiers;
  std::vector<Object> objects;  ///< in order of birth
  std::vector<StepRecord> steps;
  std::vector<CostRecord> costs;   ///< in order of time
  std::vector<MarkRecord> marks;   ///< of the engine, as they lie in the file
  std::vector<LookRecord> looks;   ///< of the recorder, in order of their ends
  std::vector<SourceUse> sources;  ///< each once; empty in sessions of before there was a choice
  /// Which file of a split recording it was read from; nothing: it is not split.
  std::optional<SegmentRecord> segment;
  std::optional<ContinuedRecord> continued;      ///< the file was closed to go on in another one
  std::uint64_t recorded_since_realtime_ns = 0;  ///< begin of the whole recording of the process
  bool complete = false;                         ///< closed in order
  std::uint64_t bytes_ignored = 0;               ///< torn tail of the file
  std::uint64_t last_ns = 0;                     ///< latest time in any record
};

/// All processes of a session, the one that the file's header names first: one at least.
struct Recording {
  std::deque<Session> processes;
};

/// Errors: kIo when the file cannot be read; kUsage when it is empty, foreign, of a newer schema,
/// or damaged before its first object.
Result<Recording> read_recording(const std::string& path);
/// The same from memory; `name` is for messages.
Result<Recording> parse_recording(const void* data, std::uint64_t size, const std::string& name);

/// The first process alone.
Result<Session> read_session(const std::string& path);
Result<Session> parse_session(const void* data, std::uint64_t size, const std::string& name);

}  // namespace terrace::session
