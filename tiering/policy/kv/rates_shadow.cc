// SPDX-License-Identifier: Apache-2.0
#include "tiering/policy/kv/rates_shadow.h"

#include <utility>

namespace terrace::policy {

void RatesShadow::set_idle(std::uint32_t record, bool idle) {
  Member& member = members_[record];
  if (member.idle == idle) return;
  member.idle = idle;
  if (idle) {
    candidates_.insert(record, member.cell, 0);
  } else {
    candidates_.erase(record, member.cell, 0);
  }
}

void RatesShadow::set_cell(std::uint32_t record, std::uint32_t cell) {
  Member& member = members_[record];
  if (member.idle) candidates_.erase(record, member.cell, 0);
  member.cell = cell;
  if (member.idle) candidates_.insert(record, cell, 0);
}

/// False: the record is worth less than all that could go for it.
bool RatesShadow::make_room(std::uint32_t record, const ReuseModel& model) {
  if (held_ < slots_) return true;
  const RankedCandidates::Least least = candidates_.least(model);
  if (least.member == kNone) return false;
  if (candidates_.worth(model, members_[record].cell, 0) < least.worth) return false;
  leave(least.member);
  return true;
}

void RatesShadow::enter(std::uint32_t record) {
  Member& member = members_[record];
  member.parent = tip_;
  member.children = 0;
  member.inside = true;
  if (tip_ != kNone) {
    member.parent_stay = members_[tip_].stay;
    ++members_[tip_].children;
  }
  ++held_;
}

void RatesShadow::leave(std::uint32_t record) {
  set_idle(record, false);
  Member& member = members_[record];
  member.inside = false;
  ++member.stay;
  --held_;
  if (member.parent == kNone) return;
  Member& parent = members_[member.parent];
  if (!parent.inside || parent.stay != member.parent_stay) return;
  if (--parent.children == 0 && member.parent != tip_) set_idle(member.parent, true);
}

void RatesShadow::serve(std::span<const std::uint32_t> records, const ReuseModel& model) {
  std::size_t at = 0;
  while (at < records.size() && holds(records[at])) ++at;
  if (at > 0) {
    tip_ = records[at - 1];
    set_idle(tip_, false);
  }
  for (; at < records.size() && !holds(records[at]) && make_room(records[at], model); ++at) {
    enter(records[at]);
    tip_ = records[at];
  }
  const std::uint32_t last = std::exchange(tip_, kNone);
  if (last != kNone && members_[last].children == 0) set_idle(last, true);
}

}  // namespace terrace::policy
