// SPDX-License-Identifier: Apache-2.0
// What the scenarios on llama.cpp print: the demo, what running under Terrace and recording cost a
// token, names against the engine's own table.
import { mean } from '../../scenario/demo/statistics.mjs';
import { kPlacements } from '../../scenario/demo/workload.mjs';
import { row } from '../rows.mjs';
import { jsonLines, lastJsonLine } from './micro.mjs';

function speeds(workload, figures) {
  return kPlacements.map(({ key, title }) => row(`${workload}: ${title}`, 'tokens/s', figures[`${key}_tok_s`], {
    n: figures.rounds, how: key === 'all_fast' ? 'measured' : 'emulated', spread_of: 'range',
    spread: figures[`${key}_tok_s`] * figures.spread_pct[key] / 100,
  }));
}

/// No difference smaller than both sides' spreads together means anything.
function planOver(workload, figures) {
  const { plan_tok_s: plan, spread_pct: spreads, rounds: n } = figures;
  const over = kPlacements.filter(({ key }) => key !== 'plan').map(({ key, title }) => {
    const ratio = plan / figures[`${key}_tok_s`];
    return row(`${workload}: plan / ${title}`, 'x', ratio, {
      n, how: 'emulated', spread_of: 'both', spread: ratio * (spreads.plan + spreads[key]) / 100, against: title,
    });
  });
  const bound = plan / figures.bound_tok_s;
  return [...over, row(`${workload}: plan / bound`, 'x', bound, {
    n, how: 'emulated', spread_of: 'both', spread: bound * (spreads.plan + spreads.all_fast) / 100,
    against: `${figures.bound_tok_s} tokens/s: all fast as measured, times the model's ratio`,
  })];
}

/// The absolute step rests on the recorded run, which a neighbour slows like any other; the second
/// figure takes that out by holding each placement against all fast on both sides.
function predictionError(workload, figures, base) {
  const scale = base ? figures.predicted_step_ms[base] * figures[`${base}_tok_s`] / 1e3 : 1;
  const errors = kPlacements.map(({ key }) =>
    100 * (figures.predicted_step_ms[key] * figures[`${key}_tok_s`] / 1e3 / scale - 1));
  const each = kPlacements.map(({ title }, i) => `${title} ${errors[i].toFixed(1)} %`).join(', ');
  return row(`${workload}: predicted step${base ? ' over all fast' : ''}, mean absolute error`, '%', mean(errors.map(Math.abs)), {
    n: figures.rounds, how: 'emulated', against: `steps as measured (predicted - measured: ${each})`,
  });
}

export function readDemo(text) {
  const { emulated, ...workloads } = lastJsonLine(text);
  return Object.entries(workloads).flatMap(([name, figures]) =>
    [...speeds(name, figures), ...planOver(name, figures), predictionError(name, figures), predictionError(name, figures, 'all_fast')]);
}

const halfOf = (interval) => (interval ? (interval[1] - interval[0]) / 2 : null);

const percent = (name, cost, n, against) =>
  row(name, '% CPU a token', cost.pct, { n, spread: halfOf(cost.interval_pct), spread_of: 'interval', against });

export function readDecodeCost(text) {
  const cost = lastJsonLine(text);
  const rows = Object.entries(cost.cpu_ms_per_token).map(([way, ms]) => row(`llama.cpp ${way}`, 'ms CPU a token', ms,
    { n: cost.rounds, spread: ms * cost.spread_pct[way] / 100, spread_of: 'range' }));
  const over = (key, name, against) => {
    if (cost[key]) rows.push(percent(name, cost[key], cost.rounds, against));
  };
  over('passing_over_alone', 'llama.cpp under the shim, passing through', 'the engine alone');
  over('placed_over_alone', 'llama.cpp placed on one fast tier', 'the engine alone');
  over('recorded_over_placed', 'llama.cpp recorded, by whole runs', 'the same placed and not recorded');
  return rows;
}

export function readRecordingCost(text) {
  const { recording, parts_pct: parts, undisturbed_over_placed: undisturbed, stated_pct: stated, rounds: n } = lastJsonLine(text);
  const against = 'undisturbed tokens around those in which the recorder looked';
  return [
    percent('llama.cpp: recording', recording, n, against),
    ...Object.entries(parts).map(([kind, pct]) => row(`llama.cpp: recording, of which ${kind}`, '% CPU a token', pct, { n, against })),
    row('llama.cpp: recording, as the session states it', '% CPU', stated, { n }),
    ...(undisturbed ? [percent('llama.cpp: observable memory, nobody looking', undisturbed, n, 'placed and never recorded')] : []),
  ];
}

export function readNames(text) {
  const all = jsonLines(text);
  if (all.length === 0) throw new Error('no line of JSON');
  const loads = all.filter((line) => 'named' in line).flatMap(({ model, mmap, repack, named, misplaced, missed }) =>
    [row(`${model}, mmap ${mmap}, repack ${repack}: parts named elsewhere or not at all`, 'parts', misplaced + missed,
      { against: `the engine's own table: ${named} named where it has them` })]);
  const shares = all.filter((line) => 'exact' in line).flatMap((line) =>
    [['exact source', line.exact, 'emulated'], [`windows`, line.windows, 'measured']].flatMap(([source, error, how]) =>
      ['worst', 'mean'].map((which) => row(`${line.model}: share of an expert, ${source}, ${which}`, 'points', error[which],
        { how, against: source === 'windows' ? `the router's choices; budget ${line.windows_budget}, ${line.windows.steady_seconds.toFixed(0)} s` : "the router's choices" }))));
  return [...loads, ...shares];
}
