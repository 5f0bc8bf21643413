// SPDX-License-Identifier: Apache-2.0
// What is worked out and not measured: placement policies, the memory wall's predictor; and counts of
// the emulated machine in which the kernel's own tiering runs.
import { row } from '../rows.mjs';
import { jsonLines, lastJsonLine } from './micro.mjs';

const kOurs = ['plan', 'online'];

export function readPolicies(text) {
  const all = jsonLines(text);
  if (all.length === 0) throw new Error('no line of JSON');
  return all.flatMap(({ workload, step_time_over_optimum: over, spread, seeds }) => {
    const others = Object.keys(over).filter((policy) => !kOurs.includes(policy));
    const best = others.reduce((least, policy) => (over[policy] < over[least] ? policy : least));
    return kOurs.map((policy) => row(`${workload}: ${policy} over the optimum`, 'x step time', over[policy], {
      n: seeds, how: 'simulated', spread: over[policy] * spread[policy], spread_of: 'range',
      against: `the best of the others, ${best}: ${over[best]}`,
    }));
  });
}

/// Published speeds against the catalogue's nominal figures and four fitted constants.
export function readWall(text) {
  const { n, mape_pct: error, worst, left_out: leftOut } = JSON.parse(text);
  const name = `decode speed, ${leftOut ? 'mean absolute error, hardware left out' : 'mean absolute error, as fitted'}`;
  return [row(name, '%', error, { n, how: 'nominal',
    against: `published speeds; worst ${worst.error_pct.toFixed(1)} %: ${worst.point}` })];
}

/// Counts of pages are the kernel's own; the processor is emulated, so no time is shown.
export function readKernelTiering(text) {
  const { runs } = lastJsonLine(text);
  return Object.entries(runs).flatMap(([name, { sums, rounds }]) => {
    const about = { n: 1, how: 'emulated', against: `${rounds.length} rounds` };
    return [
      row(`${name}: pages that moved after it settled`, 'pages', sums.moved_after_settling, about),
      row(`${name}: moves that undo the last one`, 'pages', sums.back, about),
      row(`${name}: hot memory on the fast node at the end`, '%', sums.hot_on_fast_percent, about),
      row(`${name}: scanned memory on the fast node at the end`, '%', sums.scanned_on_fast_percent, about),
    ];
  });
}
