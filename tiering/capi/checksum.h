// SPDX-License-Identifier: Apache-2.0
// The checksums of loaded bytes, and how those of two neighbouring pieces make one: so that the
// threads that read also sum. Thread-safe, never allocates.
#pragma once

#include <cstdint>

#include <terrace/units.h>

#include "tiering/capi/loader.h"

namespace terrace::capi {

/// Of at most 2 GiB. CRC-32 is zlib's crc32(); CRC-32C has the same conventions, as in RFC 3720:
/// "123456789" gives 0xE3069283.
std::uint32_t checksum_of(Checksum kind, const void* data, Bytes size);
/// Of a piece with the sum `first` (0: none), and `size` bytes behind it with the sum `second`.
std::uint32_t joined_checksum(Checksum kind, std::uint32_t first, std::uint32_t second, Bytes size);

}  // namespace terrace::capi
