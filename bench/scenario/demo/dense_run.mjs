// SPDX-License-Identifier: Apache-2.0
// What the scenarios share that measure what Terrace costs a decoding engine which needs nothing from
// it: the dense model of the demo, the engine, and a machine of one fast tier.
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Programs, endOnSignals } from './programs.mjs';
import { writeAllFast } from './tiers.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

/// `name`: of the folder below build/ for what the scenario writes.
export async function denseRun(name) {
  endOnSignals();
  const programs = new Programs(root);
  const config = JSON.parse(readFileSync(join(root, 'bench', 'configs', 'demo.json'), 'utf8'));
  const folder = join(root, 'build', name);
  mkdirSync(folder, { recursive: true });
  const workload = config.workloads.find((one) => one.name === 'dense');
  const model = await programs.model(workload, config.seed);
  const tiers = join(folder, 'all-fast.toml');
  writeAllFast(tiers, model);
  return {
    programs,
    folder,
    tiers,
    session: join(folder, 'recorded.session'),
    command: (tokens) => programs.client(workload, model, { warmup: 8, tokens }),
  };
}

/// To two digits behind the point, on one line with --json.
export function writeResult(result, json) {
  const short = JSON.parse(JSON.stringify(result, (_, value) =>
    typeof value === 'number' ? Number(value.toFixed(2)) : value));
  process.stdout.write(`${JSON.stringify(short, null, json ? 0 : 2)}\n`);
}
