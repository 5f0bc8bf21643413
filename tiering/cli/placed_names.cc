// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/placed_names.h"

#include <algorithm>
#include <map>
#include <vector>

#include "allocators/base/show_bytes.h"
#include "profiler/report/words.h"
#include "tiering/cli/text_table.h"

namespace terrace::cli {
namespace {

constexpr std::uint64_t kBlock = kBlockBytes.value;
constexpr std::size_t kMostNames = 8;

using Shares = std::vector<double>;  ///< bytes on each tier

struct PlacedName {
  const heat::NamedHeat* named = nullptr;
  Shares bytes;

  double off_fastest() const {
    double slower = 0;
    for (std::size_t tier = 1; tier < bytes.size(); ++tier) slower += bytes[tier];
    return slower;
  }
};

Shares bytes_by_tier(const session::NamedRange& range, const plan::PlannedObject& object,
                     std::size_t tiers) {
  Shares bytes(tiers);
  const std::uint64_t end = range.first_byte + range.size.value;
  for (std::uint64_t at = range.first_byte; at < end;) {
    const std::uint64_t next = std::min(end, (at / kBlock + 1) * kBlock);
    const std::size_t block = at / kBlock;
    if (block >= object.block_tiers.size()) break;
    if (object.block_tiers[block] < tiers) {
      bytes[object.block_tiers[block]] += static_cast<double>(next - at);
    }
    at = next;
  }
  return bytes;
}

std::vector<PlacedName> placed(const plan::Plan& plan, const heat::HeatMap& heat) {
  std::vector<PlacedName> names;
  for (const plan::PlannedObject& object : plan.objects) {
    const auto recorded =
        std::find_if(heat.objects.begin(), heat.objects.end(),
                     [&](const heat::ObjectHeat& one) { return one.key == object.key; });
    if (recorded == heat.objects.end()) continue;
    for (const heat::NamedHeat& named : recorded->names) {
      names.push_back({&named, bytes_by_tier(named.range, object, plan.tiers.size())});
    }
  }
  return names;
}

std::vector<TextTable::Column> columns(const plan::Plan& plan, const char* first) {
  std::vector<TextTable::Column> all{{first}, {"size", Align::kRight}};
  for (const Tier& tier : plan.tiers) all.push_back({tier.name, Align::kRight});
  return all;
}

std::vector<std::string> row(std::string name, const Shares& bytes) {
  double size = 0;
  for (const double one : bytes) size += one;
  std::vector<std::string> cells{std::move(name),
                                 show_bytes(Bytes(static_cast<std::uint64_t>(size)))};
  for (const double one : bytes) cells.push_back(show_share(size > 0 ? one / size : 0));
  return cells;
}

std::string by_class(const plan::Plan& plan, const std::vector<PlacedName>& names) {
  std::map<session::MemoryClass, Shares> sums;
  for (const PlacedName& name : names) {
    Shares& sum = sums[name.named->range.memory_class];
    sum.resize(plan.tiers.size());
    for (std::size_t tier = 0; tier < sum.size(); ++tier) sum[tier] += name.bytes[tier];
  }
  TextTable table(columns(plan, "class"));
  for (const auto& [memory_class, bytes] : sums) {
    table.add(row(std::string(session::name_of(memory_class)), bytes));
  }
  return table.text();
}

std::string off_fastest(const plan::Plan& plan, std::vector<PlacedName> names) {
  std::erase_if(names, [](const PlacedName& name) {
    return name.off_fastest() * 2 < static_cast<double>(name.named->range.size.value);
  });
  if (plan.tiers.size() < 2 || names.empty()) return {};
  std::stable_sort(names.begin(), names.end(), [](const PlacedName& a, const PlacedName& b) {
    return a.named->bytes_per_second > b.named->bytes_per_second;
  });
  TextTable table(columns(plan, "hottest of those mostly off the fastest tier"));
  for (std::size_t i = 0; i < std::min(names.size(), kMostNames); ++i) {
    table.add(row(report::printable(names[i].named->range.name), names[i].bytes));
  }
  return "\n" + table.text();
}

}  // namespace

std::string placed_names(const plan::Plan& plan, const heat::HeatMap& heat) {
  const std::vector<PlacedName> names = placed(plan, heat);
  if (names.empty()) return {};
  return "\nBy name:\n" + by_class(plan, names) + off_fastest(plan, names);
}

}  // namespace terrace::cli
