// SPDX-License-Identifier: Apache-2.0
#include "tiering/plan/placement_rules.h"

#include <cstdio>
#include <map>

#include "allocators/base/pattern.h"
#include "tiering/plan/plan_words.h"

namespace terrace::plan {
namespace {

bool is_by_origin(const PlacementRule& rule) {
  return rule.objects.starts_with("origin:");
}

bool matches(const PlacementRule& rule, const heat::ObjectHeat& object) {
  if (is_by_origin(rule)) return rule.objects.substr(7) == word_of(object.key.origin, kOriginWords);
  if (rule.objects.starts_with("site:")) {
    char site[17];
    std::snprintf(site, sizeof site, "%016llx",
                  static_cast<unsigned long long>(object.key.site_hash));
    return rule.objects.substr(5) == site;
  }
  return matches_pattern(object.label, rule.objects) ||
         (!object.path.empty() && matches_pattern(object.path, rule.objects));
}

std::string names_of(TierMask mask, const std::vector<Tier>& tiers) {
  std::string names;
  for (std::size_t i = 0; i < tiers.size(); ++i) {
    if (allows(mask, i)) names += (names.empty() ? "" : ", ") + tiers[i].name;
  }
  return names;
}

Result<TierMask> mask_of(const PlacementRule& rule, const std::vector<Tier>& tiers) {
  for (std::size_t i = 0; i < tiers.size(); ++i) {
    if (tiers[i].name != rule.tier) continue;
    const TierMask bit = TierMask{1} << i;
    return rule.kind == RuleKind::kPin ? bit : static_cast<TierMask>(~bit);
  }
  return make_error(ErrorCode::kUsage, 0,
                    "plan: rule \"%.80s\": no tier %.40s; the tiers are %.80s",
                    rule_name(rule).c_str(), rule.tier.c_str(), names_of(kAnyTier, tiers).c_str());
}

Error leaves_no_tier(const PlacementRule& rule, const std::string& label) {
  return make_error(ErrorCode::kUsage, 0,
                    "plan: rule \"%.80s\" and the rules before it leave object \"%.60s\" no tier; "
                    "take one of them back",
                    rule_name(rule).c_str(), label.c_str());
}

Error matches_nothing(const PlacementRule& rule) {
  return make_error(ErrorCode::kUsage, 0,
                    "plan: rule \"%.80s\" names no object of 2 MiB and more in the session; "
                    "`terrace report` lists them, * stands for any letters",
                    rule_name(rule).c_str());
}

}  // namespace

Result<std::vector<TierMask>> allowed_tiers(const std::vector<PlacementRule>& rules,
                                            const heat::HeatMap& heat,
                                            const model::Workload& workload,
                                            const std::vector<Tier>& tiers,
                                            std::vector<std::string>& notes) {
  std::vector<TierMask> allowed;
  if (rules.empty()) return allowed;
  const TierMask all = static_cast<TierMask>((std::uint64_t{1} << tiers.size()) - 1);
  allowed.assign(workload.objects.size(), all);
  for (const PlacementRule& rule : rules) {
    auto mask = mask_of(rule, tiers);
    if (!mask) return mask.error();
    bool found = false;
    for (std::size_t o = 0; o < allowed.size(); ++o) {
      const heat::ObjectHeat& object = heat.objects[workload.objects[o].heat_index];
      if (!matches(rule, object)) continue;
      found = true;
      allowed[o] &= *mask;
      if (allowed[o] == 0) return leaves_no_tier(rule, object.label);
    }
    if (found) continue;
    if (!is_by_origin(rule)) return matches_nothing(rule);
    notes.push_back("rule \"" + rule_name(rule) + "\" applies to no object of the session");
  }
  return allowed;
}

std::vector<Demand> restricted_demand(const model::Workload& workload,
                                      const Constraints& constraints, std::size_t tier_count) {
  const TierMask all = static_cast<TierMask>((std::uint64_t{1} << tier_count) - 1);
  std::map<TierMask, std::uint64_t> blocks;
  for (std::size_t o = 0; o < workload.objects.size(); ++o) {
    const TierMask mask = constraints.allowed_of(o) & all;
    if (mask != all) blocks[mask] += workload.objects[o].blocks.size();
  }
  std::vector<Demand> restricted;
  for (const auto& [mask, count] : blocks) restricted.push_back({mask, count});
  return restricted;
}

Status check_restricted(const TierRoom& room, const std::vector<Tier>& tiers) {
  for (const Slack& slack : room.slack()) {
    if (slack.blocks >= 0) continue;
    return make_error(ErrorCode::kInfeasible, 0,
                      "plan: the rules bind objects to %.100s that exceed its room by %llu MiB; "
                      "pin less there, allow another tier, or add capacity",
                      names_of(slack.tiers, tiers).c_str(),
                      2 * static_cast<unsigned long long>(-slack.blocks));
  }
  return ok_status();
}

}  // namespace terrace::plan
