// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/report_page.h"

#include <algorithm>

#include "profiler/report/html/html_page.h"
#include "profiler/report/report_html.h"
#include "tiering/cli/load_session.h"
#include "tiering/cli/load_topology.h"
#include "tiering/cli/output_file.h"
#include "tiering/plan/capacity_curve.h"
#include "tiering/plan/plan_json.h"
#include "tiering/plan/planner.h"

namespace terrace::cli {
namespace {

constexpr std::size_t kCapacityPoints = 24;

bool has_tier(const std::vector<Tier>& tiers, const std::string& name) {
  return std::any_of(tiers.begin(), tiers.end(),
                     [&](const Tier& tier) { return tier.name == name; });
}

/// This machine's tiers, whose figures are the better ones, when the session is of this machine and
/// its tiers; else the tiers as the session has them, so that any machine's session can be shown.
Topology tiers_for(const Settings& settings, const heat::HeatMap& heat) {
  Topology recorded;
  recorded.machine_id = heat.machine_id;
  recorded.hardware_threads = 1;
  recorded.tiers = heat.tiers;
  Result<Topology> here = load_usable_topology(settings);
  if (!here.ok() || here->machine_id != heat.machine_id) return recorded;
  const bool same = here->tiers.size() == heat.tiers.size() &&
                    std::all_of(heat.tiers.begin(), heat.tiers.end(),
                                [&](const Tier& tier) { return has_tier(here->tiers, tier.name); });
  return same ? std::move(*here) : recorded;
}

/// Figures that the plan has by its own tiers, in the order of the heat map's.
std::vector<double> by_heat_tiers(const std::vector<Tier>& wanted, const std::vector<Tier>& have,
                                  const std::vector<double>& values) {
  std::vector<double> ordered(wanted.size(), 0.0);
  for (std::size_t w = 0; w < wanted.size(); ++w) {
    for (std::size_t h = 0; h < std::min(have.size(), values.size()); ++h) {
      if (have[h].name == wanted[w].name) ordered[w] = values[h];
    }
  }
  return ordered;
}

void show_plan(const plan::Plan& plan, const heat::HeatMap& heat, report::PageView& view) {
  view.notes = plan.notes;
  // Without a step the figures are of one second of the recording: none of the page's.
  if (!plan.per_second) {
    view.planned_seconds = plan.planned.step_seconds;
    view.compute_seconds = plan.planned.compute_seconds;
  }
  for (const plan::PlannedObject& object : plan.objects) {
    view.places.push_back({object.key, by_heat_tiers(heat.tiers, plan.tiers, object.shares),
                           by_heat_tiers(heat.tiers, plan.tiers, object.tier_bytes_per_step)});
  }
}

Status add_plan(const Settings& settings, const heat::HeatMap& heat, const Topology& topology,
                report::PageView& view) {
  if (settings.given("plan")) {
    const Result<plan::Plan> plan = plan::read_plan(settings.text("plan"));
    if (!plan.ok()) return plan.error();
    view.plan_from = settings.text("plan");
    show_plan(*plan, heat, view);
    return ok_status();
  }
  const Result<plan::Plan> plan = plan::make_plan(heat, topology, {});
  if (plan.ok()) {
    view.plan_from = "made for this page by the planner's built-in settings";
    show_plan(*plan, heat, view);
  } else {
    view.why_no_plan = plan.error().message;
  }
  return ok_status();
}

void add_capacity(const heat::HeatMap& heat, const Topology& topology, report::PageView& view) {
  if (heat.step_seconds <= 0) {
    view.why_no_capacity =
        "No step was found in the recording. Record the program at steady work for half a minute: "
        "terrace record -- PROGRAM";
    return;
  }
  const auto curve = plan::capacity_curve(heat, topology, {}, kCapacityPoints);
  if (!curve.ok()) {
    view.why_no_capacity = curve.error().message;
    return;
  }
  for (const plan::CapacityStep& step : *curve) {
    view.capacity.push_back({static_cast<double>(step.fast.value), step.first_touch, step.planned});
  }
  if (view.capacity.size() == 1) view.why_no_capacity = "The objects fit at one capacity only.";
}

report::TierCurve curve_of(const Tier& tier) {
  report::TierCurve curve;
  if (!tier.idle_latency.known()) return curve;
  curve.points.push_back(
      {0, static_cast<double>(tier.idle_latency.value.value), name_of(tier.idle_latency.from)});
  if (tier.loaded_latency.known() && tier.read_bandwidth.known()) {
    curve.points.push_back({tier.read_bandwidth.value.value,
                            static_cast<double>(tier.loaded_latency.value.value),
                            name_of(tier.loaded_latency.from)});
  }
  return curve;
}

void add_curves(const heat::HeatMap& heat, const Topology& topology, report::PageView& view) {
  for (const Tier& tier : heat.tiers) {
    const auto known = std::find_if(topology.tiers.begin(), topology.tiers.end(),
                                    [&](const Tier& one) { return one.name == tier.name; });
    view.curves.push_back(curve_of(known == topology.tiers.end() ? tier : *known));
  }
}

}  // namespace

Status check_report_page(const Settings& settings) {
  if (!report::has_chart_library()) return report::html_page({}).error();
  if (settings.flag("force")) return ok_status();
  return check_overwrite(settings.text("html"), OutputKind::kHtml);
}

Status write_report_page(const Settings& settings, const std::string& session_path,
                         const session::Session& session, const heat::HeatMap& heat) {
  report::PageView view;
  view.session_path = session_path;
  const Topology topology = tiers_for(settings, heat);
  const Status planned = add_plan(settings, heat, topology, view);
  if (!planned.ok()) return planned;
  add_capacity(heat, topology, view);
  add_curves(heat, topology, view);
  heat::HeatMap after;
  if (settings.given("session")) {
    Result<heat::HeatMap> read =
        load_heat_map(settings, settings.text("session"), "--session FILE");
    if (!read.ok()) return read.error();
    after = std::move(*read);
    view.after = &after;
  }
  const Result<std::string> html = report::report_html(session, heat, view);
  if (!html.ok()) return html.error();
  return write_whole(settings.text("html"), *html);
}

}  // namespace terrace::cli
