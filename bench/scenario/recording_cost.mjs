// SPDX-License-Identifier: Apache-2.0
// What recording adds to llama.cpp's CPU time for a token. Recording ends in the middle of a run,
// and the tokens before that are held against those after it: two runs of one program differ by 2 %
// in how their pages lie in the machine's memory, the two halves of one run do not. A second run of
// the round, placed and never recorded, tells what the halves differ by anyway (a longer context);
// the cost is the median over the rounds of the one ratio over the other, with the interval that
// holds the true median with 95 % confidence.
// What observable memory, a file's huge pages in place of anonymous ones, costs while nobody looks
// is in neither half: unobserved_over_placed compares the later halves of the two runs.
// Started by recording_cost.sh: node recording_cost.mjs [--json] [--rounds N] [--tokens N]
// [--budget PERCENT]
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { Programs, stopRunning } from './demo/programs.mjs';
import { generator, median, medianInterval, shuffled } from './demo/statistics.mjs';
import { writeAllFast } from './demo/tiers.mjs';

const kSettledMs = 500; // after the recording's end its last file is still being written
const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '9' },
    tokens: { type: 'string', default: '480' },
    budget: { type: 'string' },
  },
});

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    stopRunning(signal);
    process.exit(signal === 'SIGINT' ? 130 : 143);
  });
}

const programs = new Programs(root);
const config = JSON.parse(readFileSync(join(root, 'bench', 'configs', 'demo.json'), 'utf8'));
const folder = join(root, 'build', 'recording_cost');
mkdirSync(folder, { recursive: true });
const workload = config.workloads.find(({ name }) => name === 'dense');
const model = await programs.model(workload, config.seed);
const tiers = join(folder, 'all-fast.toml');
const session = join(folder, 'session.trc');
const times = join(folder, 'token-times');
writeAllFast(tiers, model);
const command = [
  ...programs.client(workload, model, { warmup: 8, tokens: Number(values.tokens) }),
  '--token-times', times,
];

const tokens = () => readFileSync(times, 'utf8').trim().split('\n').map((line) => {
  const [began, cpu] = line.split(' ').map(Number);
  return { began, cpu };
});
/// Of the tokens within a tenth of their median, since the machine's other guests disturb some for
/// seconds. What recording itself makes so much dearer is left out with them: the result is a lower
/// bound where more of the recorded tokens are left out than of the others, and both shares are told.
function mean(some) {
  const most = 1.1 * median(some.map(({ cpu }) => cpu));
  const kept = some.filter(({ cpu }) => cpu <= most);
  return kept.reduce((all, { cpu }) => all + cpu, 0) / kept.length;
}
const disturbed = (some) => some.filter(({ cpu }) => cpu > 1.1 * median(some.map((one) => one.cpu))).length;

async function placed() {
  const { load_ms: load } = await programs.decode('run', ['--tiers', tiers], command);
  return { tokens: tokens(), load };
}

/// Recorded for `ms` from its first object on.
async function recorded(ms) {
  const budget = values.budget === undefined ? [] : ['--budget', values.budget];
  await programs.decode('record', ['-f', '--tiers', tiers, ...budget, '--duration', `${Math.round(ms)}ms`,
    '-o', session], command);
  const { stdout } = await programs.terrace('export', '--format', 'json', session);
  const told = JSON.parse(stdout);
  const all = tokens();
  const end = told.start_realtime_ns / 1e6 + told.recorded_seconds * 1e3;
  return {
    before: all.filter(({ began }, i) => i + 1 < all.length && all[i + 1].began <= end),
    after: all.filter(({ began }) => began >= end + kSettledMs),
    all,
    stated: told.sources.reduce((sum, { cpu_share: share }) => sum + (share ?? 0), 0),
  };
}

const first = await placed();
const half = first.load + (first.tokens.at(-1).began - first.tokens[0].began) / 2;
const random = generator(1);
const rounds = [];
for (let round = 0; round < Number(values.rounds); ++round) {
  const runs = {};
  for (const way of shuffled(['placed', 'recorded'], random)) {
    runs[way] = way === 'placed' ? await placed() : await recorded(half);
  }
  const { before, after, all, stated } = runs.recorded;
  if (before.length < 20 || after.length < 20) {
    process.stderr.write(`round ${round + 1}: left out, loading took so long that ${before.length} of ${all.length} ` +
      'tokens were recorded\n');
    continue;
  }
  const same = runs.placed.tokens;
  const drift = mean(same.slice(0, before.length)) / mean(same.slice(same.length - after.length));
  const cost = mean(before) / mean(after) / drift;
  rounds.push({ cost, stated, left: disturbed(before) / before.length, leftAfter: disturbed(after) / after.length, unobserved: mean(after) / mean(same.slice(same.length - after.length)) });
  process.stderr.write(`round ${round + 1}: ${(100 * (cost - 1)).toFixed(2)} % (states ${(100 * stated).toFixed(2)} %), ` +
    `${before.length} tokens of ${mean(before).toFixed(2)} ms of CPU, then ${after.length} of ${mean(after).toFixed(2)}; ` +
    `placed ${mean(same).toFixed(2)}, halves ${drift.toFixed(4)}\n`);
}

const percent = (ratio) => 100 * (ratio - 1);
const of = (ratios) => ({ pct: percent(median(ratios)), interval_pct: medianInterval(ratios)?.map(percent) ?? null });
const result = {
  recording: of(rounds.map(({ cost }) => cost)),
  unobserved_over_placed: of(rounds.map(({ unobserved }) => unobserved)),
  stated_pct: 100 * median(rounds.map(({ stated }) => stated)),
  tokens_left_out_pct: {
    recorded: 100 * median(rounds.map(({ left }) => left)),
    unobserved: 100 * median(rounds.map(({ leftAfter }) => leftAfter)),
  },
  rounds: rounds.length,
};
const line = JSON.stringify(result, (_, value) =>
  typeof value === 'number' ? Number(value.toFixed(2)) : value);
process.stdout.write(values.json ? `${line}\n` : `${JSON.stringify(JSON.parse(line), null, 2)}\n`);
