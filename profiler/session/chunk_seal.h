// SPDX-License-Identifier: Apache-2.0
// The checksum of a chunk, offline: the reader holds chunks against it, the packer makes it.
// Thread-safe; allocates nothing.
#pragma once

#include <cstddef>

#include "profiler/session/format.h"

namespace terrace::session {

/// Does the payload (payload_bytes of it are there) have the checksum that its header states?
bool intact(const ChunkHeader& chunk, const std::byte* payload);

/// The header of a payload; `size` is at most kMaxChunkBytes.
ChunkHeader sealed(ChunkKind kind, const std::byte* payload, std::uint32_t size);

}  // namespace terrace::session
