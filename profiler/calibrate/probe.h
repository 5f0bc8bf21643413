// SPDX-License-Identifier: Apache-2.0
// What measures one tier: the seam between calibrate, which decides what to measure and what the
// figures mean, and the memory that is measured. The tests put their own figures here.
// One tier at a time; allocates.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <terrace/result.h>
#include <terrace/units.h>

namespace terrace::calibrate {

enum class Quantity : std::uint8_t {
  kReadBandwidthOne,  ///< GB/s, one thread streaming
  kReadBandwidth,     ///< GB/s, all threads streaming
  kIdleLatency,       ///< ns per dependent load, nothing else running
  kLoadedLatency,     ///< ns per dependent load while the other threads stream
};
inline constexpr Quantity kQuantities[] = {Quantity::kReadBandwidthOne, Quantity::kReadBandwidth,
                                           Quantity::kIdleLatency, Quantity::kLoadedLatency};

const char* name_of(Quantity quantity);
/// "GB/s" or "ns".
const char* unit_of(Quantity quantity);

struct ProbeRequest {
  std::vector<NodeId> nodes;         ///< to bind to; empty: the machine has one choice only
  std::string path;                  ///< of a DAX tier, which has no nodes; else empty
  Bytes mapping_unit = kBlockBytes;  ///< of a DAX tier
  Bytes capacity;                    ///< of the tier: the probe takes at most half
  int threads = 1;
  Nanoseconds window;  ///< how long one measurement may take
  std::uint64_t seed = 1;
};

struct Probe {
  std::function<Result<double>(Quantity)> measure;  ///< one quantity, once
  std::string note;  ///< what makes the figures doubtful; empty when nothing does
};
/// Takes and fills the memory. Its probe gives the memory back when it is destroyed.
using ProbeFactory = std::function<Result<Probe>(const ProbeRequest&)>;

/// Probes of real memory. `sysfs_root` tells the size of the caches that the memory must exceed.
///
/// Bandwidth: each thread streams over its own part of the memory, whole cache lines by the widest
/// loads that the CPU has. Latency: one thread follows a random cycle through all cache lines of a
/// part four times as large as the last-level cache, each load's address being the last one's
/// value. The other threads stream for the loaded figure, at least one of them.
ProbeFactory memory_probes(const std::string& sysfs_root = "/sys");

}  // namespace terrace::calibrate
