// SPDX-License-Identifier: Apache-2.0
// What Terrace costs a decoding engine that needs nothing from it: CPU time for each token of the
// engine alone, under the shim passing through, placed on one fast tier, and recorded on it. The ways
// are run in turn, in shuffled order in each round. A cost is the median over the rounds of the ratio
// of two runs of one round, since a machine's drift between rounds is larger than what is looked for;
// with it the interval that holds the true median with 95 % confidence (order statistics: no
// assumption on the distribution).
// Started by decode_cost.sh: node decode_cost.mjs [--json] [--rounds N] [--tokens N] [--only WAY]...
// [--budget PERCENT]
import { rmSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { denseRun, writeResult } from './demo/dense_run.mjs';
import { generator, median, medianInterval, shuffled, spread } from './demo/statistics.mjs';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    tokens: { type: 'string', default: '120' },
    only: { type: 'string', multiple: true },
    budget: { type: 'string' },
  },
});

const { programs, tiers, session, command: decode } = await denseRun('decode_cost');
const command = decode(Number(values.tokens));
const budget = values.budget === undefined ? [] : ['--budget', values.budget];

const variants = {
  alone: () => programs.decodeAlone([], command),
  passing: () => programs.decodeAlone([`LD_PRELOAD=${programs.preloadPath}`], command),
  placed: () => programs.decode('run', ['--tiers', tiers], command),
  recorded: () => {
    rmSync(session, { force: true });
    return programs.decode('record', ['--tiers', tiers, ...budget, '-o', session], command);
  },
};

const ways = values.only ?? Object.keys(variants);
const unknown = ways.find((way) => !(way in variants));
if (unknown !== undefined) {
  process.stderr.write(`decode_cost: --only ${unknown}: one of ${Object.keys(variants).join(', ')}\n`);
  process.exit(2);
}

const random = generator(1);
const cpu = Object.fromEntries(ways.map((key) => [key, []]));
for (let round = 0; round < Number(values.rounds); ++round) {
  for (const key of shuffled(ways, random)) {
    const { process_cpu_ms: ms } = await variants[key]();
    process.stderr.write(`round ${round + 1}: ${key}: ${ms.toFixed(2)} ms of CPU a token\n`);
    cpu[key].push(ms);
  }
}

const percent = (ratio) => 100 * (ratio - 1);
/// Null where one of the two was not run.
const over = (key, base) => {
  if (!cpu[key] || !cpu[base]) return null;
  const ratios = cpu[key].map((ms, round) => ms / cpu[base][round]);
  return { pct: percent(median(ratios)), interval_pct: medianInterval(ratios)?.map(percent) ?? null };
};
const result = {
  cpu_ms_per_token: Object.fromEntries(Object.entries(cpu).map(([key, all]) => [key, median(all)])),
  spread_pct: Object.fromEntries(Object.entries(cpu).map(([key, all]) => [key, 100 * spread(all)])),
  passing_over_alone: over('passing', 'alone'),
  placed_over_alone: over('placed', 'alone'),
  recorded_over_placed: over('recorded', 'placed'),
  rounds: Number(values.rounds),
};
writeResult(result, values.json);
