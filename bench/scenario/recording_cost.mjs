// SPDX-License-Identifier: Apache-2.0
// What recording adds to llama.cpp's CPU time for a token, from runs that are recorded throughout. The
// session says when the recorder looked and when it wrote; tokens of then are held against the
// undisturbed ones around them (demo/disturbance.mjs). All tokens count. The result is the median over the
// rounds with the interval that holds the true median with 95 % confidence.
// What observable memory, a file's huge pages in place of anonymous ones, costs while nobody looks is
// not in it: undisturbed_over_placed compares the undisturbed tokens with those of a run of the same
// round that is placed and never recorded. Two runs of one program differ by 2 % in how their pages
// lie in the machine's memory.
// Started by recording_cost.sh: node recording_cost.mjs [--json] [--rounds N] [--tokens N]
// [--budget PERCENT] [--no-placed]
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { denseRun, writeResult } from './demo/dense_run.mjs';
import { disturbance } from './demo/disturbance.mjs';
import { generator, median, medianInterval, shuffled } from './demo/statistics.mjs';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '9' },
    tokens: { type: 'string', default: '480' },
    budget: { type: 'string' },
    'no-placed': { type: 'boolean', default: false },
  },
});

const { programs, folder, tiers, session, command } = await denseRun('recording_cost');
const times = join(folder, 'token-times');
const decode = [...command(Number(values.tokens)), '--token-times', times];

const tokens = () => readFileSync(times, 'utf8').trim().split('\n').map((line) => {
  const [began, cpu] = line.split(' ').map(Number);
  return { began, cpu };
});

async function placed() {
  await programs.decode('run', ['--tiers', tiers], decode);
  const all = tokens();
  return all.reduce((sum, { cpu }) => sum + cpu, 0) / all.length;
}

async function recorded() {
  const budget = values.budget === undefined ? [] : ['--budget', values.budget];
  await programs.decode('record', ['-f', '--tiers', tiers, ...budget, '-o', session], decode);
  const { stdout } = await programs.terrace('export', '--format', 'json', session);
  const told = JSON.parse(stdout);
  const ms = (seconds) => told.start_realtime_ns / 1e6 + seconds * 1e3;
  const events = (kind, all) =>
    all.map((of) => ({ kind, begin: ms(of.begin_seconds), end: ms(of.end_seconds) }));
  return {
    ...disturbance(tokens(), [
      ...events('windows', told.looks.filter(({ kind }) => kind === 'windows')),
      ...events('step', told.looks.filter(({ kind }) => kind === 'step')),
      // A cost record is the last that is written of a second's.
      ...events('writing', told.costs.map(({ end_seconds: at }) => ({ begin_seconds: at, end_seconds: at }))),
    ]),
    stated: told.sources.reduce((sum, { cpu_share: share }) => sum + (share ?? 0), 0),
    looks: told.looks.length,
  };
}

const random = generator(1);
const rounds = [];
for (let round = 0; round < Number(values.rounds); ++round) {
  const runs = {};
  for (const way of shuffled(values['no-placed'] ? ['recorded'] : ['placed', 'recorded'], random)) {
    runs[way] = way === 'placed' ? await placed() : await recorded();
  }
  const { share, shares, stated, looks, undisturbed, disturbedTokens } = runs.recorded;
  rounds.push({ cost: share, shares, stated, unobserved: undisturbed / (runs.placed ?? NaN) - 1 });
  const parts = Object.entries(shares).map(([kind, one]) => `${kind} ${(100 * one).toFixed(2)} %`).join(', ');
  process.stderr.write(`round ${round + 1}: ${(100 * share).toFixed(2)} % (${parts}; states ${(100 * stated).toFixed(2)} %), ` +
    `${looks} looks disturbed ${disturbedTokens} of ${values.tokens} tokens, the others took ${undisturbed.toFixed(2)} ms\n`);
}

const of = (shares) => ({
  pct: 100 * median(shares),
  interval_pct: medianInterval(shares)?.map((share) => 100 * share) ?? null,
});
const kinds = [...new Set(rounds.flatMap(({ shares }) => Object.keys(shares)))];
writeResult({
  recording: of(rounds.map(({ cost }) => cost)),
  parts_pct: Object.fromEntries(kinds.map((kind) => [kind, 100 * median(rounds.map(({ shares }) => shares[kind] ?? 0))])),
  undisturbed_over_placed: values['no-placed'] ? null : of(rounds.map(({ unobserved }) => unobserved)),
  stated_pct: 100 * median(rounds.map(({ stated }) => stated)),
  rounds: rounds.length,
}, values.json);
