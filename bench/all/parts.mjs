// SPDX-License-Identifier: Apache-2.0
// The parts of bench/all.sh: what each runs, and which of its figures are kept. `asked` are the
// project's own goals (docs/benchmarks.md).
import { figure } from './figure.mjs';

const measured = (name, unit, value, more = {}) => figure(name, unit, value, { how: 'measured', ...more });
const emulated = (name, unit, value, more = {}) => figure(name, unit, value, { how: 'emulated', ...more });
const simulated = (name, unit, value, more = {}) => figure(name, unit, value, { how: 'simulated', ...more });
const benchmark = (name) => `build/release/bench/${name}`;

function demoFigures([line]) {
  const ratios = (key, title, goals) => {
    const of = line[key];
    const over = (other, asked = null) => emulated(`${title}: plan over ${other.replaceAll('_', ' ')}`, 'ratio',
      of.plan_tok_s / of[`${other}_tok_s`], { asked });
    return [
      emulated(`${title}: plan`, 'tokens/s', of.plan_tok_s),
      ...['first_touch', 'interleave', 'weighted', 'bound'].map((other) => over(other, goals[other] ?? null)),
    ];
  };
  return [
    ...ratios('dense', 'dense model', { first_touch: { least: 1.4 }, interleave: { least: 1.6 },
      weighted: { least: 1 }, bound: { least: 0.9 } }),
    ...ratios('moe', 'mixture of experts', { weighted: { least: 1.3 } }),
  ];
}

function decodeFigures([line]) {
  const cost = (key, title, most) => {
    const { pct, interval_pct: interval } = line[key];
    return measured(`llama.cpp, CPU time for a token: ${title}`, '%', pct,
      { asked: { most }, spread: interval ? (interval[1] - interval[0]) / 2 : null });
  };
  return [
    cost('passing_over_alone', 'passing through over alone', 3),
    cost('recorded_over_placed', 'recorded over placed', 1),
  ];
}

function shimFigures([line]) {
  return [
    ...Object.entries(line.cpu_geomean).map(([heap, ratio]) =>
      measured(`13 programs, CPU time over ${heap}, geometric mean`, 'ratio', ratio, { asked: { most: 1.03 } })),
    measured('libmemtier over glibc, CPU time, geometric mean', 'ratio', line.memtier_over_glibc),
    measured('a small malloc and free, added at most', 'ns', line.pair_ns_added, { asked: { most: 2 } }),
    measured('13 programs, peak resident memory, geometric mean', 'ratio', line.rss_geomean,
      { asked: { most: 1.05 } }),
  ];
}

/// Sources that are exact by block, to which the limits apply.
const kExact = ['present-bits', 'write-tracking'];

function profileFigures(lines) {
  return lines.flatMap(({ source, cpu_overhead_pct: cpu, cpu_spread_pct: spread, shapes }) => [
    measured(`${source}: CPU time over not recorded`, '%', cpu, { spread }),
    ...Object.entries(shapes).flatMap(([shape, { bytes_error_pct: error, rank_correlation: rank }]) => [
      measured(`${source}, ${shape}: bytes a second off by`, '%', Math.abs(error),
        { asked: kExact.includes(source) ? { most: 10 } : null }),
      ...(rank === null ? [] : [measured(`${source}, ${shape}: rank correlation`, '', rank,
        { asked: kExact.includes(source) ? { least: 0.95 } : null })]),
    ]),
  ]);
}

function namesFigures(lines) {
  const tables = lines.filter((line) => 'misplaced' in line);
  const shares = lines.find((line) => 'windows' in line);
  const sum = (key) => tables.reduce((all, line) => all + line[key], 0);
  return [
    measured('parts of tensors named elsewhere than they lie, or not', 'parts', sum('misplaced') + sum('missed'),
      { asked: { most: 0 } }),
    emulated("an expert's share, worst error, link faults", 'points', shares.exact.worst, { asked: { most: 5 } }),
    emulated("an expert's share, worst error, windows", 'points', shares.windows.worst, { asked: { most: 5 } }),
  ];
}

function kvFigures(lines) {
  const of = (name) => lines.find((line) => line.name === name);
  const kept = (name, title, key, unit, asked = null, scale = 1) => {
    const line = of(name);
    if (!line) throw new Error(`kv_benchmark printed no ${name}`);
    return measured(title, unit, line[key] * scale, { asked, spread: line[`${key}_spread`] * scale });
  };
  return KV_FIGURES.map((one) => kept(...one));
}
