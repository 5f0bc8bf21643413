// SPDX-License-Identifier: Apache-2.0
// The payload of a packed chunk: whole chunks, headers included, as one zstd frame. Used by
// session_packer and session_reader. Payloads that are unpacked are untrusted. Thread-safe;
// allocates.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "profiler/session/format.h"

namespace terrace::session {

/// Nothing when the result would not be smaller, or no chunk could hold it.
std::optional<std::vector<std::byte>> pack(const std::vector<std::byte>& chunks);

/// Nothing when lengths or frame are wrong. Takes at most kMaxPackRatio times `size` of memory.
std::optional<std::vector<std::byte>> unpack(const std::byte* payload, std::size_t size);

}  // namespace terrace::session
