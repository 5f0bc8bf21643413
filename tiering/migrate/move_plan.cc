// SPDX-License-Identifier: Apache-2.0
#include "tiering/migrate/move_plan.h"

#include <fmt/format.h>

#include <algorithm>

namespace terrace::migrate {
namespace {

constexpr Bytes kSmallPage = KiB(4);

std::uintptr_t round_down(std::uintptr_t at, Bytes unit) {
  return at - at % unit.value;
}
std::uintptr_t round_up(std::uintptr_t at, Bytes unit) {
  return round_down(at + unit.value - 1, unit);
}

/// The order's range in whole small pages.
struct Range {
  std::uintptr_t begin;
  std::uintptr_t end;
};
Range range_of(const MoveOrder& order) {
  const auto at = reinterpret_cast<std::uintptr_t>(order.at);
  return {round_down(at, kSmallPage), round_up(at + order.size.value, kSmallPage)};
}

/// Reasons that the order itself gives; empty: none.
std::string refusal_of_order(const MoveOrder& order) {
  if (order.to == nullptr) return "the order names no tier";
  const Tier& tier = *order.to;
  if (order.size.value == 0) return "the range is empty";
  if (tier.backing == BackingKind::kEmulatedLink) {
    return fmt::format("tier {} is an emulated link: only `terrace run` puts objects behind it",
                       tier.name);
  }
  if (tier.backing == BackingKind::kNuma && tier.nodes.empty()) {
    return fmt::format("tier {} has no NUMA node: check it with `terrace topo`", tier.name);
  }
  return {};
}

std::string refusal_of_pins(const MoveOrder& order, const std::vector<Pin>& pins) {
  if (order.pid != 0) return {};
  const Range range = range_of(order);
  for (const Pin& pin : pins) {
    if (pin.begin < range.end && range.begin < pin.end) return "pinned: " + pin.why;
  }
  return {};
}

std::string refusal_of_mappings(const Range& range, const RangeFacts& facts) {
  if (facts.mappings.empty()) {
    return fmt::format("nothing is mapped at {:#x}-{:#x}", range.begin, range.end);
  }
  for (const os::MappingFacts& mapping : facts.mappings) {
    if (mapping.locked) {
      return fmt::format("locked in memory (mlock) at {:#x}-{:#x}: munlock it to move it",
                         mapping.begin, mapping.end);
    }
    if (mapping.device) {
      return fmt::format("{:#x}-{:#x} is a device's own memory ({}): it has no other place",
                         mapping.begin, mapping.end, mapping.path);
    }
  }
  return {};
}

/// The part of a mapping that the range covers, in the mapping's own pages.
PageRange part_of(const os::MappingFacts& mapping, const Range& range) {
  const Bytes page = mapping.hugetlb ? mapping.kernel_page : kSmallPage;
  return {std::max(mapping.begin, round_down(range.begin, page)),
          std::min(mapping.end, round_up(range.end, page)), page};
}

/// Mappings that differ in nothing a move sees become one part.
std::vector<PageRange> parts_of(const RangeFacts& facts, const Range& range) {
  std::vector<PageRange> parts;
  for (const os::MappingFacts& mapping : facts.mappings) {
    const PageRange part = part_of(mapping, range);
    if (!parts.empty() && parts.back().end == part.begin && parts.back().page == part.page) {
      parts.back().end = part.end;
    } else {
      parts.push_back(part);
    }
  }
  return parts;
}

/// Cuts at multiples of a block, so that no huge page lies in two batches.
void cut(const PageRange& part, Bytes batch, std::vector<PageRange>* batches) {
  const Bytes step = std::max(batch, part.page);
  for (std::uintptr_t begin = part.begin; begin < part.end;) {
    const std::uintptr_t wanted = round_down(begin + step.value, std::max(kBlockBytes, part.page));
    const std::uintptr_t end = std::min(part.end, wanted);
    batches->push_back({begin, end, part.page});
    begin = end;
  }
}

}  // namespace

MovePlan plan_move(const Kernel& kernel, const MoveOrder& order, Bytes batch,
                   const std::vector<Pin>& pins) {
  MovePlan plan;
  plan.refused = refusal_of_order(order);
  if (plan.refused.empty()) plan.refused = refusal_of_pins(order, pins);
  if (!plan.refused.empty()) return plan;
  const Range range = range_of(order);
  const auto facts = kernel.examine(order.pid, range.begin, range.end);
  if (!facts) {
    plan.refused = facts.error().message;
    return plan;
  }
  plan.refused = refusal_of_mappings(range, *facts);
  if (!plan.refused.empty()) return plan;
  const std::vector<PageRange> parts = parts_of(*facts, range);
  plan.unit = parts.front().page;
  plan.not_mapped = Bytes(range.end - range.begin);
  for (const PageRange& part : parts) {
    plan.unit = std::min(plan.unit, part.page);
    const std::uintptr_t begin = std::max(part.begin, range.begin);
    plan.not_mapped -= Bytes(std::min(part.end, range.end) - begin);
    cut(part, batch, &plan.batches);
  }
  if (plan.not_mapped.value > 0) plan.unit = kSmallPage;
  return plan;
}

}  // namespace terrace::migrate
