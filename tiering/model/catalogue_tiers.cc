// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cmath>

#include "tiering/model/catalogue_readers.h"
#include "tiering/model/catalogue_tables.h"

namespace terrace::model {
namespace {

constexpr auto kKinds = std::to_array<TierKind>(
    {TierKind::kHbm, TierKind::kDram, TierKind::kCxl, TierKind::kPmem, TierKind::kFile});

void read_kind(CatalogueEntry& entry, TierModel& tier) {
  const std::string kind = entry.required_text("kind");
  std::vector<std::string_view> known;
  for (const TierKind one : kKinds) {
    if (kind == name_of(one)) tier.kind = one;
    known.push_back(name_of(one));
  }
  if (tier.kind == TierKind::kUnknown) {
    entry.refuse("kind", "\"" + kind.substr(0, 40) + "\": " + catalogue_hint(kind, known));
  }
}

CurveSeries read_series(CatalogueEntry& entry) {
  CurveSeries series;
  series.place = entry.place();
  if (!entry.has("read_share")) entry.refuse("read_share", "is missing; add it, 0 to 1");
  series.read_share = entry.number("read_share").value_or(1);
  const toml::array* points = entry.array("points");
  if (points == nullptr) return series;
  for (auto&& item : *points) {
    const toml::array* pair = item.as_array();
    const bool has_two = pair != nullptr && pair->size() == 2;
    const auto gbps = has_two ? pair->get(0)->value<double>() : std::nullopt;
    const auto latency = has_two ? pair->get(1)->value<double>() : std::nullopt;
    if (!gbps || !latency) {
      entry.refuse("points", "takes pairs [GB/s, ns], as in [0.0, 110.9]");
      return series;
    }
    series.points.push_back({*gbps, *latency});
  }
  return series;
}

void read_curve(CatalogueEntry& entry, TierModel& tier) {
  std::vector<CurveSeries> all;
  for (const toml::table* table : entry.tables("curve")) {
    CatalogueEntry inner(*table, entry.path(), "tier: curve");
    all.push_back(read_series(inner));
    if (const Status read = inner.finish(); !read) return entry.refuse(read.error());
  }
  tier.curve_source = entry.text("curve_source");
  if (tier.curve_source.empty()) tier.curve_source = entry.default_source();
  const std::string kind = entry.text("curve_kind");
  if (kind == "derived") {
    tier.curve_kind = FigureKind::kDerived;
  } else if (!kind.empty() && kind != "measured") {
    entry.refuse("curve_kind", "takes measured or derived");
  }
  if (all.empty()) return;
  if (tier.curve_source.empty()) {
    entry.refuse("curve_source", "is missing; say who measured the curve");
  }
  auto curve = LatencyCurve::make(std::move(all));
  if (!curve) return entry.refuse(curve.error());
  tier.curve = std::move(*curve);
}

Result<TierModel> read_tier(CatalogueEntry& entry) {
  TierModel tier;
  tier.name = entry.name();
  tier.place = entry.place();
  tier.title = entry.text("title");
  entry.set_default_source(entry.text("source"));
  read_kind(entry, tier);
  tier.unit = entry.required_text("unit");
  read_curve(entry, tier);
  tier.read_bandwidth_gbps = entry.figure("read_bandwidth_gbps");
  tier.mixed_bandwidth_gbps = entry.figure("mixed_bandwidth_gbps");
  tier.write_bandwidth_gbps = entry.figure("write_bandwidth_gbps");
  tier.achieved_share = entry.figure("achieved_share");
  tier.idle_latency_ns = entry.figure("idle_latency_ns");
  tier.capacity_gib = entry.figure("capacity_gib");
  tier.power_w = entry.figure("power_w");
  tier.price_usd = entry.figure("price_usd");
  if (!tier.curve && !tier.read_bandwidth_gbps) {
    entry.refuse("read_bandwidth_gbps", "is missing, and so is a curve; add one of them");
  }
  if (tier.achieved_share && tier.achieved_share->value > 1) {
    entry.refuse("achieved_share", "is a part of the nominal bandwidth: 1 at most");
  }
  if (const Status read = entry.finish(); !read) return read.error();
  return tier;
}

}  // namespace

Result<std::vector<TierModel>> parse_tiers(const std::string& text, const std::string& path) {
  return read_entries<TierModel>(text, path, "tier", read_tier);
}

// Between the figures for reads only, for half of each and for writes only it is linear. Without
// the others the read figure stands for all traffic.
GBps TierModel::bandwidth(double read_share) const {
  if (curve) return curve->bandwidth_at(read_share);
  const double share = achieved_share ? achieved_share->value : 1;
  const double reads = read_bandwidth_gbps ? read_bandwidth_gbps->value : 0;
  const double mixed = mixed_bandwidth_gbps ? mixed_bandwidth_gbps->value : reads;
  const double writes = write_bandwidth_gbps ? write_bandwidth_gbps->value : mixed;
  const double gbps = read_share >= 0.5 ? std::lerp(mixed, reads, 2 * read_share - 1)
                                        : std::lerp(writes, mixed, 2 * read_share);
  return GBps(share * gbps);
}

double TierModel::idle_latency() const {
  if (idle_latency_ns) return idle_latency_ns->value;
  return curve ? curve->idle_latency_ns(1) : 0;
}

FigureKind TierModel::bandwidth_kind() const {
  if (curve) return curve_kind;
  if (achieved_share) return FigureKind::kDerived;
  return read_bandwidth_gbps ? read_bandwidth_gbps->kind : FigureKind::kNominal;
}

}  // namespace terrace::model
