// SPDX-License-Identifier: Apache-2.0
// The events of this processor by which loads and stores are sampled with their addresses, encoded
// for perf_event_open: Intel's by libpfm4, AMD's IBS by what the kernel says of it. Done here, so
// that the recorded process needs neither library nor names.
// libpfm4 keeps global state: one caller at a time. Allocates.
#pragma once

#include <string>
#include <vector>

#include "profiler/sources/sample_event.h"

namespace terrace::cli::os {

struct MemoryEvents {
  std::vector<sources::SampleEvent> events;  ///< a leader right before its event
  std::string detail;                        ///< which they are, or why there is none
};

/// `event_sources`: normally /sys/bus/event_source/devices. Whether the events can be opened only
/// opening them shows.
MemoryEvents find_memory_events(const std::string& event_sources);
inline constexpr const char* kEventSources = "/sys/bus/event_source/devices";

}  // namespace terrace::cli::os
