// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "tiering/model/catalogue_readers.h"
#include "tiering/model/catalogue_tables.h"

namespace terrace::model {
namespace {

constexpr std::uint64_t kMaxUnits = 100'000;
constexpr auto kPrecisions =
    std::to_array<std::string_view>({"f32", "tf32", "bf16", "f16", "fp8", "int8", "fp6", "fp4"});

class Reader {
 public:
  explicit Reader(const std::vector<TierModel>& tiers) : tiers_(tiers) {}

  Result<MachineModel> read(CatalogueEntry& entry) const {
    MachineModel machine;
    machine.name = entry.name();
    machine.place = entry.place();
    machine.title = entry.text("title");
    entry.set_default_source(entry.text("source"));
    machine.kernel_class = entry.required_text("kernel_class");
    machine.sockets = entry.count("sockets", 1);
    machine.threads = entry.count("cores", 0);
    machine.power_w = entry.figure("power_w");
    machine.price_usd = entry.figure("price_usd");
    read_tiers(entry, machine);
    read_compute(entry, machine);
    read_link(entry, machine);
    if (const Status whole = entry.finish(); !whole) return whole.error();
    return machine;
  }

 private:
  const TierModel* tier_named(CatalogueEntry& entry) const {
    const std::string name = entry.required_text("tier");
    std::vector<std::string_view> known;
    for (const TierModel& tier : tiers_) {
      if (tier.name == name) return &tier;
      known.push_back(tier.name);
    }
    entry.refuse("tier", "\"" + name.substr(0, 40) + "\" is no tier of the catalogue; " +
                             catalogue_hint(name, known).substr(0, 120));
    return nullptr;
  }

  MachineTier read_machine_tier(CatalogueEntry& entry, const std::string& source) const {
    MachineTier tier;
    entry.set_default_source(source);
    tier.name = entry.name();
    if (const TierModel* found = tier_named(entry)) tier.tier = *found;
    const std::string owner = entry.text("owner");
    if (owner == "accelerator") {
      tier.owner = TierOwner::kAccelerator;
    } else if (!owner.empty() && owner != "host") {
      entry.refuse("owner", "takes host or accelerator");
    }
    tier.units = entry.count("units", 1);
    tier.max_units = entry.count("max_units", tier.units);
    tier.min_units = entry.count("min_units", tier.max_units == tier.units ? tier.units : 0);
    if (tier.max_units == 0 || tier.max_units > kMaxUnits || tier.units > tier.max_units ||
        tier.min_units > tier.units) {
      entry.refuse("units",
                   "must lie between min_units and max_units, and max_units between 1 and " +
                       std::to_string(kMaxUnits));
    }
    tier.capacity_gib = entry.figure("capacity_gib");
    return tier;
  }

  void read_tiers(CatalogueEntry& entry, MachineModel& machine) const {
    std::uint32_t order = 0;
    for (const toml::table* table : entry.tables("tier")) {
      CatalogueEntry inner(*table, entry.path(), "machine: tier");
      MachineTier tier = read_machine_tier(inner, entry.default_source());
      tier.order = order++;
      const auto same = [&](const MachineTier& other) { return other.name == tier.name; };
      if (std::any_of(machine.tiers.begin(), machine.tiers.end(), same) ||
          std::any_of(machine.options.begin(), machine.options.end(), same)) {
        inner.refuse("name", "is given twice in this machine; rename one");
      }
      if (const Status read = inner.finish(); !read) return entry.refuse(read.error());
      (tier.units == 0 ? machine.options : machine.tiers).push_back(std::move(tier));
    }
    if (machine.tiers.empty()) entry.refuse("tier", "gives no memory; add a [[machine.tier]]");
  }

  void read_compute(CatalogueEntry& entry, MachineModel& machine) const {
    for (const toml::table* table : entry.tables("compute")) {
      CatalogueEntry inner(*table, entry.path(), "machine: compute");
      inner.set_default_source(entry.default_source());
      Compute compute;
      compute.precision = inner.required_text("precision");
      if (std::find(kPrecisions.begin(), kPrecisions.end(), compute.precision) ==
          kPrecisions.end()) {
        inner.refuse("precision",
                     catalogue_hint(compute.precision, {kPrecisions.begin(), kPrecisions.end()}));
      }
      if (machine.compute_of(compute.precision) != nullptr) {
        inner.refuse("precision", "is given twice in this machine; take one out");
      }
      if (!inner.has("tflops")) inner.refuse("tflops", "is missing; add it");
      compute.tflops = inner.figure("tflops").value_or(Figure{});
      if (const Status read = inner.finish(); !read) return entry.refuse(read.error());
      machine.compute.push_back(std::move(compute));
    }
  }

  void read_link(CatalogueEntry& entry, MachineModel& machine) const {
    const toml::table* table = entry.table("link");
    if (table == nullptr) return;
    CatalogueEntry inner(*table, entry.path(), "machine: link");
    inner.set_default_source(entry.default_source());
    Link link;
    link.name = inner.required_text("name");
    if (!inner.has("gbps")) inner.refuse("gbps", "is missing; add it, one direction");
    link.gbps = inner.figure("gbps").value_or(Figure{});
    link.latency_ns = inner.figure("latency_ns");
    if (const Status read = inner.finish(); !read) return entry.refuse(read.error());
    machine.link = std::move(link);
  }

  const std::vector<TierModel>& tiers_;
};

MachineTier* named(std::vector<MachineTier>& tiers, std::string_view name) {
  const auto found = std::find_if(tiers.begin(), tiers.end(),
                                  [&](const MachineTier& tier) { return tier.name == name; });
  return found == tiers.end() ? nullptr : &*found;
}

Error no_such_tier(const MachineModel& machine, std::string_view name) {
  std::vector<std::string_view> known;
  for (const MachineTier& tier : machine.tiers) known.push_back(tier.name);
  for (const MachineTier& tier : machine.options) known.push_back(tier.name);
  return make_error(ErrorCode::kUsage, 0, "machine \"%s\" has no tier \"%.40s\"; %.150s",
                    machine.name.c_str(), std::string(name).c_str(),
                    catalogue_hint(name, known).c_str());
}

void insert_in_order(std::vector<MachineTier>& tiers, MachineTier tier) {
  const auto after = std::find_if(tiers.begin(), tiers.end(), [&](const MachineTier& other) {
    return other.order > tier.order;
  });
  tiers.insert(after, std::move(tier));
}

}  // namespace

Result<std::vector<MachineModel>> parse_machines(const std::string& text, const std::string& path,
                                                 const std::vector<TierModel>& tiers) {
  const Reader reader(tiers);
  return read_entries<MachineModel>(text, path, "machine",
                                    [&](CatalogueEntry& entry) { return reader.read(entry); });
}

Result<MachineModel> with_units(const MachineModel& machine, std::string_view tier_name,
                                std::uint64_t units) {
  MachineModel changed = machine;
  MachineTier* found = named(changed.tiers, tier_name);
  if (found == nullptr) found = named(changed.options, tier_name);
  if (found == nullptr) return no_such_tier(machine, tier_name);
  if (units < found->min_units || units > found->max_units) {
    return make_error(ErrorCode::kUsage, 0,
                      "machine \"%s\": %llu units of \"%s\"; give %llu to %llu",
                      machine.name.c_str(), static_cast<unsigned long long>(units),
                      found->name.c_str(), static_cast<unsigned long long>(found->min_units),
                      static_cast<unsigned long long>(found->max_units));
  }
  MachineTier tier = *found;
  if (tier.capacity_gib && tier.units > 0) {
    tier.capacity_gib->value *= static_cast<double>(units) / static_cast<double>(tier.units);
    tier.capacity_gib->kind = FigureKind::kDerived;
  }
  tier.units = units;
  const auto is_it = [&](const MachineTier& other) { return other.name == tier.name; };
  std::erase_if(changed.tiers, is_it);
  std::erase_if(changed.options, is_it);
  insert_in_order(units == 0 ? changed.options : changed.tiers, std::move(tier));
  if (!changed.tiers.empty()) return changed;
  return make_error(ErrorCode::kUsage, 0, "machine \"%s\" would have no memory left; keep \"%s\"",
                    machine.name.c_str(), std::string(tier_name).c_str());
}

const MachineTier* MachineModel::tier(std::string_view tier_name) const {
  for (const MachineTier& one : tiers) {
    if (one.name == tier_name) return &one;
  }
  return nullptr;
}

const Compute* MachineModel::compute_of(std::string_view precision) const {
  for (const Compute& one : compute) {
    if (one.precision == precision) return &one;
  }
  return nullptr;
}

GBps MachineTier::bandwidth(double read_share) const {
  return GBps(static_cast<double>(units) * tier.bandwidth(read_share).value);
}

Bytes MachineTier::capacity() const {
  constexpr double kGiB = 1024.0 * 1024 * 1024;
  double gib = 0;
  if (capacity_gib) {
    gib = capacity_gib->value;
  } else if (tier.capacity_gib) {
    gib = tier.capacity_gib->value * static_cast<double>(units);
  }
  constexpr double kMost = 1e18;  // bytes; keeps a mistyped figure within 64 bits
  return Bytes(static_cast<std::uint64_t>(std::min(gib * kGiB, kMost)));
}

}  // namespace terrace::model
