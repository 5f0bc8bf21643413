// SPDX-License-Identifier: Apache-2.0
// The page of `terrace report --html`, from the data of page_json.h. Built from page.js,
// heat_view.js, sort_table.js and report_chart.js.
"use strict";

const reportShares = (shares, tiers) => shares === undefined ? "–"
  : shares.map((share, i) => (share > 0 ? `${heatTierMarks[i % heatTierMarks.length]} ` +
    `${tiers[i].name} ${Math.round(share * 100)} %` : "")).filter(Boolean).join(", ") || "none";
const reportSigned = (value) => value === undefined ? "–"
  : `${value > 0 ? "+" : ""}${terraceNumber(value)}`;
// Exact sources add no error of their own; "none" means that nothing can be said.
const reportConfidence = (object) => object.source === "none" ? "not observed"
  : !(object.error > 0) ? `exact, ${object.source}`
  : `\u00b1 ${terraceNumber(100 * object.error, 2)} %, ${object.source}`;

const reportPercent = (share) => `${terraceNumber(100 * share, 2)} %`;
// What no source told is unknown, not nothing.
const reportWritten = (object) => object.written_per_second === null ? "unknown"
  : `${object.written_known < 0.999 ? "\u2265 " : ""}${terraceBytes(object.written_per_second)}/s`;

const reportSteady = (data) => {
  const seconds = data.steady.reduce((sum, span) => sum + span.end_seconds - span.begin_seconds, 0);
  return `${terraceNumber(seconds)} s of its work`;
};

const reportFacts = (data) => {
  const rate = data.tiers.reduce((sum, tier) => sum + tier.bytes_per_second, 0);
  const facts = [data.nothing_observed === null
    ? [`${terraceBytes(rate)}/s`, `read and written by the program, measured over ${reportSteady(data)}`]
    : ["unknown", "what the program touches: nothing was observed"]];
  if (data.step.seconds > 0) {
    facts.push([`${terraceNumber(data.step.seconds * 1e3)} ms`,
      `a step, measured (${data.step.source})`]);
  }
  if (data.plan.planned_seconds > 0) {
    facts.push([`${terraceNumber(data.plan.planned_seconds * 1e3)} ms`,
      "a step under the plan, predicted"]);
  }
  if (data.plan.measured_seconds > 0) {
    facts.push([`${terraceNumber(data.plan.measured_seconds * 1e3)} ms`,
      "a step in the session under the plan, measured"]);
  }
  facts.push([`${terraceNumber(100 * data.link_wait_share)} %`,
    "of the time waited for emulated links, summed over threads"]);
  const paid = data.sources.find((source) => source.cpu_share !== null);
  facts.push(paid
    ? [`${reportPercent(paid.cpu_share)}`, "of the program's CPU time, what recording cost" +
      (paid.budget_share === null ? " (no limit)" : ` (${reportPercent(paid.budget_share)} allowed)`)]
    : [`${reportPercent(data.recorder_cpu_share)}`, "of one CPU, what recording cost"]);
  return facts;
};

const reportObjects = (data, page) => {
  const section = page.section("Objects", "Gains are time saved in a step, by the step-time model: " +
    "the longest of the engine's own work and of each tier's reads over its bandwidth, before less " +
    "after. Predicted: the plan's reads. Measured: reads as measured in " +
    (data.plan.measured_seconds === null
      ? "a session recorded under the plan; give it with --session FILE."
      : "the session that --session named.") +
    (data.objects.length < data.objects_in_all
      ? ` The ${data.objects.length} hottest of ${data.objects_in_all} objects.` : ""));
  const most = (shares) => shares?.[0] ?? null;
  new SortTable(page, section, [
    { name: "object", text: true, wrap: true, show: (o) => o.label, key: (o) => o.label },
    { name: "class", text: true, show: (o) => o.class, key: (o) => o.class },
    { name: "size", show: (o) => terraceBytes(o.size), key: (o) => o.size },
    { name: "heat", show: (o) => `${terraceBytes(o.bytes_per_second)}/s`,
      key: (o) => o.bytes_per_second },
    { name: "written", show: reportWritten, key: (o) => o.written_per_second },
    { name: "now", text: true, show: (o) => reportShares(o.now, data.tiers), key: (o) => most(o.now) },
    { name: "plan", text: true, show: (o) => reportShares(o.plan, data.tiers), key: (o) => most(o.plan) },
    { name: "predicted gain, ms", show: (o) => reportSigned(o.predicted_ms),
      key: (o) => o.predicted_ms },
    { name: "measured gain, ms", show: (o) => reportSigned(o.measured_ms),
      key: (o) => o.measured_ms },
    { name: "confidence", text: true, show: reportConfidence, key: (o) => -o.error },
    { name: "site", text: true, wrap: true, show: (o) => o.site, key: (o) => o.site },
  ], data.objects);
};

const reportCharts = (data, page) => {
  const { plan } = data;
  if (plan.capacity.length > 1) {
    page.chart("Capacity curve", "Predicted by the planner for each size of the fastest tier. " +
      "Knee: the smallest size within 5 % of the best planned step.", reportCapacity(data));
  } else {
    page.empty("Capacity curve", plan.why_no_capacity);
  }
  if (data.step.seconds > 0 && data.tiers.some((tier) => tier.bytes_per_second > 0)) {
    page.chart("Roofline", "One ceiling for each tier: how many steps a second its bandwidth " +
      "allows. Circles measured, diamonds and arrows as planned (predicted). What reads nothing " +
      "stands at the left edge.", reportRoofline(data));
  } else {
    page.empty("Roofline", "No step was found in the recording, so nothing can be drawn by step. " +
      "Record the program at steady work for half a minute: terrace record -- PROGRAM");
  }
  if (data.tiers.some((tier) => tier.curve.length > 0)) {
    page.chart("Bandwidth and latency", "Curves from the sources named below. The run's points: " +
      "bandwidth measured, latency read off the curve.", reportCurves(data));
  } else {
    page.empty("Bandwidth and latency",
      "No tier's latency is known. Measure this machine: terrace calibrate");
  }
  if (data.history.occupancy.length > 0) {
    page.chart("What the tiers hold", "By class of memory, as recorded.", reportOccupancy(data));
  } else {
    page.empty("What the tiers hold", "No object lay on a tier while recording. See what was " +
      "placed: terrace record --status FILE -- PROGRAM");
  }
  if (data.history.moves.length > 0) {
    page.chart("Moves between tiers", "Above the line: one way. Below: blocks that came back to " +
      "a tier that they had left.", reportMoves(data));
  } else {
    page.empty("Moves between tiers", "Nothing moved while recording. A program moves memory when " +
      "its plan changes or its pages are late placed.");
  }
};

const reportSources = (data, page) => {
  const say = (figure, unit, scale) => (figure.value === null ? "unknown"
    : `${terraceNumber(figure.value / scale)} ${unit} (${figure.provenance})`);
  page.table("Tiers and the sources of their figures", data.emulated
    ? "Emulated: a tier is ordinary memory delivered at a slower link's pace; its figures are " +
      "configured." : "",
    ["tier", "kind", "capacity", "bandwidth", "idle latency", "holds", "read, measured"],
    data.tiers.map((tier, i) => [`${heatTierMarks[i % heatTierMarks.length]} ${tier.name}`,
      tier.emulated ? `${tier.kind}, emulated` : tier.kind,
      say(tier.capacity_bytes, "GiB", reportGib), say(tier.gbps, "GB/s", 1),
      say(tier.idle_latency_ns, "ns", 1), terraceBytes(tier.held_bytes),
      `${terraceBytes(tier.bytes_per_second)}/s`]));
  const unobserved = data.objects.filter((object) => object.source === "none").length;
  const reasoned = (value, words) => value === null ? "–" : words(value);
  page.table("Where heat comes from", [...data.plan.notes,
    "Cost: the recorder's CPU time and that of the faults which it caused, over the program's.",
    unobserved > 0 ? `Objects not observed: ${unobserved}.` : ""].join(" "),
    ["source", "objects", "heat", "confidence", "cost", "allowed", "window", "each", "why|"],
    data.sources.map((source) => [source.name, String(source.objects),
      `${terraceBytes(source.bytes_per_second)}/s`, reasoned(source.confidence, reportPercent),
      reasoned(source.cpu_share, reportPercent), reasoned(source.budget_share, reportPercent),
      reasoned(source.window_seconds, (s) => `${terraceNumber(s * 1e3)} ms`),
      reasoned(source.period_seconds, (s) => `${terraceNumber(s * 1e3)} ms`),
      source.reason === null ? "the session does not say" : `${source.choice}: ${source.reason}`]));
};

terracePage((data, page) => {
  page.heading(`Heat of ${data.executable}`,
    `${data.session}: recorded for ${terraceNumber(data.recorded_seconds)} s on machine ` +
    `${data.machine_id}.` + (data.emulated ? " With an EMULATED tier." : "") +
    (data.plan.from ? ` Plan: ${data.plan.from}.` : ` No plan: ${data.plan.why_none}`));
  if (data.nothing_observed !== null) page.warning(data.nothing_observed);
  page.facts(reportFacts(data));
  const section = page.section("Heat by object and time", "Bytes read and written a second, measured; large " +
    "objects in several rows. Hover, or use the arrow keys." + (data.grid.objects_left_out > 0
      ? ` ${data.grid.objects_left_out} colder objects are in the table only.` : ""));
  new HeatView(page, section, data.grid, data.tiers, data.steps);
  reportCharts(data, page);
  reportObjects(data, page);
  reportSources(data, page);
});
