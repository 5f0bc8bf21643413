// SPDX-License-Identifier: Apache-2.0
// The chunk that says whose the records after it are. Written by session_writer in the process
// itself, read by recording_decoder, and written again by names_chunk before names of one of
// several processes. Thread-safe; allocates.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "profiler/session/session_reader.h"

namespace terrace::session {

struct ProcessFacts {
  ProcessRecord record{};
  std::string executable;
  std::string host;
};

/// Nothing: its lengths contradict each other.
std::optional<ProcessFacts> decode_process(const std::byte* payload, std::size_t size);

/// The payload that names the process of this session.
std::string encode_process(const Session& process);

/// An empty session of the process that a file's header names.
Session session_of(const FileHeader& header);
/// The same for another process in a file with that header.
Session session_of(const ProcessFacts& facts, const FileHeader& header);
/// What the chunk tells of a process beyond the header.
void describe(Session& process, const ProcessFacts& facts);

}  // namespace terrace::session
