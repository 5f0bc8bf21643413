// SPDX-License-Identifier: Apache-2.0
// Turns the payloads of whole, CRC-checked chunks into a Session, one call for each chunk. The
// reader's second half: session_reader finds the chunks, this understands them. Payloads are still
// untrusted (a CRC can be forged), so nothing is sized by a count that the payload does not back.
// One decoder per file, not thread-safe; allocates.
#pragma once

#include <cstddef>
#include <unordered_map>

#include "profiler/session/session_reader.h"

namespace terrace::session {

/// A block that was given back to the kernel lies on no tier.
inline constexpr std::uint8_t kNoTierIndex = 0xFF;

enum class Decoded {
  kTaken,      ///< the chunk is in the session, or is of a kind or object that is passed over
  kMalformed,  ///< its lengths or indices contradict each other; nothing of it was taken
};

class SessionDecoder {
 public:
  explicit SessionDecoder(Session& session) : session_(session) {}
  Decoded decode(ChunkKind kind, const std::byte* payload, std::size_t size);

 private:
  struct Module {
    std::string path;
    std::uint64_t load_bias;
  };

  Decoded tier(const std::byte* payload, std::size_t size);
  Decoded module(const std::byte* payload, std::size_t size);
  Decoded object(const std::byte* payload, std::size_t size);
  Decoded object_end(const std::byte* payload, std::size_t size);
  Decoded heat(const std::byte* payload, std::size_t size);
  Decoded placement(const std::byte* payload, std::size_t size);
  Decoded step(const std::byte* payload, std::size_t size);
  Decoded cost(const std::byte* payload, std::size_t size);
  Decoded mark(const std::byte* payload, std::size_t size);
  Decoded looks(const std::byte* payload, std::size_t size);
  Decoded source(const std::byte* payload, std::size_t size);
  Decoded segment(const std::byte* payload, std::size_t size);
  Decoded continued(const std::byte* payload, std::size_t size);
  Decoded names(const std::byte* payload, std::size_t size);

  Object* find(std::uint64_t object);
  bool tiers_known(const std::byte* indices, std::uint64_t count) const;
  void saw_time(std::uint64_t ns);

  Session& session_;
  std::unordered_map<std::uint32_t, Module> modules_;
  std::unordered_map<std::uint64_t, std::size_t> index_of_;  ///< object -> place in the session
};

}  // namespace terrace::session
