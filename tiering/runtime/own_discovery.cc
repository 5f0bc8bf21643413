// SPDX-License-Identifier: Apache-2.0
#include "tiering/runtime/own_discovery.h"

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <terrace/tier.h>

#include "allocators/os/files.h"

namespace terrace::runtime {
namespace {

constexpr std::uint32_t kOwnTiers = 3;  ///< faster than the CPUs' own, the CPUs' own, slower

struct OwnFlat {
  FlatHeader header;
  FlatTier tiers[kOwnTiers];
};
constinit OwnFlat own{};

struct Setting {
  char key[32];
  char value[64];
};

/// Takes the next key:value from `conf`; false at its end.
bool next_setting(const char*& conf, Setting& setting) {
  while (*conf == ',' || *conf == ' ') ++conf;
  if (*conf == '\0') return false;
  std::size_t used = 0;
  for (; *conf != '\0' && *conf != ':' && *conf != ','; ++conf) {
    if (used + 1 < sizeof setting.key) setting.key[used++] = *conf;
  }
  setting.key[used] = '\0';
  used = 0;
  if (*conf == ':') ++conf;
  for (; *conf != '\0' && *conf != ','; ++conf) {
    if (used + 1 < sizeof setting.value) setting.value[used++] = *conf;
  }
  setting.value[used] = '\0';
  return true;
}

Error bad_value(const Setting& setting, const char* expected) {
  return make_error(ErrorCode::kUsage, 0, "TERRACE_CONF: %s: \"%s\" is not %s", setting.key,
                    setting.value, expected);
}

/// Size with an optional K, M, G or T (powers of 1024, "iB" or "B" may follow); 0: not a size.
std::uint64_t size_of(const char* text) {
  char* end = nullptr;
  const std::uint64_t number = std::strtoull(text, &end, 10);
  static constexpr char kUnits[] = "KMGT";
  const char* unit = *end != '\0' ? std::strchr(kUnits, std::toupper(*end)) : nullptr;
  if (end == text || (*end != '\0' && unit == nullptr)) return 0;
  const auto shift = unit != nullptr ? 10 * (unit - kUnits + 1) : 0;
  return number > (~std::uint64_t{0} >> shift) ? 0 : number << shift;
}

Status apply_policy(const Setting& setting, bool& wanted) {
  static constexpr const char* kPolicies[] = {"first-touch", "interleave", "weighted", "none"};
  for (std::uint32_t i = 0; i < 4; ++i) {
    if (std::strcmp(setting.value, kPolicies[i]) != 0) continue;
    own.header.default_policy = i;
    wanted = i != static_cast<std::uint32_t>(DefaultPolicy::kPassThrough);
    return ok_status();
  }
  return bad_value(setting, "first-touch, interleave, weighted or none");
}

Status apply_bind(const Setting& setting) {
  static constexpr const char* kModes[] = {"off", "advisory", "strict"};
  for (std::uint32_t i = 0; i < 3; ++i) {
    if (std::strcmp(setting.value, kModes[i]) != 0) continue;
    own.header.bind_mode = i;
    return ok_status();
  }
  return bad_value(setting, "off, advisory or strict");
}

Status apply_flag(const Setting& setting, FlatFlags flag) {
  const bool on = std::strcmp(setting.value, "true") == 0 || setting.value[0] == '\0';
  if (!on && std::strcmp(setting.value, "false") != 0) return bad_value(setting, "true or false");
  if (on) own.header.flags |= flag;
  return ok_status();
}

Status apply_size(const Setting& setting, std::uint64_t& bytes) {
  bytes = size_of(setting.value);
  return bytes != 0 ? ok_status() : bad_value(setting, "a size such as 4M");
}

Status apply(const Setting& setting, bool& wanted) {
  if (std::strcmp(setting.key, "policy") == 0) return apply_policy(setting, wanted);
  if (std::strcmp(setting.key, "bind") == 0) return apply_bind(setting);
  if (std::strcmp(setting.key, "strict") == 0) return apply_flag(setting, kFlagStrict);
  if (std::strcmp(setting.key, "verbose") == 0) return apply_flag(setting, kFlagVerbose);
  if (std::strcmp(setting.key, "threshold") == 0) {
    return apply_size(setting, own.header.threshold_bytes);
  }
  if (std::strcmp(setting.key, "mmap-threshold") == 0) {
    return apply_size(setting, own.header.mmap_threshold_bytes);
  }
  return ok_status();
}

/// Reads a sysfs list such as "0-1,8" into `mask`.
bool read_node_list(const char* root, const char* name, std::uint64_t* mask) {
  char path[320];
  char text[512];
  std::snprintf(path, sizeof path, "%s/devices/system/node/%s", root, name);
  if (os::read_small_file(path, text, sizeof text) <= 0) return false;
  for (const char* at = text; std::isdigit(static_cast<unsigned char>(*at)) != 0;) {
    char* end = nullptr;
    const unsigned long first = std::strtoul(at, &end, 10);
    unsigned long last = first;
    if (*end == '-') last = std::strtoul(end + 1, &end, 10);
    for (unsigned long node = first; node <= last && node < kMaxNodes; ++node) {
      mask[node / 64] |= std::uint64_t{1} << (node % 64);
    }
    at = *end == ',' ? end + 1 : end;
  }
  return true;
}

std::uint64_t node_bytes(const char* root, std::uint32_t node) {
  char path[320];
  char text[4096];
  std::snprintf(path, sizeof path, "%s/devices/system/node/node%u/meminfo", root, node);
  if (os::read_small_file(path, text, sizeof text) <= 0) return 0;
  const char* total = std::strstr(text, "MemTotal:");
  return total != nullptr ? std::strtoull(total + 9, nullptr, 10) << 10 : 0;
}

/// The firmware's figure for the nearest CPUs, in MB/s; 0: not told.
std::uint64_t node_bandwidth(const char* root, std::uint32_t node) {
  char path[320];
  char text[32];
  std::snprintf(path, sizeof path,
                "%s/devices/system/node/node%u/access0/initiators/read_bandwidth", root, node);
  return os::read_small_file(path, text, sizeof text) > 0 ? std::strtoull(text, nullptr, 10) : 0;
}

bool has_node(const std::uint64_t* mask, std::uint32_t node) {
  return (mask[node / 64] >> (node % 64) & 1) != 0;
}

void add_node(FlatTier& tier, const char* root, std::uint32_t node) {
  tier.capacity_bytes += node_bytes(root, node);
  tier.bandwidth_gbps += static_cast<double>(node_bandwidth(root, node)) / 1000;
  tier.node_mask[node / 64] |= std::uint64_t{1} << (node % 64);
}

/// Sorts the nodes into tiers; the number of tiers that have any.
std::uint32_t find_tiers(const char* root) {
  std::uint64_t memory[kMaxNodes / 64] = {};
  std::uint64_t cpus[kMaxNodes / 64] = {};
  if (!read_node_list(root, "has_memory", memory)) return 0;
  read_node_list(root, "has_cpu", cpus);
  std::uint64_t cpu_bandwidth = 0;
  for (std::uint32_t node = 0; node < kMaxNodes; ++node) {
    if (!has_node(memory, node) || !has_node(cpus, node)) continue;
    const std::uint64_t bandwidth = node_bandwidth(root, node);
    if (bandwidth > cpu_bandwidth) cpu_bandwidth = bandwidth;
  }
  FlatTier found[kOwnTiers] = {};
  std::strcpy(found[0].name, "hbm");
  std::strcpy(found[1].name, "dram");
  std::strcpy(found[2].name, "cxl");
  found[0].kind = static_cast<std::uint8_t>(TierKind::kHbm);
  found[1].kind = static_cast<std::uint8_t>(TierKind::kDram);
  found[2].kind = static_cast<std::uint8_t>(TierKind::kCxl);
  for (std::uint32_t node = 0; node < kMaxNodes; ++node) {
    if (!has_node(memory, node)) continue;
    const bool faster = cpu_bandwidth != 0 && node_bandwidth(root, node) > cpu_bandwidth;
    add_node(found[has_node(cpus, node) ? 1 : (faster ? 0 : 2)], root, node);
  }
  std::uint32_t count = 0;
  for (const FlatTier& tier : found) {
    if (tier.capacity_bytes == 0) continue;
    own.tiers[count] = tier;
    own.tiers[count++].weight = tier.bandwidth_gbps > 0 ? tier.bandwidth_gbps : 1;
  }
  return count;
}

}  // namespace

Status discover_own(const char* conf, const char* sysfs_root, FlatView& view) {
  own = OwnFlat{};
  FlatHeader& header = own.header;
  header.threshold_bytes = MiB(1).value;
  header.mmap_threshold_bytes = MiB(16).value;
  header.file_threshold_bytes = ~std::uint64_t{0};
  header.late_bytes = MiB(64).value;
  header.late_age_ms = 250;
  header.bind_mode = static_cast<std::uint32_t>(BindMode::kAdvisory);
  bool wanted = false;
  Setting setting{};
  while (next_setting(conf, setting)) {
    if (const Status applied = apply(setting, wanted); !applied) return applied;
  }
  if (!wanted) return ok_status();
  header.tier_count = find_tiers(sysfs_root);
  if (header.tier_count < 2) return ok_status();
  std::memcpy(header.magic, kFlatMagic, sizeof header.magic);
  header.version = kFlatVersion;
  header.header_bytes = sizeof header;
  view = FlatView{&own.header, own.tiers, nullptr};
  return ok_status();
}

}  // namespace terrace::runtime
