// SPDX-License-Identifier: Apache-2.0
#include "tiering/plan/rule_text.h"

#include <algorithm>

#include "allocators/base/text.h"
#include "allocators/base/words.h"

namespace terrace::plan {
namespace {

constexpr std::string_view kOrigin = "origin:";
constexpr std::string_view kSite = "site:";

Status check_objects(std::string_view objects) {
  if (objects.starts_with(kOrigin)) {
    const std::string_view name = objects.substr(kOrigin.size());
    if (std::ranges::find(kOriginWords, name) != kOriginWords.end()) return ok_status();
    return make_error(ErrorCode::kUsage, 0,
                      "\"%.*s\" is no origin; origins are heap, anonymous and file", shown(objects),
                      objects.data());
  }
  if (!objects.starts_with(kSite)) return ok_status();
  const std::string_view digits = objects.substr(kSite.size());
  const bool hexadecimal = digits.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  if (digits.size() == 16 && hexadecimal) return ok_status();
  return make_error(ErrorCode::kUsage, 0,
                    "\"%.*s\" is no site; 16 hexadecimal digits in small letters are needed, as a "
                    "plan's \"site\" has them",
                    shown(objects), objects.data());
}

Result<PlacementRule> parse_rule(RuleKind kind, std::string_view text) {
  const std::size_t equals = text.rfind('=');
  const std::string_view objects = trimmed(text.substr(0, equals));
  const std::string_view tier =
      equals == std::string_view::npos ? std::string_view() : trimmed(text.substr(equals + 1));
  if (objects.empty() || tier.empty()) {
    return make_error(ErrorCode::kUsage, 0,
                      "\"%.*s\" is no rule; write OBJECTS=TIER, such as weights*=dram or "
                      "origin:heap=cxl",
                      shown(text), text.data());
  }
  if (Status checked = check_objects(objects); !checked) return checked.error();
  return PlacementRule{kind, std::string(objects), std::string(tier)};
}

}  // namespace

Result<std::vector<PlacementRule>> parse_rules(RuleKind kind, std::string_view text) {
  std::vector<PlacementRule> rules;
  for (;;) {
    const std::size_t comma = text.find(',');
    auto rule = parse_rule(kind, trimmed(text.substr(0, comma)));
    if (!rule) return rule.error();
    rules.push_back(std::move(*rule));
    if (comma == std::string_view::npos) return rules;
    text.remove_prefix(comma + 1);
  }
}

std::string rule_name(const PlacementRule& rule) {
  return (rule.kind == RuleKind::kPin ? "pin " : "forbid ") + rule.objects + "=" + rule.tier;
}

}  // namespace terrace::plan
