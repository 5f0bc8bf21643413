// SPDX-License-Identifier: Apache-2.0
// The user's tier file (TOML), read into entries that still know their lines.
// Fourth step of discovery; tier_overlay lays the entries over what was found. Thread-safe;
// allocates. Every error is kUsage and names file, line, key and remedy.
//
//   only = true            # leave out what discovery found
//   [[tier]]
//   name = "slow"          # an existing name overrides, a new one adds
//   kind = "cxl"           # hbm dram cxl pmem file
//   backing = "emulated"   # numa (the default), emulated or dax
//   nodes = [0]            # or "0-1,3"
//   capacity = "4GiB"
//   bandwidth = "2.3GB/s"
//   latency = "250ns"
//   [[tier]]
//   name = "expander"
//   backing = "dax"
//   path = "/dev/dax0.0"   # device, file, or folder for files without a name; a relative one
//                          # starts at the tier file's folder
//   use = "placed"         # or on-request: shown, and nothing is put there
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <terrace/result.h>
#include <terrace/tier.h>

namespace terrace {

template <typename T>
struct Located {
  T value{};
  int line = 0;
};

struct TierEntry {
  int line = 0;  ///< of its [[tier]] header
  Located<std::string> name;
  std::optional<Located<TierKind>> kind;
  std::optional<Located<BackingKind>> backing;
  std::optional<Located<std::vector<NodeId>>> nodes;
  std::optional<Located<std::string>> path;  ///< absolute
  std::optional<Located<Use>> use;
  std::optional<Located<Bytes>> capacity;
  std::optional<Located<GBps>> bandwidth;
  std::optional<Located<Nanoseconds>> latency;
};

struct TierFile {
  std::string path;
  bool only = false;
  std::vector<TierEntry> entries;  ///< in the file's order, names unique
};

Result<TierFile> read_tier_file(const std::string& path);

/// The same from text; `path` serves the messages.
Result<TierFile> parse_tier_file(const std::string& text, const std::string& path);

}  // namespace terrace
