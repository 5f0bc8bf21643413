// SPDX-License-Identifier: Apache-2.0
// A hardware or software event by which memory accesses are sampled, as the command line encodes it
// for this machine (tiering/cli/os/memory_events.h) and the flat file carries it: the recorded
// process knows no event by name. Plain data.
#pragma once

#include <cstdint>

namespace terrace::sources {

inline constexpr std::uint32_t kMaxSampleEvents = 4;

enum SampleEventFlags : std::uint32_t {
  /// Leads the group in which the next event is: some processors sample loads only beside it.
  kSampleLeader = 1u << 0,
  /// May be opened for whole CPUs where it follows no process; others' samples are dropped then.
  kSampleWholeCpu = 1u << 1,
};

struct SampleEvent {
  std::uint32_t type;   ///< perf_event_attr::type; the rest likewise
  std::uint32_t flags;  ///< SampleEventFlags
  std::uint64_t config;
  std::uint64_t config1;
  std::uint64_t config2;
  std::uint64_t period;  ///< 0 for a leader: it is not sampled itself
  std::uint32_t precise;
  /// Memory that one event stands for; a sample stands for `period` times as much.
  std::uint32_t bytes_per_event;
  char name[32];  ///< for messages, NUL-terminated
};
static_assert(sizeof(SampleEvent) == 80);

}  // namespace terrace::sources
