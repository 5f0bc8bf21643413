// SPDX-License-Identifier: Apache-2.0
// Reads sizes, bandwidths, durations and node lists as people write them: the one parser behind
// the tier file and every option of the command line. Thread-safe; allocates node lists only.
// Errors are kUsage, quote the text and name the forms that are understood.
//
// Units ignore case. K, M, G, T and KiB, MiB, GiB, TiB are powers of 2^10, as in numactl and
// coreutils; KB, MB, GB, TB are powers of 1000. A fraction is allowed before any unit.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include <terrace/result.h>
#include <terrace/units.h>

namespace terrace {

/// "4GiB", "512M", "1.5GB", "4096" (bytes). Rounds to whole bytes; fits 64 bits or fails.
Result<Bytes> parse_size(std::string_view text);

/// "2.3GB/s", "800MB/s", "1GiB/s": a size with its unit, then "/s". Greater than zero.
Result<GBps> parse_bandwidth(std::string_view text);

/// "250ns", "1.5us", "4ms", "10s", "2min". The unit is required. Rounds to whole nanoseconds.
Result<Nanoseconds> parse_duration(std::string_view text);

/// "0", "0-1,3": ascending and without repeats in the result, whatever the order in the text.
/// Node numbers end at 1023, the most that Linux can be built for.
Result<std::vector<NodeId>> parse_node_list(std::string_view text);

/// The same with numactl's forms that need to know the machine: "all", "!0-1" (all but these) and
/// "+0" (counted within `available`). Fails on a node that is not in `available` (ascending).
Result<std::vector<NodeId>> parse_node_list(std::string_view text,
                                            std::span<const NodeId> available);

}  // namespace terrace
