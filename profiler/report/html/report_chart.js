// SPDX-License-Identifier: Apache-2.0
// The charts of the report's page: each a function from the data to what page.chart() takes, a
// function from colours to an ECharts option.
"use strict";

const reportGib = 1073741824;
const reportLegend = (colours) => ({ bottom: 0, type: "scroll", itemWidth: 34, itemGap: 14,
  textStyle: { color: colours.text }, pageTextStyle: { color: colours.faint },
  pageIconColor: colours.text, pageIconInactiveColor: colours.line });
const reportGrid = (options) => ({ left: 70, right: 28, top: 40, bottom: 84, ...options });
const reportValue = (colours, name, options) => terraceAxis(colours, { type: "value", name,
  nameGap: 46, axisLabel: { color: colours.faint, hideOverlap: true,
    formatter: (value) => terraceNumber(value) }, ...options });
const reportMark = (colours, text, at, type, position) => ({ xAxis: at, name: text,
  lineStyle: { color: colours.text, type },
  label: { color: colours.text, formatter: text, rotate: 0, position } });

// The smallest fast tier whose planned step is within 5 % of the best one.
const reportKnee = (capacity) => {
  const best = Math.min(...capacity.map((point) => point[2]));
  return capacity.find((point) => point[2] <= best * 1.05);
};

const reportCapacity = (data) => (colours) => {
  const points = data.plan.capacity;
  const line = (name, i, column) =>
    terraceLine(name, i, points.map((point) => [point[0] / reportGib, point[column] * 1e3]));
  const knee = reportKnee(points)[0] / reportGib;
  const today = data.tiers[0].capacity_bytes.value / reportGib;
  const most = points.at(-1)[0] / reportGib;
  const marks = [reportMark(colours, `knee ${terraceNumber(knee)} GiB`, knee, "dotted", "insideEndTop")];
  if (today <= most * 1.001) {
    marks.push(reportMark(colours, `today ${terraceNumber(today)} GiB`, today, "solid", "end"));
  }
  return { grid: reportGrid(), legend: reportLegend(colours),
    tooltip: terraceTooltip(colours, { trigger: "axis",
      valueFormatter: (value) => `${terraceNumber(value)} ms` }),
    xAxis: reportValue(colours, `GiB of ${data.tiers[0].name}`, { nameGap: 28, min: 0 }),
    yAxis: reportValue(colours, "predicted ms per step", { min: 0 }),
    series: [
      line("static: first touch", 0, 1),
      { ...line("planned", 1, 2), markLine: { symbol: "none", silent: true, data: marks } }] };
};

// A step may read x bytes from a tier y times a second: the tier's line is y = bandwidth / x, the
// engine's own rate is level. No count of flops is needed, which a recording does not have.
const reportRoofline = (data) => (colours) => {
  const step = data.step.seconds;
  const measured = data.tiers.map((tier) => tier.bytes_per_second * step / 1e9);
  const planned = data.plan.planned_seconds > 0
    ? data.plan.tier_bytes_per_step.map((bytes) => bytes / 1e9) : null;
  const all = [...measured, ...(planned ?? [])].filter((gb) => gb > 0);
  const low = Math.min(...all) / 4;
  const high = Math.max(...all) * 4;
  const at = (gb) => Math.max(gb, low);
  const series = [];
  data.tiers.forEach((tier, i) => {
    if (!(tier.gbps.value > 0)) return;
    series.push(terraceLine(`${tier.name}, ${terraceNumber(tier.gbps.value)} GB/s`, i,
      [[low, tier.gbps.value / low], [high, tier.gbps.value / high]], { symbol: "none",
        color: colours.series[i % colours.series.length] }));
  });
  if (data.plan.compute_seconds > 0) {
    const rate = 1 / data.plan.compute_seconds;
    series.push(terraceLine("engine alone", series.length, [[low, rate], [high, rate]],
      { symbol: "none", color: colours.faint }));
  }
  const dots = (name, values, rate, symbol) => ({ name, type: "scatter", symbol, symbolSize: 13,
    itemStyle: { color: colours.panel, borderColor: colours.text, borderWidth: 2 },
    label: { show: true, color: colours.text, position: symbol === "circle" ? "bottom" : "top",
      formatter: (item) => item.data.tier },
    data: values.map((gb, i) => ({ value: [at(gb), rate], tier: data.tiers[i].name, gb }))
      .filter((point) => point.gb > 0 || planned !== null) });
  series.push(dots("measured", measured, 1 / step, "circle"));
  if (planned !== null) {
    const rate = 1 / data.plan.planned_seconds;
    series.push({ ...dots("planned", planned, rate, "diamond"),
      markLine: { silent: true, symbol: ["none", "arrow"], symbolSize: 9, label: { show: false },
        lineStyle: { color: colours.text, type: "solid", width: 1.5 },
        data: measured.map((gb, i) => [{ coord: [at(gb), 1 / step] },
          { coord: [at(planned[i]), rate] }]) } });
  }
  return { grid: reportGrid({ left: 78 }), legend: reportLegend(colours),
    tooltip: terraceTooltip(colours, { trigger: "item", formatter: (item) => (item.data.tier
      ? `${item.seriesName}, ${item.data.tier}: ${terraceNumber(item.data.gb)} GB a step, ` +
        `${terraceNumber(item.value[1])} steps/s` : item.seriesName) }),
    xAxis: reportValue(colours, "GB read from the tier in a step", { type: "log", nameGap: 28,
      min: low, max: high, axisLabel: { color: colours.faint, hideOverlap: true,
        formatter: (value) => terraceNumber(value, 2) } }),
    yAxis: reportValue(colours, "steps/s", { type: "log" }), series };
};

const reportLatencyAt = (curve, gbps) => {
  const above = curve.findIndex((point) => point[0] >= gbps);
  if (above === 0) return curve[0][1];
  if (above < 0) return curve.at(-1)[1];
  const [from, to] = [curve[above - 1], curve[above]];
  return from[1] + (to[1] - from[1]) * (gbps - from[0]) / (to[0] - from[0]);
};

const reportCurves = (data) => (colours) => {
  const series = [];
  data.tiers.forEach((tier, i) => {
    if (tier.curve.length === 0) return;
    // A tier whose loaded latency nobody knows has a level line, up to its bandwidth.
    const alone = tier.curve.length === 1;
    const points = alone ? [tier.curve[0], [tier.gbps.value ?? 1, tier.curve[0][1]]] : tier.curve;
    const color = colours.series[i % colours.series.length];
    series.push(terraceLine(alone ? `${tier.name} (idle latency only)` : tier.name, i,
      points.map((point) => [point[0], point[1]]), { color }));
    const rate = tier.bytes_per_second / 1e9;
    if (!(rate > 0)) return;
    series.push({ name: `${tier.name}, this run`, type: "scatter", symbolSize: 15, color,
      symbol: terraceSymbols[(i + 3) % terraceSymbols.length],
      itemStyle: { borderColor: colours.text, borderWidth: 2 },
      label: { show: true, color: colours.text, position: "top",
        formatter: () => `${tier.name}: ${terraceNumber(rate)} GB/s` },
      data: [[rate, reportLatencyAt(points, rate)]] });
  });
  return { grid: reportGrid(), legend: reportLegend(colours),
    tooltip: terraceTooltip(colours, { trigger: "item", formatter: (item) =>
      `${item.seriesName}: ${terraceNumber(item.value[0])} GB/s, ` +
      `${terraceNumber(item.value[1])} ns` }),
    xAxis: reportValue(colours, "GB/s delivered", { nameGap: 28, min: 0 }),
    yAxis: reportValue(colours, "ns per access", { min: 0 }), series };
};

const reportTimes = (history) => Array.from({ length: history.columns }, (_, i) =>
  (i + 0.5) * history.seconds / history.columns);
const reportTimeAxis = (colours, history) => reportValue(colours, "seconds", { nameGap: 28, min: 0,
  max: Math.ceil(history.seconds) });

const reportOccupancy = (data) => (colours) => {
  const times = reportTimes(data.history);
  return { grid: reportGrid(), legend: reportLegend(colours),
    aria: { enabled: true, decal: { show: true } },
    tooltip: terraceTooltip(colours, { trigger: "axis",
      valueFormatter: (value) => terraceBytes(value * 1e9) }),
    xAxis: reportTimeAxis(colours, data.history),
    yAxis: reportValue(colours, "GB held", { min: 0 }),
    series: data.history.occupancy.map((one, i) =>
      terraceLine(`${data.tiers[one.tier].name}: ${one.class}`, i,
        one.mb.map((mb, c) => [times[c], mb / 1e3]), { stack: "held", symbol: "none",
          areaStyle: { opacity: 0.45 } })) };
};

// One way above the line, back and forth below it.
const reportMoves = (data) => (colours) => {
  const times = reportTimes(data.history);
  const series = [];
  for (const move of data.history.moves) {
    const way = `${data.tiers[move.from].name} \u2192 ${data.tiers[move.to].name}`;
    const bars = (name, cells, sign) => {
      if (!cells.some((mb) => mb > 0)) return;
      series.push({ name, type: "bar", stack: "moved", barMinWidth: 3,
        data: cells.map((mb, c) => [times[c], sign * mb]) });
    };
    bars(way, move.one_way_mb, 1);
    bars(`${way}, back and forth`, move.back_and_forth_mb, -1);
  }
  return { grid: reportGrid(), legend: reportLegend(colours),
    aria: { enabled: true, decal: { show: true } },
    tooltip: terraceTooltip(colours, { trigger: "item", formatter: (item) =>
      `${item.seriesName}: ${terraceBytes(Math.abs(item.value[1]) * 1e6)} at ` +
      `${terraceNumber(item.value[0])} s` }),
    xAxis: reportTimeAxis(colours, data.history),
    yAxis: reportValue(colours, "MB moved", { axisLabel: { color: colours.faint,
      formatter: (value) => terraceNumber(Math.abs(value)) } }), series };
};
