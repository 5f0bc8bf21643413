// SPDX-License-Identifier: Apache-2.0
// How right `terrace record` names memory, started by names.sh or by the tests. One line for each way
// of loading: how many of the engine's tensors were named at the address where the engine has them,
// and how many at another. For a mixture that is large enough also the largest difference, in points,
// between an expert's share of its layer's traffic and the router's choices, by the exact source
// (emulated link) and by windows. Exits 1 when a tensor is missed or misplaced, or the exact shares
// are off by more than 5 points.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { Programs, runMain } from './demo/programs.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const log = (line) => process.stderr.write(`${line}\n`);
const kPoints = 5;
const kShareTokens = 1500; // fewer leave the draw of the tokens visible in the shares

// 64 KiB: the small models' buffers are objects too, and from their first moment.
const kSmallObjects = ['--threshold', '64K', '--mmap-threshold', '64K', '--file-threshold', '64K',
  '--late-size', '0'];

const kLoads = [
  { mmap: 'on', repack: 'on' },
  { mmap: 'off', repack: 'on' },
  { mmap: 'off', repack: 'off' },
];

function options() {
  try {
    return parseArgs({
      options: {
        quick: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        budget: { type: 'string', default: '1%' },
        folder: { type: 'string', default: join(root, 'build', 'names') },
      },
    }).values;
  } catch (error) {
    log(`names: ${error.message}\nusage: bench/scenario/names.sh [--quick] [--json] [--budget PERCENT]`);
    process.exit(2);
  }
}

const lines = (path) =>
  readFileSync(path, 'utf8').trim().split('\n').map((line) => JSON.parse(line));

/// Parts of the engine's tensors: named at their address, named only elsewhere, without a name.
function compare(report, truth) {
  const parts = new Map(); // name -> ranges; a mapping and a repacked buffer may both have it
  for (const range of report.tensors) {
    if (!parts.has(range.name)) parts.set(range.name, []);
    parts.get(range.name).push(range);
  }
  const result = { named: 0, misplaced: 0, missed: 0 };
  for (const tensor of truth) {
    const experts = [...parts.keys()].filter((name) => name.startsWith(`${tensor.name}[`));
    for (const name of experts.length ? experts : [tensor.name]) {
      const ranges = parts.get(name) ?? [];
      const at = (range) => tensor.address + (range.expert ?? 0) * range.size_bytes;
      if (ranges.length === 0) result.missed += 1;
      else if (ranges.some((range) => range.address === at(range))) result.named += 1;
      else result.misplaced += 1;
    }
  }
  return result;
}

/// Those of the tokens that were decoded while the program was at its work, by the report: of two
/// parts of a run the router's choices differ by more than a good source does.
function choicesOfReport(report, choices, times) {
  const start_ms = report.start_realtime_ns / 1e6;
  const holds = (ms) => report.steady.some((span) =>
    ms >= start_ms + span.begin_seconds * 1e3 && ms < start_ms + span.end_seconds * 1e3);
  const within = new Set(times.flatMap((began_ms, token) => (holds(began_ms) ? [token] : [])));
  return choices.filter((choice) => within.has(choice.token));
}

/// Largest difference over all layers and experts, in points of the layer's traffic.
function shareError(report, choices) {
  const sum = (rows, value) => {
    const sums = new Map();
    for (const row of rows) {
      const key = `${row.layer} ${row.expert}`;
      sums.set(key, (sums.get(key) ?? 0) + value(row));
      sums.set(`${row.layer}`, (sums.get(`${row.layer}`) ?? 0) + value(row));
    }
    return (layer, expert) => (sums.get(`${layer} ${expert}`) ?? 0) / (sums.get(`${layer}`) ?? 1);
  };
  const experts = report.tensors.filter((range) => range.class === 'expert');
  const heat = sum(experts, (range) => range.bytes_per_second);
  const truth = sum(choices, () => 1);
  const differences = experts.map(({ layer, expert }) =>
    Math.abs(heat(layer, expert) - truth(layer, expert)) * 100);
  return {
    worst: Math.max(...differences),
    mean: differences.reduce((all, one) => all + one, 0) / differences.length,
  };
}

function tierFile(path) {
  const tier = (name, kind, backing, rest) => ['[[tier]]', `name = "${name}"`, `kind = "${kind}"`,
    `backing = "${backing}"`, 'nodes = [0]', ...rest].join('\n');
  writeFileSync(path, ['only = true', tier('fast', 'dram', 'numa', ['capacity = "300MB"']),
    tier('slow', 'cxl', 'emulated', ['capacity = "4GB"', 'bandwidth = "20GB/s"', 'latency = "100ns"']),
    ''].join('\n\n'));
  return path;
}

class Runs {
  constructor(programs, folder, workload, model) {
    Object.assign(this, { programs, folder, workload, model });
  }

  command(load, tokens, extra) {
    return [...this.programs.client({ context: this.workload.context, mmap: load.mmap }, this.model,
      { warmup: 4, tokens }), '--repack', load.repack, ...extra];
  }

  async record(name, load, tokens, recording, extra) {
    const session = join(this.folder, `${name}.session`);
    await this.programs.decode('record', ['--force', ...kSmallObjects, ...recording, '-o', session],
      this.command(load, tokens, extra));
    return JSON.parse((await this.programs.terrace('report', session, '--json')).stdout);
  }

  async load(load) {
    const name = `${this.workload.shape}-${load.mmap}-${load.repack}`;
    const table = join(this.folder, `${name}.tensors`);
    const report = await this.record(name, load, this.workload.tokens, [], ['--tensors', table]);
    const truth = lines(table);
    return { model: this.workload.shape, mmap: load.mmap, repack: load.repack,
      tensors: truth.length, ...compare(report, truth) };
  }

  /// Against the choices of the same tokens.
  async sharesOf(name, load, choices, recording) {
    const times = join(this.folder, `${name}.times`);
    const report = await this.record(name, load, kShareTokens, recording, ['--token-times', times]);
    const began = readFileSync(times, 'utf8').trim().split('\n').map((line) => parseFloat(line));
    return { ...shareError(report, choicesOfReport(report, choices, began)),
      steady_seconds: report.steady.reduce((sum, span) => sum + span.end_seconds - span.begin_seconds, 0) };
  }

  /// The tokens come from a seed, so every run makes the same choices.
  async shares(budget) {
    const load = kLoads[0];
    const path = join(this.folder, 'router');
    await this.programs.decodeAlone([], this.command(load, kShareTokens, ['--router', path]));
    const choices = lines(path);
    const tiers = tierFile(join(this.folder, 'slow.toml'));
    return { model: this.workload.shape,
      exact: await this.sharesOf('exact', load, choices, ['--tiers', tiers]),
      windows: await this.sharesOf('windows', load, choices, ['--budget', budget]),
      windows_budget: budget };
  }
}

async function main() {
  const { quick, json, folder, budget } = options();
  mkdirSync(folder, { recursive: true });
  const programs = new Programs(root);
  const workloads = quick
    ? [{ shape: 'tiny-moe', quant: 'q4_0', context: 8192, tokens: 5000 }]
    : [{ shape: '1b', quant: 'q4_0', context: 512, tokens: 100 },
       { shape: 'moe', quant: 'q4_0', context: 2048, tokens: 100 }];
  let wrong = false;
  const print = (result, words) => process.stdout.write(`${json ? JSON.stringify(result) : words}\n`);
  for (const workload of workloads) {
    const model = await programs.model(workload, 1);
    const runs = new Runs(programs, folder, workload, model);
    for (const load of quick ? kLoads.slice(0, 2) : kLoads) {
      const result = await runs.load(load);
      wrong ||= result.misplaced > 0 || result.missed > 0;
      print(result, `${result.model} mmap ${load.mmap} repack ${load.repack}: ${result.named} parts of ` +
        `${result.tensors} tensors at the engine's address, ${result.misplaced} elsewhere, ` +
        `${result.missed} without a name`);
    }
    // An expert's matrix below a block says nothing about the expert.
    if (workload.shape === 'moe') {
      const result = await runs.shares(budget);
      wrong ||= result.exact.worst > kPoints;
      const points = (error) => `${error.worst.toFixed(1)} points at most, ${error.mean.toFixed(1)} on average`;
      print(result, `moe, share of an expert in its layer against the router: link faults (emulated) ` +
        `${points(result.exact)}; windows within ${budget} of the CPU time ${points(result.windows)}`);
    }
  }
  process.exit(wrong ? 1 : 0);
}

runMain('names', main);
