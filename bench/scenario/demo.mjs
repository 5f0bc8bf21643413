// SPDX-License-Identifier: Apache-2.0
// The demo's runner, started by bench/demo.sh once everything is built. Workloads are data
// (bench/configs/demo.json); docs/demo.md explains the figures.
import { mkdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { Programs, runMain } from './demo/programs.mjs';
import { generator } from './demo/statistics.mjs';
import { jsonFigures, table } from './demo/table.mjs';
import { runWorkload } from './demo/workload.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const log = (line) => process.stderr.write(`${line}\n`);

function options() {
  try {
    return parseArgs({
      options: {
        quick: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        config: { type: 'string', default: join(root, 'bench', 'configs', 'demo.json') },
        order: { type: 'string', default: '1' },
      },
    }).values;
  } catch (error) {
    log(`demo: ${error.message}\nusage: bench/demo.sh [--quick] [--json] [--config FILE] [--order SEED]`);
    process.exit(2);
  }
}

async function main() {
  const { quick, json, config: configPath, order } = options();
  const config = JSON.parse(readFileSync(configPath, 'utf8'));
  const folder = join(root, 'build', 'demo');
  mkdirSync(folder, { recursive: true });
  const programs = new Programs(root);
  const mode = quick ? 'quick' : 'full';
  const print = json ? log : (line) => process.stdout.write(`${line}\n`);

  log(`order of the rounds from seed ${order}`);
  log('calibrate');
  await programs.terrace('calibrate', ...(quick ? ['--quick'] : []));
  const topology = JSON.parse((await programs.terrace('topo', '--json')).stdout);
  const fastLatencyNs = topology.tiers[0].idle_latency_ns.value;
  const random = generator(Number(order));
  const line = { emulated: true };
  for (const workload of config.workloads) {
    const setup = { programs, folder, mode, config, fastLatencyNs, random, log };
    const result = await runWorkload(workload, setup);
    print(`\n${table(result)}`);
    line[workload.name] = jsonFigures(result);
  }
  print(`\nThe slow tier is *emulated*. One compute thread on ${cpus()[0].model}, ${cpus().length} CPUs;` +
    ` medians of the rounds, ± half their range. All runs of a model computed the same logits.` +
    `\nSessions, plans and tier files: ${folder}`);
  if (json) process.stdout.write(`${JSON.stringify(line)}\n`);
}

runMain('demo', main);
