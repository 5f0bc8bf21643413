// SPDX-License-Identifier: Apache-2.0
// Rules about which objects may lie on which tiers, as people write them: --pin and --forbid of
// terrace plan. Read into constraints by placement_rules.h. Thread-safe; allocates.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <terrace/result.h>

namespace terrace::plan {

enum class RuleKind : std::uint8_t {
  kPin = 0,     ///< on this tier and no other
  kForbid = 1,  ///< anywhere but on this tier
};

struct PlacementRule {
  RuleKind kind = RuleKind::kPin;
  std::string objects;  ///< a label with * and ?, "origin:heap|anonymous|file" or "site:16 hex"
  std::string tier;     ///< name
  bool operator==(const PlacementRule&) const = default;
};

/// "OBJECTS=TIER,OBJECTS=TIER". Spaces around commas are dropped; a comma in a label is written as
/// "?"; the last "=" of a rule counts. Errors: kUsage for a rule without "=" or with an empty side,
/// an unknown origin, a site that is not 16 hexadecimal digits.
Result<std::vector<PlacementRule>> parse_rules(RuleKind kind, std::string_view text);

/// "pin OBJECTS=TIER", as messages name it.
std::string rule_name(const PlacementRule& rule);

}  // namespace terrace::plan
