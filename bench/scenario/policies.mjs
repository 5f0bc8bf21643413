// SPDX-License-Identifier: Apache-2.0
// Step time of every policy over the offline optimum's, simulated, over several seeds: medians and
// spread. Started by policies.sh: node policies.mjs [--json] [--seeds N] [TERRACE OPTIONS...].
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { median, spread } from './demo/statistics.mjs';
import { columns } from './demo/table.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const terrace = process.env.TERRACE || join(root, 'build', 'release', 'terrace');
const mostSeeds = 1000;

function fail(message) {
  process.stderr.write(`policies.sh: ${message}\n`);
  process.exit(2);
}

function numberOf(option, text, most) {
  const number = /^[0-9]{1,9}$/.test(text ?? '') ? Number(text) : NaN;
  if (!(number >= 1 && number <= most)) fail(`${option}: "${text ?? ''}" is not from 1 to ${most}`);
  return number;
}

// What is not for this script is for terrace.
function wanted(words) {
  const options = { json: false, seeds: 5, first: 1, passed: [] };
  for (let i = 0; i < words.length; ++i) {
    const [name, joined] = words[i].split(/=(.*)/s);
    const value = () => joined ?? words[++i];
    if (name === '--json') options.json = true;
    else if (name === '--seeds') options.seeds = numberOf(name, value(), mostSeeds);
    else if (name === '--seed') options.first = numberOf(name, value(), 1e9 - 1);
    else options.passed.push(words[i]);
  }
  return options;
}

function simulate(seed, passed) {
  const words = ['simulate', '--all-policies', '--json', '--quiet', '--seed', String(seed), ...passed];
  const run = spawnSync(terrace, words, { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (run.error) fail(`${terrace}: ${run.error.message}`);
  process.stderr.write(run.stderr);
  if (run.status !== 0) process.exit(run.status ?? 1);
  return JSON.parse(run.stdout).workloads;
}

// One workload's figures by policy, from all seeds.
function summary(runs) {
  const by = (of) =>
    Object.fromEntries(
      runs[0].policies.map((policy, i) => [
        policy.name,
        Number(of(runs.map((run) => run.policies[i].over_optimum)).toFixed(4)),
      ]),
    );
  return {
    workload: runs[0].workload,
    provenance: 'simulated',
    seeds: runs.length,
    steps: runs[0].steps,
    step_time_over_optimum: by(median),
    spread: by(spread),
  };
}

function table(workloads) {
  const heads = ['policy', ...workloads.map((one) => one.workload)];
  const rows = Object.keys(workloads[0].step_time_over_optimum).map((policy) => [
    policy,
    ...workloads.map((one) => one.step_time_over_optimum[policy].toFixed(3)),
  ]);
  const widest = (one) => 100 * Math.max(...Object.values(one.spread));
  rows.push(['spread up to', ...workloads.map((one) => `${widest(one).toFixed(1)} %`)]);
  return columns([heads, ...rows]).join('\n');
}

const options = wanted(process.argv.slice(2));
const runs = [];
for (let i = 0; i < options.seeds; ++i) runs.push(simulate(options.first + i, options.passed));
const workloads = runs[0].map((_, i) => summary(runs.map((run) => run[i])));
if (options.json) {
  for (const workload of workloads) process.stdout.write(`${JSON.stringify(workload)}\n`);
} else {
  process.stdout.write(
    `Step time over the offline optimum's, simulated; medians of seeds ${options.first} to ` +
      `${options.first + options.seeds - 1}\n\n${table(workloads)}\n`,
  );
}
