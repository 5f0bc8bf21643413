// SPDX-License-Identifier: Apache-2.0
#include "profiler/session/process_chunk.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "profiler/session/payload.h"

namespace terrace::session {

std::optional<ProcessFacts> decode_process(const std::byte* payload, std::size_t size) {
  ProcessFacts facts;
  const bool whole = take(payload, size, facts.record) &&
                     take_text(payload, size, facts.record.executable_bytes, facts.executable) &&
                     take_text(payload, size, facts.record.host_bytes, facts.host) && size == 0;
  return whole ? std::optional(std::move(facts)) : std::nullopt;
}

std::string encode_process(const Session& process) {
  const FileHeader& header = process.header;
  ProcessRecord record{};
  record.pid = header.pid;
  record.parent_pid = process.parent_pid;
  record.start_realtime_ns = header.start_realtime_ns;
  record.start_monotonic_ns = header.start_monotonic_ns;
  record.emulated = header.emulated;
  record.executable_bytes = static_cast<std::uint32_t>(process.executable.size());
  record.host_bytes = static_cast<std::uint32_t>(process.host.size());
  std::memcpy(record.machine_id, header.machine_id, sizeof record.machine_id);
  std::string payload(reinterpret_cast<const char*>(&record), sizeof record);
  return payload + process.executable + process.host;
}

Session session_of(const FileHeader& header) {
  Session session{};
  session.header = header;
  session.recorded_since_realtime_ns = header.start_realtime_ns;
  session.executable.assign(header.executable,
                            ::strnlen(header.executable, sizeof header.executable));
  session.last_ns = header.start_monotonic_ns;
  return session;
}

Session session_of(const ProcessFacts& facts, const FileHeader& header) {
  FileHeader own = header;
  own.pid = facts.record.pid;
  own.start_realtime_ns = facts.record.start_realtime_ns;
  own.start_monotonic_ns = facts.record.start_monotonic_ns;
  own.emulated = facts.record.emulated;
  std::memcpy(own.machine_id, facts.record.machine_id, sizeof own.machine_id);
  std::memset(own.executable, 0, sizeof own.executable);
  std::memcpy(own.executable, facts.executable.data(),
              std::min(facts.executable.size(), sizeof own.executable - 1));
  Session session = session_of(own);
  describe(session, facts);
  return session;
}

void describe(Session& process, const ProcessFacts& facts) {
  process.parent_pid = facts.record.parent_pid;
  process.executable = facts.executable;
  process.host = facts.host;
}

}  // namespace terrace::session
