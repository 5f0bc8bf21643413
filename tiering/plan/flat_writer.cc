// SPDX-License-Identifier: Apache-2.0
#include "tiering/plan/flat_writer.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <random>

#include "allocators/base/crc32.h"
#include "tiering/plan/machine_figures.h"
#include "tiering/plan/plan_check.h"

namespace terrace::plan {
namespace {

using runtime::FlatHeader;
using runtime::FlatObject;
using runtime::FlatTier;

using TierMapping = std::vector<std::uint8_t>;  // plan's tier index -> topology's

template <std::size_t N>
Status copy_text(char (&field)[N], const std::string& text, const char* what) {
  if (text.size() >= N || text.find('\0') != std::string::npos) {
    return make_error(ErrorCode::kUsage, 0, "%s '%.80s' has %zu bytes; at most %zu fit", what,
                      text.c_str(), text.size(), N - 1);
  }
  std::memcpy(field, text.c_str(), text.size() + 1);
  return ok_status();
}

// The runtime opens the path in another folder, perhaps, and maps whole blocks.
Status copy_path(FlatTier& flat, const Tier& tier) {
  if (tier.backing != BackingKind::kDax) return ok_status();
  if (tier.path.empty() || tier.path.front() != '/') {
    return make_error(ErrorCode::kUsage, 0, "tier %s: path '%.80s' is not absolute; state it whole",
                      tier.name.c_str(), tier.path.c_str());
  }
  if (tier.path.size() >= sizeof flat.path) {
    return make_error(ErrorCode::kUsage, 0,
                      "tier %s: path '%.80s...' has %zu bytes and at most %zu fit; name it by a "
                      "shorter way, such as a symbolic link",
                      tier.name.c_str(), tier.path.c_str(), tier.path.size(), sizeof flat.path - 1);
  }
  flat.mapping_unit = tier.mapping_unit.value;
  const bool whole = flat.mapping_unit >= 4096 && kBlockBytes.value % flat.mapping_unit == 0;
  if (!whole) {
    return make_error(ErrorCode::kUsage, 0,
                      "tier %s: %s is mapped in units of %llu bytes; Terrace maps blocks of 2 MiB; "
                      "give the device an alignment of 2 MiB (daxctl reconfigure-device, ndctl)",
                      tier.name.c_str(), tier.path.c_str(),
                      static_cast<unsigned long long>(flat.mapping_unit));
  }
  return copy_text(flat.path, tier.path, "tier path");
}

Result<FlatTier> flat_tier(const Tier& tier, double default_weight) {
  FlatTier flat{};
  if (Status copied = copy_text(flat.name, tier.name, "tier name"); !copied) return copied.error();
  if (Status copied = copy_path(flat, tier); !copied) return copied.error();
  flat.kind = static_cast<std::uint8_t>(tier.kind);
  flat.backing = static_cast<std::uint8_t>(tier.backing);
  flat.capacity_bytes = tier.capacity.value.value;
  flat.bandwidth_gbps = known_bandwidth(tier);
  flat.latency_ns = tier.idle_latency.value.value;
  flat.weight = flat.bandwidth_gbps > 0 ? flat.bandwidth_gbps : default_weight;
  for (NodeId node : tier.nodes) {
    const std::int32_t number = raw(node);
    if (number < 0 || static_cast<std::uint32_t>(number) >= runtime::kMaxNodes) {
      return make_error(ErrorCode::kUsage, 0,
                        "tier %s: node %d is out of range; nodes 0 to %u can be used",
                        tier.name.c_str(), number, runtime::kMaxNodes - 1);
    }
    flat.node_mask[number / 64] |= std::uint64_t{1} << (number % 64);
  }
  return flat;
}

Result<std::vector<FlatTier>> flat_tiers(const Topology& topology) {
  if (topology.tiers.empty() || topology.tiers.size() > runtime::kMaxTiers) {
    return make_error(ErrorCode::kUsage, 0, "%zu tiers; 1 to %u can be used; edit the tier file",
                      topology.tiers.size(), runtime::kMaxTiers);
  }
  const Tier& fastest = topology.tiers.front();
  if (fastest.capacity.value.value == 0) {
    return make_error(ErrorCode::kUsage, 0,
                      "the fastest tier, %s, has 0 bytes; give it capacity or remove it from the "
                      "tier file",
                      fastest.name.c_str());
  }
  // A tier of unknown bandwidth weighs as much as the slowest known one.
  double least = 0;
  for (const Tier& tier : topology.tiers) {
    const double bandwidth = known_bandwidth(tier);
    if (bandwidth > 0 && (least == 0 || bandwidth < least)) least = bandwidth;
  }
  std::vector<FlatTier> tiers;
  for (const Tier& tier : topology.tiers) {
    auto flat = flat_tier(tier, least > 0 ? least : 1);
    if (!flat) return flat.error();
    tiers.push_back(*flat);
  }
  return tiers;
}

Result<TierMapping> map_tiers(const Topology& topology, const Plan& plan) {
  TierMapping mapping;
  for (const Tier& tier : plan.tiers) {
    const auto found = std::find_if(topology.tiers.begin(), topology.tiers.end(),
                                    [&](const Tier& other) { return other.name == tier.name; });
    if (found == topology.tiers.end()) {
      return make_error(ErrorCode::kUsage, 0,
                        "plan: tier %s does not exist here; plan again for this topology, or name "
                        "the tier in the tier file",
                        tier.name.c_str());
    }
    mapping.push_back(static_cast<std::uint8_t>(found - topology.tiers.begin()));
  }
  return mapping;
}

Result<FlatHeader> flat_header(const Topology& topology, const RuntimeOptions& options) {
  FlatHeader header{};
  std::memcpy(header.magic, runtime::kFlatMagic, sizeof header.magic);
  header.version = runtime::kFlatVersion;
  header.header_bytes = sizeof header;
  header.flags = (options.record ? runtime::kFlagRecord : 0u) |
                 (options.strict ? runtime::kFlagStrict : 0u) |
                 (options.verbose ? runtime::kFlagVerbose : 0u) |
                 (options.live_status ? 0u : runtime::kFlagNoStatus);
  header.materialize = static_cast<std::uint32_t>(options.materialize);
  header.file_return_ms = options.file_return_ms;
  header.record_ms = options.record_ms;
  header.split = options.split;
  header.threshold_bytes = options.threshold.value;
  header.mmap_threshold_bytes = options.mmap_threshold.value;
  header.file_threshold_bytes = options.file_threshold.value;
  header.late_bytes = options.late_size.value;
  header.late_age_ms = options.late_age_ms;
  header.default_policy = static_cast<std::uint32_t>(options.policy);
  header.bind_mode = static_cast<std::uint32_t>(options.bind);
  header.window_hz = options.window_hz;
  header.source = options.source;
  for (const sources::SampleEvent& event : options.sample_events) {
    if (header.sample_event_count == sources::kMaxSampleEvents) break;
    header.sample_events[header.sample_event_count++] = event;
  }
  header.budget_ppm = options.budget_ppm;
  if (options.record && options.window_hz == 0) {
    return make_error(ErrorCode::kUsage, 0, "recording needs 1 heat window a second or more");
  }
  if (Status ok = copy_text(header.machine_id, topology.machine_id, "machine id"); !ok) {
    return ok.error();
  }
  if (Status ok = copy_text(header.session_path, options.session_path, "session path"); !ok) {
    return ok.error();
  }
  if (Status ok = copy_text(header.status_path, options.status_path, "status path"); !ok) {
    return ok.error();
  }
  return header;
}

void append(std::string& image, const void* data, std::size_t size) {
  image.append(static_cast<const char*>(data), size);
}

// The whole file's bytes; `mapping` is empty when there is no plan.
std::string assemble(FlatHeader header, const std::vector<FlatTier>& tiers, const Plan* plan,
                     const TierMapping& mapping) {
  const std::size_t object_count = plan == nullptr ? 0 : plan->objects.size();
  header.tier_count = static_cast<std::uint32_t>(tiers.size());
  header.object_count = static_cast<std::uint32_t>(object_count);
  header.tiers_offset = sizeof header;
  header.objects_offset = header.tiers_offset + tiers.size() * sizeof(FlatTier);
  header.maps_offset = header.objects_offset + object_count * sizeof(FlatObject);
  std::string objects;
  std::string maps;
  for (std::size_t i = 0; i < object_count; ++i) {
    const PlannedObject& planned = plan->objects[i];
    const FlatObject object{planned.key.site_hash,
                            planned.key.size_bytes,
                            planned.key.ordinal,
                            static_cast<std::uint32_t>(planned.key.origin),
                            header.maps_offset + maps.size(),
                            planned.block_tiers.size()};
    append(objects, &object, sizeof object);
    for (std::uint8_t tier : planned.block_tiers) maps.push_back(static_cast<char>(mapping[tier]));
  }
  std::string body;
  append(body, tiers.data(), tiers.size() * sizeof(FlatTier));
  body += objects + maps;
  header.total_bytes = sizeof header + body.size();
  header.crc32 = crc32(body.data(), body.size());
  std::string image;
  append(image, &header, sizeof header);
  return image + body;
}

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

Error write_error(const std::string& path, int saved_errno) {
  return make_error(ErrorCode::kIo, saved_errno, "%.200s: cannot be written: %s", path.c_str(),
                    std::strerror(saved_errno));
}

// Beside the target, made for its owner alone before any byte is in it, then renamed over it: a
// reader sees the old file or the new one, whole.
Status write_atomically(const std::string& path, const std::string& image) {
  namespace fs = std::filesystem;
  const std::string beside = path + "." + std::to_string(std::random_device{}()) + ".new";
  std::unique_ptr<std::FILE, CloseFile> file(std::fopen(beside.c_str(), "wxe"));
  if (file == nullptr) return write_error(path, errno);
  std::error_code code;
  fs::permissions(beside, fs::perms::owner_read | fs::perms::owner_write, code);
  int failure = code.value();
  if (failure == 0 && std::fwrite(image.data(), 1, image.size(), file.get()) != image.size()) {
    failure = errno;
  }
  if (std::fclose(file.release()) != 0 && failure == 0) failure = errno;
  if (failure == 0 && std::rename(beside.c_str(), path.c_str()) != 0) failure = errno;
  if (failure == 0) return ok_status();
  fs::remove(beside, code);
  return write_error(path, failure);
}

}  // namespace

Status write_flat(const std::string& path, const Topology& topology, const Plan* plan,
                  const RuntimeOptions& options) {
  auto tiers = flat_tiers(topology);
  if (!tiers) return tiers.error();
  auto header = flat_header(topology, options);
  if (!header) return header.error();
  TierMapping mapping;
  if (plan != nullptr) {
    if (Status checked = check_plan(topology, *plan); !checked) return checked;
    auto mapped = map_tiers(topology, *plan);
    if (!mapped) return mapped.error();
    mapping = std::move(*mapped);
  }
  return write_atomically(path, assemble(*header, *tiers, plan, mapping));
}

}  // namespace terrace::plan
