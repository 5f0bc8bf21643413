// SPDX-License-Identifier: Apache-2.0
// What the programs of bench/micro print: Google Benchmark's JSON, lines of PairedRounds, and the
// tables of those that have their own.
import { median, spread } from '../../scenario/demo/statistics.mjs';
import { notRun, row } from '../rows.mjs';

/// JSON lines; others, as an engine's own words, are passed over.
export const jsonLines = (text) =>
  text.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));

export function lastJsonLine(text) {
  const all = jsonLines(text);
  if (all.length === 0) throw new Error('no line of JSON');
  return all.at(-1);
}

/// The coefficient of variation of noughts, which Google Benchmark prints and JSON does not know.
const withoutNaN = (text) => text.replace(/:\s*-?(NaN|Infinity)\b/g, ': null');

/// By benchmark: its repetitions, or where only aggregates are reported {median, stddev}.
function byBenchmark(text) {
  const groups = new Map();
  for (const entry of JSON.parse(withoutNaN(text)).benchmarks) {
    const name = entry.run_name;
    if (!groups.has(name)) groups.set(name, { runs: [], aggregates: {} });
    if (entry.run_type === 'aggregate') groups.get(name).aggregates[entry.aggregate_name] = entry;
    else groups.get(name).runs.push(entry);
  }
  return groups;
}

function figureOf({ runs, aggregates }, name, { unit, of, against, how }) {
  if (runs.length === 0) {
    const n = aggregates.median.repetitions;
    return row(name, unit, of(aggregates.median), { n, spread: of(aggregates.stddev), spread_of: 'deviation', against, how });
  }
  const values = runs.map(of);
  const middle = median(values);
  const about = { n: values.length, spread: Math.abs(spread(values) * middle), spread_of: 'range', against, how };
  return row(name, unit, middle, about);
}

/// `figures`: for each what to make of an entry: {of(entry), unit, against, label(name)}; `of` gives
/// undefined where the benchmark has no such figure.
export function googleRows(text, figures) {
  const rows = [];
  for (const [name, group] of byBenchmark(text)) {
    const failed = group.runs.find((run) => run.error_occurred);
    if (failed) {
      rows.push(notRun(figures[0].label?.(name) ?? name, failed.error_message));
      continue;
    }
    const first = group.runs[0] ?? group.aggregates.median;
    for (const figure of figures.filter(({ of }) => of(first) !== undefined)) {
      rows.push(figureOf(group, figure.label?.(name) ?? name, figure));
    }
  }
  if (rows.length === 0) throw new Error('no benchmark ran');
  return rows;
}

const millions = (entry) => entry.items_per_second / 1e6;

export const readCallSites = (text) =>
  googleRows(text, [{ unit: 'ns', of: (entry) => entry.real_time, against: 'glibc backtrace, the libgcc unwinder and bare frame pointers beside it' }]);

export const readKvPolicies = (text) =>
  googleRows(text, [{ unit: 'M blocks/s', of: millions, against: 'map_and_list: LRU as it is written first' }]);

export const readSimulator = (text) =>
  googleRows(text, [{ unit: 'M accesses/s', of: millions, against: 'first-touch: the replay alone' }]);

export function readPlanner(text) {
  const short = (name) => name.replace(/\/repeats:\d+$/, '');
  const varied = (name) => `varied_objects, ${/blocks:(\d+)/.exec(name)?.[1]} blocks`;
  return googleRows(text, [
    { unit: 'ms', of: (entry) => entry.real_time, label: short },
    { unit: 'x', of: (entry) => entry.plan_over_bound, label: (name) => `${varied(name)}: plan over its bound`,
      against: "the linear programme's bound", how: 'simulated' },
    { unit: 'x', of: (entry) => entry.plain_over_plan, label: (name) => `${varied(name)}: time of the plain programme over it`,
      against: 'the two programmes without grouping' },
  ]);
}

/// Memory at the length that is placed by; how long a thread may wait only where one writes.
export function readCopyRemap(text) {
  const kFiles = ['memfd', 'memfd of huge pages', 'tmpfs'];
  const label = (what) => (name) => {
    const [, way, file, huge, writers] = /^(\w+)\/.*file:(\d)\/huge:(\d)\/writers:(\d)/.exec(name);
    return `${way} ${kFiles[file]}, ${huge === '1' ? '2 MiB' : '4 KiB'} pages${writers === '1' ? ', beside a writer' : ''}${what}`;
  };
  const quiet = (key) => (entry) => (entry.cpu_ratio === undefined ? undefined : entry[key]);
  const beside = (key) => (entry) => (entry.cpu_ratio === undefined ? entry[key] : undefined);
  return googleRows(text, [
    { unit: 'x', of: quiet('ratio'), label: label(''), against: 'memcpy of the same bytes into warm memory' },
    { unit: 'x', of: quiet('ratio_fresh'), label: label(', / fresh'), against: 'memcpy into fresh memory' },
    { unit: 'us', of: beside('hold_us'), label: label(': longest wait') },
  ]);
}

/// kv_benchmark and prefix_store_benchmark.
export function readPaired(text) {
  const rows = jsonLines(text).flatMap(({ name, unit, ours, ours_spread, plain, ratio, rounds }) => row(name, unit, ours, {
    n: rounds, spread: ours_spread, spread_of: 'quartiles', against: `plain ${plain} ${unit}; ${ratio} x as good by rounds`,
  }));
  if (rows.length === 0) throw new Error('no line of JSON');
  return rows;
}

/// mover_benchmark's last lines: "ratio NAME 0.96 (0.93 .. 0.99)  n=16".
export function readMover(text) {
  const kLine = /^ratio (.*?) +([0-9.]+) \(([0-9.]+) \.\. ([0-9.]+)\) +n=(\d+)$/gm;
  const rows = [...text.matchAll(kLine)].map(([, name, value, low, high, n]) => row(name, 'x', Number(value), {
    n: Number(n), spread: (Number(high) - Number(low)) / 2, spread_of: 'quartiles', against: name.split(' / ')[1]?.split(',')[0] ?? null,
  }));
  if (rows.length === 0) throw new Error('no line of ratios');
  return rows;
}

/// file_fill_table's two tables: "warm   way   MB/s   ratio   left", then a line for each way.
export function readFileFill(text) {
  const n = Number(/(\d+) rounds each/.exec(text)?.[1]);
  const rows = [];
  let cache = null;
  for (const line of text.split('\n')) {
    cache = /^(warm|cold) +way +MB\/s/.exec(line)?.[1] ?? cache;
    const [, way, rate, ratio] = /^ +(\w[\w ]*?) +(\d+) +([0-9.]+) +-?\d+%$/.exec(line) ?? [];
    if (cache && way) rows.push(row(`${cache}: ${way}`, 'MB/s', Number(rate), { n, against: `read(): ${ratio} x` }));
  }
  if (rows.length === 0) throw new Error('no table');
  return rows;
}

export function readLinks(text) {
  const { rounds, rows, touches, latencies } = lastJsonLine(text);
  const off = (measured, asked) => 100 * (measured / asked - 1);
  return [
    ...rows.flatMap(({ asked_gbps, threads, measured_gbps, worst_error_pct }) => {
      const name = `link of ${asked_gbps} GB/s, threads ${threads}`;
      const about = { n: rounds, how: 'emulated', against: `${asked_gbps} GB/s asked` };
      return [row(name, '% off', off(measured_gbps, asked_gbps), about),
        row(`${name}, worst round`, '% off', worst_error_pct, about)];
    }),
    ...latencies.map(({ asked_us, measured_us }) => row(`link's latency of ${asked_us} us`, 'us', measured_us,
      { n: touches, how: 'emulated', against: `${asked_us} us asked` })),
  ];
}
