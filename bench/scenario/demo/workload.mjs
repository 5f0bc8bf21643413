// SPDX-License-Identifier: Apache-2.0
// One workload of the demo, from the model's file to its figures: measure the rate R on fast memory,
// choose the tiers by it, record, plan, then run every placement in interleaved rounds.
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { median, shuffled, spread } from './statistics.mjs';
import { writeAllFast, writeTwoTiers } from './tiers.mjs';

const kRateRuns = 2;

export const kPlacements = [
  { key: 'all_fast', title: 'all fast' },
  { key: 'first_touch', title: 'first touch' },
  { key: 'interleave', title: 'interleave 1:1' },
  { key: 'weighted', title: 'interleave by bandwidth' },
  { key: 'plan', title: 'plan' },
];

/// Options of `terrace run` for one placement.
function optionsOf(placement, files) {
  if (placement === 'all_fast') return ['--tiers', files.allFast];
  if (placement === 'plan') return ['--tiers', files.tiers, '--plan', files.plan];
  return ['--tiers', files.tiers, '--policy', placement.replace('_', '-')];
}

/// Bytes of weights per second that the engine streams from fast memory: the best of a few runs, and
/// of each its fastest tenth of tokens. A neighbour on the machine can only slow the engine down, and
/// would make the slow tier slower than meant.
async function streamRate(programs, files, command, model) {
  let best = 0;
  for (let run = 0; run < kRateRuns; ++run) {
    const measured = await programs.decode('run', ['--tiers', files.allFast], command);
    best = Math.max(best, model.weight_bytes_per_token / (measured.p10_ms / 1e3));
  }
  return best;
}

async function recordAndPlan(programs, files, command) {
  for (const file of [files.session, files.plan]) rmSync(file, { force: true });
  await programs.decode('record', ['--tiers', files.tiers, '-o', files.session], command);
  await programs.terrace('plan', files.session, '--tiers', files.tiers, '-o', files.plan);
  return JSON.parse(readFileSync(files.plan, 'utf8'));
}

/// Rounds of all placements, each round in another order, so that a slow minute of the machine hits
/// them alike. Returns for each placement what the client measured, in rounds.
async function rounds(programs, files, command, count, random, log) {
  const measured = Object.fromEntries(kPlacements.map(({ key }) => [key, []]));
  for (let round = 1; round <= count; ++round) {
    for (const { key, title } of shuffled(kPlacements, random)) {
      const options = [...optionsOf(key, files), '--status', files.status(key)];
      const run = await programs.decode('run', options, command);
      measured[key].push(run);
      log(`  round ${round}: ${title}: ${run.tokens_per_second.toFixed(2)} tokens/s`);
    }
  }
  return measured;
}

/// Placement must never change an answer.
function requireEqualAnswers(measured) {
  const sums = new Map();
  for (const [key, runs] of Object.entries(measured)) {
    for (const { checksum } of runs) sums.set(checksum, [...(sums.get(checksum) ?? []), key]);
  }
  if (sums.size === 1) return [...sums.keys()][0];
  const list = [...sums].map(([sum, keys]) => `${sum} (${keys.join(', ')})`).join('; ');
  throw new Error(`the runs did not compute the same logits: ${list}`);
}

function filesIn(folder) {
  mkdirSync(folder, { recursive: true });
  return {
    allFast: join(folder, 'all-fast.toml'),
    tiers: join(folder, 'tiers.toml'),
    session: join(folder, 'recorded.session'),
    plan: join(folder, 'plan.json'),
    status: (placement) => join(folder, `status-${placement}.json`),
  };
}

/// What is measured scaled by what the model says of all fast against the bound: the model's own
/// scale comes from the recorded run, and cancels out. Never more than all fast: one thread that
/// draws R from the fastest memory draws no more from any mixture.
function boundOf(plan, allFast) {
  const { all_fast, bound } = plan.predictions;
  return allFast * Math.min(1, all_fast.step_seconds / bound.step_seconds);
}

export async function runWorkload(workload, setup) {
  const { programs, folder, mode, config, fastLatencyNs, random, log } = setup;
  const files = filesIn(join(folder, workload.name));
  log(`${workload.title}: model`);
  const model = await programs.model(workload, config.seed);
  const command = programs.client(workload, model, workload[mode]);

  log(`${workload.title}: rate on fast memory`);
  writeAllFast(files.allFast, model);
  const rate = await streamRate(programs, files, command, model);
  // Stated for the engine's one thread, which draws less than the memory's own limit: interleaving
  // by bandwidth then has the weights that suit it best.
  const fast = { bandwidth: rate, latencyNs: fastLatencyNs };
  const slow = { bandwidth: rate / config.slow_bandwidth_divisor, latencyNs: config.slow_latency_ns };
  const fastBytes = writeTwoTiers(files.tiers, model, workload.fast_share, fast, slow);

  log(`${workload.title}: record and plan`);
  const recorded = programs.client(workload, model, workload.record);
  const plan = await recordAndPlan(programs, files, recorded);

  const measured = await rounds(programs, files, command, workload[mode].rounds, random, log);
  const checksum = requireEqualAnswers(measured);
  const rows = kPlacements.map(({ key, title }) => {
    const rates = measured[key].map((run) => run.tokens_per_second);
    const status = JSON.parse(readFileSync(files.status(key), 'utf8'));
    return { key, title, tokS: median(rates), spread: spread(rates), status };
  });
  const boundTokS = boundOf(plan, rows.find(({ key }) => key === 'all_fast').tokS);
  return { workload, model, rate, slow, fastBytes, rows, rounds: workload[mode].rounds, boundTokS, checksum, plan };
}
