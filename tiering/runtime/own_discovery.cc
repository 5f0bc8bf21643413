// SPDX-License-Identifier: Apache-2.0
#include "tiering/runtime/own_discovery.h"

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <terrace/tier.h>

#include "tiering/runtime/own_nodes.h"

namespace terrace::runtime {
namespace {

constexpr std::uint32_t kOwnTiers = 5;  ///< one for each kind of memory, one for the unknown

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

/// A flag that is on unless the key says false.
Status apply_default_on(const Setting& setting, FlatFlags off_flag) {
  const bool off = std::strcmp(setting.value, "false") == 0;
  if (!off && std::strcmp(setting.value, "true") != 0 && setting.value[0] != '\0') {
    return bad_value(setting, "true or false");
  }
  if (off) own.header.flags |= off_flag;
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
  if (std::strcmp(setting.key, "live-status") == 0) {
    return apply_default_on(setting, kFlagNoStatus);
  }
  if (std::strcmp(setting.key, "threshold") == 0) {
    return apply_size(setting, own.header.threshold_bytes);
  }
  if (std::strcmp(setting.key, "mmap-threshold") == 0) {
    return apply_size(setting, own.header.mmap_threshold_bytes);
  }
  return ok_status();
}

/// The tiers in the order of the kinds; nodes that nothing describes come last, in one tier.
struct OwnKind {
  TierKind kind;
  const char* name;
};
constexpr OwnKind kOwnKinds[kOwnTiers] = {{TierKind::kHbm, "hbm"},
                                          {TierKind::kDram, "dram"},
                                          {TierKind::kCxl, "cxl"},
                                          {TierKind::kPmem, "pmem"},
                                          {TierKind::kUnknown, "other"}};

void add_node(FlatTier& tier, const OwnNode& node, std::uint32_t number) {
  tier.capacity_bytes += node.bytes;
  tier.bandwidth_gbps += static_cast<double>(node.bandwidth_mbps) / 1000;
  tier.node_mask[number / 64] |= std::uint64_t{1} << (number % 64);
}

/// Sorts the nodes into tiers; the number of tiers that have any.
std::uint32_t find_tiers(const char* root) {
  const OwnNode* const nodes = read_own_nodes(root);
  std::uint32_t count = 0;
  for (const OwnKind& own_kind : kOwnKinds) {
    FlatTier& tier = own.tiers[count];
    for (std::uint32_t number = 0; number < kMaxNodes; ++number) {
      if (nodes[number].bytes != 0 && nodes[number].kind == own_kind.kind)
        add_node(tier, nodes[number], number);
    }
    if (tier.capacity_bytes == 0) continue;
    std::strcpy(tier.name, own_kind.name);
    tier.kind = static_cast<std::uint8_t>(own_kind.kind);
    tier.weight = tier.bandwidth_gbps > 0 ? tier.bandwidth_gbps : 1;
    ++count;
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
