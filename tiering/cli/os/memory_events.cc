// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/os/memory_events.h"

#include <linux/perf_event.h>
#include <perfmon/pfmlib.h>
#include <perfmon/pfmlib_perf_event.h>

#include <cstring>
#include <fstream>
#include <initializer_list>

namespace terrace::cli::os {
namespace {

// Every sample stands for about 640 kB, so that loads and stores can be added up. Primes: a period
// that divides a loop's length would always hit the same of its accesses.
constexpr std::uint64_t kLoadPeriod = 10007;
constexpr std::uint32_t kLineBytes = 64;
constexpr std::uint64_t kStorePeriod = 40009;
constexpr std::uint32_t kStoreBytes = 16;
/// IBS counts operations of all sorts, in units of 16.
constexpr std::uint64_t kOperationPeriod = 0x40010;

// Of every generation that libpfm4 knows, by the names that it uses.
constexpr const char* kLoads[] = {"MEM_TRANS_RETIRED:LOAD_LATENCY:ldlat=10",
                                  "MEM_INST_RETIRED:LATENCY_ABOVE_THRESHOLD:ldlat=10"};
constexpr const char* kStores[] = {"MEM_INST_RETIRED:ALL_STORES", "MEM_UOPS_RETIRED:ALL_STORES",
                                   "MEM_TRANS_RETIRED:PRECISE_STORE"};

sources::SampleEvent named(const std::string& name) {
  sources::SampleEvent event{};
  std::strncpy(event.name, name.c_str(), sizeof event.name - 1);
  return event;
}

bool encode(const char* name, sources::SampleEvent& event) {
  perf_event_attr attributes{};
  pfm_perf_encode_arg_t argument{};
  argument.attr = &attributes;
  argument.size = sizeof argument;
  if (pfm_get_os_event_encoding(name, PFM_PLM3, PFM_OS_PERF_EVENT_EXT, &argument) != PFM_SUCCESS) {
    return false;
  }
  event = named(name);
  event.type = attributes.type;
  event.config = attributes.config;
  event.config1 = attributes.config1;
  event.config2 = attributes.config2;
  event.precise = 3;
  return true;
}

template <std::size_t N>
bool encode_first(const char* const (&names)[N], sources::SampleEvent& event) {
  for (const char* const name : names) {
    if (encode(name, event)) return true;
  }
  return false;
}

std::string first_word(const std::string& path) {
  std::ifstream stream(path);
  std::string word;
  stream >> word;
  return word;
}

bool add_ibs(const std::string& event_sources, MemoryEvents& found) {
  const std::string type = first_word(event_sources + "/ibs_op/type");
  if (type.empty() || type.find_first_not_of("0123456789") != std::string::npos) return false;
  sources::SampleEvent event = named("ibs_op");
  event.type = static_cast<std::uint32_t>(std::stoul(type));
  event.flags = sources::kSampleWholeCpu;
  event.config = std::uint64_t{1} << 19;  // cnt_ctl: count operations, not cycles
  event.period = kOperationPeriod;
  event.bytes_per_event = kLineBytes;
  found.events.push_back(event);
  found.detail = "AMD IBS (ibs_op)";
  return true;
}

/// From Sapphire Rapids on loads are sampled only beside this event (the kernel's
/// mem-loads-aux: event 0x03, umask 0x82).
void add_leader(const std::string& event_sources, std::uint32_t type, MemoryEvents& found) {
  const bool needed = std::ifstream(event_sources + "/cpu/events/mem-loads-aux").good() ||
                      std::ifstream(event_sources + "/cpu_core/events/mem-loads-aux").good();
  if (!needed) return;
  sources::SampleEvent leader = named("mem-loads-aux");
  leader.type = type;
  leader.flags = sources::kSampleLeader;
  leader.config = 0x8203;
  found.events.push_back(leader);
}

void add_pebs(const std::string& event_sources, MemoryEvents& found) {
  sources::SampleEvent loads;
  if (!encode_first(kLoads, loads)) {
    found.detail = "libpfm4 knows no event of this processor that samples loads by address";
    return;
  }
  add_leader(event_sources, loads.type, found);
  loads.period = kLoadPeriod;
  loads.bytes_per_event = kLineBytes;
  found.events.push_back(loads);
  found.detail = loads.name;
  sources::SampleEvent stores;
  if (!encode_first(kStores, stores)) return;
  stores.period = kStorePeriod;
  stores.bytes_per_event = kStoreBytes;
  found.events.push_back(stores);
  found.detail += std::string(", ") + stores.name;
}

}  // namespace

MemoryEvents find_memory_events(const std::string& event_sources) {
  MemoryEvents found;
  if (add_ibs(event_sources, found)) return found;
  if (const int error = pfm_initialize(); error != PFM_SUCCESS) {
    found.detail = std::string("libpfm4: ") + pfm_strerror(error);
    return found;
  }
  add_pebs(event_sources, found);
  pfm_terminate();
  return found;
}

}  // namespace terrace::cli::os
