// SPDX-License-Identifier: Apache-2.0
// The page of `terrace wall --html`: one sweep, or two that are compared (data.sweeps). Built from
// page.js of profiler/report/html.
"use strict";

const wallTitle = (sweep) => `${sweep.machine}${sweep.variants.at(-1).cxl > 0
  ? ` with ${sweep.variants.at(-1).cxl} CXL` : ""}`;
const wallRows = (sweep, cxl, batch) =>
  sweep.rows.filter((row) => row.cxl === cxl && row.batch === batch);
const wallSpeed = (row) => (row.fits ? row.tokens_per_second.value : null);
const wallBinds = (row) =>
  row.fits ? row.bound + (row.bound_by ? ` of ${row.bound_by}` : "") : "does not fit";
const wallContextAxis = (colours) => terraceAxis(colours, { type: "log", logBase: 2,
  name: "context (tokens)", nameGap: 28,
  axisLabel: { color: colours.faint, hideOverlap: true, formatter: terraceTokens } });
const wallLegend = (colours) => ({ bottom: 0, itemWidth: 34, itemGap: 14,
  textStyle: { color: colours.text } });
// The legend takes a second line when there are many series.
const wallGrid = (series, options) =>
  ({ left: 64, right: 24, top: 34, bottom: series > 3 ? 108 : 82, ...options });

const wallSpeedAxis = (colours) => terraceAxis(colours, { type: "log", name: "tokens/s",
  nameGap: 46, axisLabel: { color: colours.faint, formatter: (value) => terraceNumber(value, 2) } });

// One line for each count of expanders of each sweep, then one for each tier alone.
const wallContextSeries = (data) => {
  const series = [];
  const batch = data.sweeps[0].batches[0];
  for (const sweep of data.sweeps) {
    for (const variant of sweep.variants) {
      const rows = wallRows(sweep, variant.cxl, batch);
      const name = `${sweep.machine}${variant.cxl > 0 ? ` + ${variant.cxl} CXL` : ""}`;
      series.push(terraceLine(name, series.length,
        rows.map((row) => [row.context, wallSpeed(row)]), { connectNulls: false }));
    }
  }
  if (data.sweeps.length > 1) return series;
  const [sweep] = data.sweeps;
  if (sweep.tier_lines.length > 1) {
    for (const line of sweep.tier_lines) {
      series.push(terraceLine(`all on ${line.tier}, if it fitted`, series.length,
        line.tokens_per_second.map((speed, i) => [sweep.contexts[i], speed]),
        { symbolSize: 5, lineStyle: { width: 1.2,
          type: terracePatterns[series.length % terracePatterns.length] } }));
    }
  }
  return series;
};

const wallContextChart = (data) => (colours) => ({
  grid: wallGrid(wallContextSeries(data).length), legend: wallLegend(colours),
  tooltip: terraceTooltip(colours, { trigger: "axis",
    valueFormatter: (value) => (value == null ? "does not fit" : `${terraceNumber(value)} tokens/s`) }),
  xAxis: wallContextAxis(colours),
  yAxis: wallSpeedAxis(colours),
  series: wallContextSeries(data),
});

// Where a step reads as much KV as weights.
const wallBytesChart = (sweep) => (colours) => {
  const batch = sweep.batches[0];
  const rows = wallRows(sweep, sweep.variants.at(-1).cxl, batch);
  const names = ["weights", "experts", "kv"];
  const read = (row, name) =>
    row.classes.find((one) => one.class === name)?.read_bytes_per_token ?? 0;
  const crossing = sweep.variants.at(-1).kv_as_large_as_weights;
  const inside = crossing && crossing >= sweep.contexts[0] && crossing <= sweep.contexts.at(-1);
  const late = inside && crossing * 8 > sweep.contexts.at(-1);
  const series = names.filter((name) => rows.some((row) => read(row, name) > 0)).map((name, i) =>
    terraceLine(name, i, rows.map((row) => [row.context, read(row, name)]), {
      markLine: name === "kv" && inside ? { symbol: "none", silent: true,
        lineStyle: { color: colours.faint, type: "solid" },
        label: { color: colours.text, position: "end", rotate: 0, align: late ? "right" : "center",
          formatter: `KV outgrows weights at ${terraceShort(crossing)} tokens` },
        data: [{ xAxis: crossing }] } : undefined }));
  return { grid: wallGrid(series.length), legend: wallLegend(colours),
    tooltip: terraceTooltip(colours, { trigger: "axis", valueFormatter: terraceBytes }),
    xAxis: wallContextAxis(colours),
    yAxis: terraceAxis(colours, { type: "log", name: "bytes read per token", nameGap: 50,
      axisLabel: { color: colours.faint, formatter: terraceBytes } }),
    series };
};

// Intensity in flops a byte against flops a second: memory's slopes, arithmetic's ceiling, points.
const wallRoofline = (sweep) => (colours) => {
  const variant = sweep.variants.at(-1);
  const fitting = sweep.rows.filter((row) => row.fits && row.cxl === variant.cxl);
  if (fitting.length === 0) return { title: { text: "nothing fits", left: "center", top: "middle",
    textStyle: { color: colours.faint } } };
  const ceiling = variant.flops.value === null ? null
    : variant.flops.value * sweep.predictor.compute_share;
  const intensity = (row) => row.flops_per_token / row.read_bytes_per_token;
  const low = Math.min(0.1, ...fitting.map(intensity)) / 2;
  const high = Math.max(1e3, ...fitting.map(intensity)) * 2;
  const series = variant.tiers.map((tier, i) => {
    const bandwidth = fitting[0].achieved_gbps[tier.name] * 1e9;
    const knee = ceiling === null ? high : Math.min(high, ceiling / bandwidth);
    return terraceLine(`${tier.name}, ${terraceNumber(bandwidth / 1e9)} GB/s`, i,
      [[low, low * bandwidth], [knee, knee * bandwidth]], { symbol: "none" });
  });
  if (variant.tiers.length > 1 && variant.kernels !== "hybrid-offload") {
    const sum = variant.tiers.reduce((gbps, tier) => gbps + fitting[0].achieved_gbps[tier.name], 0);
    const knee = ceiling === null ? high : Math.min(high, ceiling / (sum * 1e9));
    series.push(terraceLine(`all read together, ${terraceNumber(sum)} GB/s`, series.length,
      [[low, low * sum * 1e9], [knee, knee * sum * 1e9]], { symbol: "none" }));
  }
  if (ceiling !== null) {
    series.push(terraceLine("arithmetic", series.length,
      [[low, ceiling], [high, ceiling]], { symbol: "none" }));
  }
  series.push({ name: "decode, each point of the sweep", type: "scatter", symbolSize: 10,
    symbol: "diamond", itemStyle: { borderColor: colours.text, borderWidth: 1 },
    data: fitting.map((row) => [intensity(row),
      row.flops_per_token * row.tokens_per_second.value, row.context, row.batch]) });
  return { grid: wallGrid(series.length, { left: 78 }), legend: wallLegend(colours),
    tooltip: terraceTooltip(colours, { trigger: "item", formatter: (item) => (item.value.length < 4
      ? item.seriesName
      : `context ${terraceTokens(item.value[2])}, batch ${item.value[3]}<br>` +
        `${terraceNumber(item.value[1] / 1e12)} Tflop/s at ${terraceNumber(item.value[0])} flop/byte`) }),
    xAxis: terraceAxis(colours, { type: "log", name: "flops per byte read", nameGap: 28,
      min: low, max: high, axisLabel: { color: colours.faint, hideOverlap: true,
        formatter: (value) => terraceNumber(value, 2) } }),
    yAxis: terraceAxis(colours, { type: "log", name: "Tflop/s", nameGap: 56,
      axisLabel: { color: colours.faint, formatter: (value) => terraceNumber(value / 1e12, 2) } }),
    series };
};

// Throughput of the whole batch, and of one sequence in it.
const wallBatchChart = (data) => (colours) => {
  const series = [];
  for (const sweep of data.sweeps) {
    const cxl = sweep.variants.at(-1).cxl;
    const rows = sweep.rows.filter((row) => row.cxl === cxl && row.context === sweep.contexts[0]);
    const mark = data.sweeps.length > 1 ? `${sweep.machine}: ` : "";
    series.push(terraceLine(`${mark}all together`, series.length,
      rows.map((row) => [row.batch, wallSpeed(row)])));
    series.push(terraceLine(`${mark}each sequence`, series.length,
      rows.map((row) => [row.batch, row.fits ? wallSpeed(row) / row.batch : null])));
  }
  return { grid: wallGrid(3), legend: wallLegend(colours),
    tooltip: terraceTooltip(colours, { trigger: "axis",
      valueFormatter: (value) => (value == null ? "does not fit" : `${terraceNumber(value)} tokens/s`) }),
    xAxis: terraceAxis(colours, { type: "log", logBase: 2, name: "batch (sequences)",
      nameGap: 28 }),
    yAxis: wallSpeedAxis(colours), series };
};

// What a step's time is made of.
const wallTimeChart = (sweep) => (colours) => {
  const rows = wallRows(sweep, sweep.variants.at(-1).cxl, sweep.batches[0])
    .filter((row) => row.fits);
  const parts = [["reads", "memory_seconds"], ["arithmetic (at the same time)", "compute_seconds"],
    ["starts and latency", "start_seconds"]];
  return { grid: wallGrid(3), legend: wallLegend(colours),
    tooltip: terraceTooltip(colours, { trigger: "axis",
      valueFormatter: (value) => `${terraceNumber(value)} ms` }),
    xAxis: wallContextAxis(colours),
    yAxis: terraceAxis(colours, { type: "log", name: "ms per step", nameGap: 46,
      axisLabel: { color: colours.faint, formatter: (value) => terraceNumber(value, 2) } }),
    series: parts.map(([name, key], i) => terraceLine(name, i,
      rows.map((row) => [row.context, row[key] > 0 ? row[key] * 1e3 : null]))) };
};

const wallFacts = (sweep) => {
  const variant = sweep.variants.at(-1);
  const rows = wallRows(sweep, variant.cxl, sweep.batches[0]);
  const first = rows.find((row) => row.fits && row.context === sweep.asked_context) ??
    rows.find((row) => row.fits);
  const facts = [];
  if (first) {
    const speed = first.tokens_per_second;
    facts.push([`${terraceNumber(speed.value)} tokens/s`,
      `at context ${terraceTokens(first.context)}, batch ${first.batch}; ` +
      `${terraceNumber(speed.low)} to ${terraceNumber(speed.high)} in 4 of 5 cases`]);
    facts.push([`${terraceNumber(first.first_token_seconds.value)} s`,
      "to the first token of such a prompt"]);
    facts.push([wallBinds(first), "binds there"]);
  }
  facts.push([terraceShort(variant.largest_context), `largest context that fits at batch ${
    sweep.batches[0]}`]);
  facts.push([terraceNumber(variant.largest_batch), `largest batch that fits at context ${
    terraceTokens(sweep.contexts[0])}`]);
  facts.push([variant.kv_as_large_as_weights === null ? "never"
    : terraceShort(variant.kv_as_large_as_weights), "context at which KV outgrows weights"]);
  return facts;
};

const wallSources = (data) => {
  const rows = [];
  for (const sweep of data.sweeps) {
    for (const tier of sweep.variants.at(-1).tiers) {
      rows.push([`${sweep.machine}: ${tier.name}`, terraceBytes(tier.capacity_bytes),
        `${terraceNumber(tier.measured_gbps ?? tier.nominal_gbps)} GB/s`, tier.provenance,
        tier.source]);
    }
    const flops = sweep.variants.at(-1).flops;
    if (flops.value !== null) rows.push([`${sweep.machine}: arithmetic`, "",
      `${terraceNumber(flops.value / 1e12)} Tflop/s`, "", flops.source]);
  }
  const [{ model, predictor }] = data.sweeps;
  rows.push([`model ${model.name}`, "", "", "", model.source]);
  rows.push(["predictor", "", `± factor ${terraceNumber(predictor.spread)}`, "predicted",
    `${predictor.how}; ${predictor.source}`]);
  return rows;
};

terracePage((data, page) => {
  const [sweep] = data.sweeps;
  const names = data.sweeps.map(wallTitle).join(" and ");
  page.heading(`${sweep.model.name} ${sweep.model.quant} on ${names}`,
    `Predicted by terrace wall, KV in ${sweep.model.kv_quant}. Nothing here was measured on these ` +
    "machines: speeds come from the step-time model with constants fitted to published speeds.");
  for (const one of data.sweeps) {
    if (data.sweeps.length > 1) page.element("h2", null, wallTitle(one));
    page.facts(wallFacts(one));
  }
  const note = `Batch ${sweep.batches[0]}. A line ends where the machine is full.`;
  page.chart("Context against speed", data.sweeps.length > 1 ? note
    : `${note} Thin lines: every byte on one tier, whatever its capacity.`, wallContextChart(data));
  for (const one of data.sweeps) {
    page.chart(`Roofline of ${wallTitle(one)}`, "Slopes are what decoding draws from each tier; " +
      "the ceiling is the share of arithmetic that kernels reach.", wallRoofline(one));
    page.chart(`Bytes read per token, ${one.machine}`,
      "Weights stay the same while KV grows with the context.", wallBytesChart(one));
    page.chart(`What a step's time is made of, ${one.machine}`,
      "Reads and arithmetic overlap; starts add to the longer one.", wallTimeChart(one));
  }
  if (sweep.batches.length > 1) page.chart("Batch against throughput",
    `Context ${terraceTokens(sweep.contexts[0])}.`, wallBatchChart(data));
  page.table("All points", "Interval: four of five cases fall into it.",
    ["machine", "CXL", "context", "batch", "tokens/s", "from", "to", "first token, s",
      "GB read per token", "GB needed", "what binds|"],
    data.sweeps.flatMap((one) => one.rows.map((row) => [one.machine, String(row.cxl),
      terraceTokens(row.context), String(row.batch), wallSpeed(row),
      row.tokens_per_second?.low, row.tokens_per_second?.high, row.first_token_seconds?.value,
      row.read_bytes_per_token / 1e9, row.needed_bytes / 1e9, wallBinds(row)])));
  page.table("Figures and their sources", "",
    ["what", "capacity", "figure", "kind", "source|"], wallSources(data));
});
