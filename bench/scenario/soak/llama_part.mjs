// SPDX-License-Identifier: Apache-2.0
// llama.cpp under the shim, over a fast tier for half of the weights and an emulated slow one, by a plan
// from a recording. Each pass makes and frees the memory of a session, which starts as ordinary memory
// and moves to its tier when it has lived a while. Every token and logit is compared with the answers
// without the shim.
import { rmSync } from 'node:fs';
import { join } from 'node:path';

import { writeTwoTiers } from '../demo/tiers.mjs';
import { Child } from './child.mjs';
import { grown, kGraceSeconds, linesOf, saidBy, sampled } from './run.mjs';
import { Sampler } from './sampler.mjs';

const kSeeds = 2;
const kFast = { bandwidth: 20e9, latencyNs: 90 };
const kSlow = { bandwidth: 4e9, latencyNs: 250 };

// With another context than the run's: keys and values are then no buffer that the plan knows, and each pass's
// are moved to their tier when they have lived a while.
async function recordAndPlan({ programs, folder }, tiers, client) {
  const [session, plan] = ['a.session', 'plan.json'].map((name) => join(folder, name));
  for (const file of [session, plan]) rmSync(file, { force: true });
  await linesOf(programs.terracePath,
    ['record', '--strict', '-q', '--tiers', tiers, '-o', session, '--', ...client, '--passes', '1', '--context', '256']);
  await linesOf(programs.terracePath, ['plan', '-q', session, '--tiers', tiers, '-o', plan]);
  return plan;
}

export async function llama(setup) {
  const { programs, folder, config, seconds, log } = setup;
  const workload = config.workloads.find(({ name }) => name === 'moe');
  const model = await programs.model(workload, config.seed);
  const tiers = join(folder, 'tiers.toml');
  writeTwoTiers(tiers, model, workload.fast_share, kFast, kSlow);
  const client = [programs.passesPath, '--model', model.path,
    '--backends', programs.backends, '--seeds', `${kSeeds}`, '--prompt', '16', '--tokens', '16'];
  log('answers without the shim, recording, plan');
  const [, ...alone] = await linesOf(client[0], [...client.slice(1), '--passes', `${kSeeds}`]);
  const right = new Map(alone.map((line) => [JSON.parse(line).seed, line]));
  const plan = await recordAndPlan(setup, tiers, client);

  const passes = { right: 0, wrong: 0 };
  let pid;
  let begin;
  const first = new Promise((resolve) => (begin = resolve));
  const onLine = (line) => {
    if (pid === undefined) return void ({ pid } = JSON.parse(line));
    ++passes[line === right.get(JSON.parse(line).seed) ? 'right' : 'wrong'];
    begin();
  };
  const child = new Child(programs.terracePath, ['run', '--strict', '--tiers', tiers, '--plan', plan, '--',
    ...client, '--seconds', `${seconds}`], { onLine, limitSeconds: seconds + kGraceSeconds });
  await Promise.race([first, child.succeeded()]);
  log(`runs as ${pid}`);
  const sampler = new Sampler(pid, { terrace: programs.terracePath });
  await sampled(sampler, () => Promise.race([sampler.lasts(seconds - 5), child.done]));
  await child.succeeded();
  return {
    sampler, wrong: passes.wrong, said: saidBy([child], sampler), explained: [], countsWhen: 'busy',
    did: { 'passes right': passes.right, 'objects placed late': grown(sampler, 'placed_late'),
      'bytes over the link': grown(sampler, 'link_bytes') },
  };
}
