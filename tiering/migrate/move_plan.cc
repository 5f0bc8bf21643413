// SPDX-License-Identifier: Apache-2.0
#include "tiering/migrate/move_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

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
  if (tier.backing == BackingKind::kDax && order.pid != 0) {
    return fmt::format("tier {} takes memory of this process only, not of process {}", tier.name,
                       order.pid);
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

/// Memory that move_pages cannot touch: a devdax device, or a file on a filesystem mounted as DAX.
/// A plain file's page cache it can.
bool is_dax(const os::MappingFacts& mapping) {
  constexpr const char kDevice[] = "/dev/dax";
  if (!mapping.shared || mapping.path[0] != '/') return false;
  return std::strncmp(mapping.path, kDevice, sizeof kDevice - 1) == 0 ||
         os::is_dax_file(mapping.path);
}

class Planner {
 public:
  Planner(Remapper& remapper, const MoveOrder& order, Bytes batch)
      : remapper_(remapper), order_(order), range_(range_of(order)), batch_(batch) {}

  MovePlan plan(const RangeFacts& facts) {
    plan_.refused = refusal_of_mappings(range_, facts);
    open_pool();
    plan_.not_mapped = Bytes(range_.end - range_.begin);
    for (const os::MappingFacts& mapping : facts.mappings) {
      if (plan_.refused.empty()) add_mapping(mapping);
    }
    const bool copies = std::any_of(parts_.begin(), parts_.end(), [](const Batch& part) {
      return part.way != Way::kPages && part.way != Way::kStay;
    });
    if (copies && plan_.refused.empty()) plan_.refused = refusal_of_copying(facts);
    if (plan_.refused.empty()) cut_parts();
    return std::move(plan_);
  }

 private:
  void open_pool() {
    if (!plan_.refused.empty() || order_.to->backing != BackingKind::kDax) return;
    const auto pool = remapper_.pools().at(*order_.to);
    if (pool) {
      plan_.pool = *pool;
    } else {
      plan_.refused = pool.error().message;
    }
  }

  /// Of this process's memory a file of our own pools is no page cache to migrate either.
  Way way_of(const os::MappingFacts& mapping) const {
    const bool ours =
        order_.pid == 0 && mapping.shared && remapper_.pools().of(mapping.file) != nullptr;
    if (plan_.pool != nullptr && mapping.shared && plan_.pool->has(mapping.file)) return Way::kStay;
    const bool copied_from = ours || is_dax(mapping);
    if (plan_.pool != nullptr) return copied_from ? Way::kThrough : Way::kToPool;
    return copied_from ? Way::kToMemory : Way::kPages;
  }

  void add_mapping(const os::MappingFacts& mapping) {
    const PageRange part = part_of(mapping, range_);
    plan_.not_mapped -= Bytes(std::min(part.end, range_.end) - std::max(part.begin, range_.begin));
    const Way way = way_of(mapping);
    plan_.refused = refusal_of_part(way, mapping, part);
    const bool joins = !parts_.empty() && parts_.back().way == way && way == Way::kPages &&
                       parts_.back().range.end == part.begin &&
                       parts_.back().range.page == part.page;
    if (joins) {
      parts_.back().range.end = part.end;
    } else {
      parts_.push_back({way, part, mapping});
    }
  }

  static std::string refusal_of_part(Way way, const os::MappingFacts& mapping,
                                     const PageRange& part) {
    if (way == Way::kPages || way == Way::kStay) return {};
    const bool whole_blocks =
        part.begin % kBlockBytes.value == 0 && part.end % kBlockBytes.value == 0;
    if (!whole_blocks) {
      return fmt::format(
          "{:#x}-{:#x} is not whole blocks of 2 MiB, which is what devices and "
          "files are mapped by",
          part.begin, part.end);
    }
    if (!mapping.writable) {
      return fmt::format("{:#x}-{:#x} is not writable: its protection would change", part.begin,
                         part.end);
    }
    if (way == Way::kToPool && (mapping.shared || mapping.file.inode != 0 || mapping.hugetlb)) {
      return fmt::format(
          "{:#x}-{:#x} ({}) is not private memory: what it is shared with would "
          "stay behind",
          part.begin, part.end, mapping.path);
    }
    return {};
  }

  /// A device that reads or writes by physical address does not follow a copy. The kernel only
  /// tells that the process has such pages, not which.
  std::string refusal_of_copying(const RangeFacts& facts) const {
    if (order_.pid != 0) {
      return fmt::format(
          "memory of process {} lies on a device or file: only its own process can "
          "move that",
          order_.pid);
    }
    if (!remapper_.missing().empty()) return remapper_.missing();
    if (facts.pinned_for_dma.value > 0) {
      return fmt::format(
          "the process has {} KiB pinned for DMA (VmPin in /proc/self/status), and "
          "what a device writes there would be lost: unregister its buffers first",
          facts.pinned_for_dma.value >> 10);
    }
    return {};
  }

  /// Cut at multiples of a block, so that no huge page lies in two batches.
  void cut_parts() {
    plan_.unit = plan_.not_mapped.value > 0 ? kSmallPage : parts_.front().range.page;
    for (const Batch& part : parts_) {
      const Bytes page = part.range.page;
      plan_.unit = std::min(plan_.unit, page);
      const Bytes step = std::max(batch_, page);
      for (std::uintptr_t begin = part.range.begin; begin < part.range.end;) {
        const std::uintptr_t wanted = round_down(begin + step.value, std::max(kBlockBytes, page));
        const std::uintptr_t end = std::min(part.range.end, wanted);
        plan_.batches.push_back({part.way, {begin, end, page}, part.from});
        begin = end;
      }
    }
  }

  Remapper& remapper_;
  const MoveOrder& order_;
  const Range range_;
  const Bytes batch_;
  std::vector<Batch> parts_;
  MovePlan plan_;
};

}  // namespace

MovePlan plan_move(const Kernel& kernel, Remapper& remapper, const MoveOrder& order, Bytes batch,
                   const std::vector<Pin>& pins) {
  MovePlan refused;
  refused.refused = refusal_of_order(order);
  if (refused.refused.empty()) refused.refused = refusal_of_pins(order, pins);
  if (!refused.refused.empty()) return refused;
  const Range range = range_of(order);
  const auto facts = kernel.examine(order.pid, range.begin, range.end);
  if (facts) return Planner(remapper, order, batch).plan(*facts);
  refused.refused = facts.error().message;
  return refused;
}

}  // namespace terrace::migrate
