// SPDX-License-Identifier: Apache-2.0
// What the preload shim costs (shim_cost.sh, bench/peers/shim.sh) and what access sources cost and
// get wrong (profile_cost.sh).
import { notRun, row } from '../rows.mjs';
import { jsonLines, lastJsonLine } from './micro.mjs';

export function readShimCost(text) {
  const { rows, rounds: n } = lastJsonLine(text);
  return rows.flatMap(({ pair, glibc_ns: alone, glibc_spread: loose, shim_ns: under, shim_spread: off, added_ns: added }) => [
    row(`${pair}: under the shim`, 'ns', under, { n, spread: off, spread_of: 'quartiles', against: `glibc ${alone} ns` }),
    row(`${pair}: added`, 'ns', added, { n, spread: loose + off, spread_of: 'both', against: 'glibc alone' }),
  ]);
}

/// Programs that hold large blocks only; shim.sh leaves them out of its second mean.
const kLargePrograms = ['growing_arrays', 'staging'];

export function readShim(text) {
  const told = lastJsonLine(text);
  const { rounds: n, programs } = told;
  const means = (key, tail) => Object.entries(told[key]).map(([heap, ratio]) =>
    row(`CPU time over ${heap}, geometric mean${tail}`, 'x', ratio, { n, against: `${heap} alone` }));
  const cpu = (name, { cpu: ratio, cpu_spread: share, heap }, against = `${heap} alone`) =>
    row(name, 'x', ratio, { n, spread: ratio * share, spread_of: 'quartiles', against });
  const worst = programs.reduce((most, one) => (one.cpu > most.cpu ? one : most));
  return [
    ...means('cpu_geomean', ''),
    ...means('cpu_geomean_without_large', ', without the large'),
    cpu('CPU time, worst program and heap', worst, `${worst.program} over ${worst.heap}`),
    ...programs.filter(({ heap, program }) => heap === 'glibc' && kLargePrograms.includes(program))
      .map((one) => cpu(`CPU time over glibc, ${one.program}`, one)),
    row('peak resident memory, geometric mean', 'x', told.rss_geomean, { n, against: 'each heap alone' }),
    row('a pair of malloc and free where all is placed, worst', 'ns added', told.pair_ns_added, { n: 5, against: 'glibc alone' }),
    ...(told.memtier_over_glibc > 0
      ? [row("libmemtier's CPU time, geometric mean", 'x', told.memtier_over_glibc, { n, against: 'glibc alone' })] : []),
  ];
}

const kPlaced = 'the same program placed and not recorded';

function sourceRows({ source, cpu_overhead_pct: cost, cpu_spread_pct: off, stated_cpu_pct: stated, rounds: n, shapes }) {
  const rows = [
    row(`${source}: CPU time of a step`, '% added', cost, { n, spread: off, spread_of: 'range', against: kPlaced }),
    row(`${source}: CPU time that it states`, '%', stated, { n }),
  ];
  for (const [shape, { bytes_error_pct: error, rank_correlation: rank }] of Object.entries(shapes)) {
    rows.push(row(`${source}: bytes a second, ${shape}`, '% off', error, { n, against: "the program's own count" }));
    // Null where no range is much hotter than another.
    if (rank !== null) {
      rows.push(row(`${source}: rank correlation, ${shape}`, 'of ranges', rank, { n, against: "the program's own count" }));
    }
  }
  return rows;
}

export function readSources(text) {
  const all = jsonLines(text);
  return all.length > 0 ? all.flatMap(sourceRows) : [notRun('access sources', 'none of those asked for works here')];
}
