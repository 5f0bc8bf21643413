// SPDX-License-Identifier: Apache-2.0
// What the readers of sysfs share: numbers, node lists and access figures in its small files.
// Part of discovery's first step. Thread-safe, reads only; allocates.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <terrace/result.h>
#include <terrace/tier.h>

namespace terrace {

/// The first whole number at or after `position`; nothing when another character but blanks comes
/// first or it does not fit.
std::optional<std::uint64_t> number_at(std::string_view text, std::size_t position = 0);

/// A file that holds one decimal number and nothing else.
std::optional<std::uint64_t> read_number(const std::string& path);

/// "0-1,8" in a file; kIo when it cannot be read or makes no sense.
Result<std::vector<NodeId>> read_node_list(const std::string& path);

/// N of "PREFIXN"; nothing for other names and for numbers above 1023.
std::optional<NodeId> numbered_name(std::string_view name, std::string_view prefix);

/// Read bandwidth and latency as the kernel gives them to nodes and CXL regions alike: MB/s of
/// 10^6 bytes, and nanoseconds (Documentation/ABI/stable/sysfs-devices-node,
/// testing/sysfs-bus-cxl).
struct AccessFigures {
  Figure<GBps> read_bandwidth;
  Figure<Nanoseconds> read_latency;
  std::vector<NodeId> initiators;  ///< nodeN listed beside them, ascending
  std::vector<std::string> notes;  ///< files whose text is no figure, with the remedy
};

/// From `folder`/access1`below`, and access0 for what that lacks: access1 holds for the nearest
/// CPUs, access0 for the nearest initiator of any kind, which may be an accelerator. Kernels before
/// 6.9 give CXL regions neither, kernels before 5.10 give nodes access0 only.
AccessFigures read_access(const std::string& folder, const std::string& below, Provenance from);

}  // namespace terrace
