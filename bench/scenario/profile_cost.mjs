// SPDX-License-Identifier: Apache-2.0
// Holds access sources against a program whose heat is known (known_heat.cc): CPU time for each
// step recorded over placed and not recorded, and for several shapes of access the rank correlation
// of range heat and the error of bytes a second. Runs are in turn, in shuffled order; figures are
// medians over rounds. Sources that this machine lacks are named on stderr with what they lack.
// Started by profile_cost.sh: node profile_cost.mjs [--json] [--rounds N] [--seconds S]
// [--source NAME]... [--shape NAME]...
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { generator, median, shuffled, spread } from './demo/statistics.mjs';

const release = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'build', 'release');
const terrace = join(release, 'terrace');
const program = join(release, 'known_heat');
const kSources = ['memory-samples', 'present-bits', 'referenced-bits', 'write-tracking', 'damon'];

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '8' },
    source: { type: 'string', multiple: true, default: kSources },
    shape: { type: 'string', multiple: true, default: ['uniform', 'zipf', 'window', 'writes'] },
  },
});
const rounds = Number(values.rounds);
const folder = mkdtempSync(join(tmpdir(), 'profile_cost-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

function call(command, args) {
  const { status, stdout, stderr, error } = spawnSync(command, args,
    { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (error) throw error;
  return { status, stdout, stderr };
}

function must(command, args) {
  const { status, stdout, stderr } = call(command, args);
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: exit ${status}\n${stderr}`);
  return stdout;
}

/// Referenced bits see whole objects, so each range is one.
const workload = (source, shape, seconds) => [program, '--shape', shape, '--seconds', `${seconds}`,
  ...(source === 'referenced-bits' ? ['--apart'] : [])];

const lastLine = (text) => JSON.parse(text.trim().split('\n').at(-1));

/// Runs under `terrace run`: placed the same, and nobody looks.
const placed = (source, shape) =>
  lastLine(must(terrace, ['run', '-q', '--strict', '--', ...workload(source, shape, values.seconds)]));

/// A recorded run: the truth of it, what the session says, and what the recorder says of itself.
function recorded(source, shape) {
  const session = join(folder, 'session');
  const truth = lastLine(must(terrace, ['record', '-q', '-f', '--strict', '--source', source,
    '-o', session, '--', ...workload(source, shape, values.seconds)]));
  const report = JSON.parse(must(terrace, ['report', '--json', session]));
  const { sources } = JSON.parse(must(terrace, ['export', '--format', 'json', session]));
  return { truth, report, own: sources.find(({ name }) => name === source) };
}

const sum = (numbers) => numbers.reduce((all, one) => all + one, 0);

/// Bytes a second of each block, objects in the order in which they were allocated.
function blocksOf(report, truth) {
  const total = truth.read_bytes_per_second.length;
  const each = truth.apart ? truth.range_bytes : truth.size_bytes;
  const objects = report.objects.filter(({ size_bytes: size }) => size === each)
    .sort((a, b) => a.ordinal - b.ordinal);
  const blocks = objects.flatMap(({ ranges }) => ranges.flatMap(
    ({ blocks: count, bytes_per_second_per_block: rate }) => Array(count).fill(rate)));
  if (blocks.length !== total) throw new Error(`${blocks.length} of ${total} blocks were recorded`);
  return blocks;
}

const byRange = (blocks, size) =>
  Array.from({ length: blocks.length / size }, (_, i) => sum(blocks.slice(i * size, (i + 1) * size)));

/// Ranks from 0, equal values sharing the mean of theirs.
function ranks(numbers) {
  const order = numbers.map((_, i) => i).sort((a, b) => numbers[a] - numbers[b]);
  const result = Array(numbers.length);
  for (let first = 0, end; first < order.length; first = end) {
    for (end = first; end < order.length && numbers[order[end]] === numbers[order[first]];) ++end;
    for (let i = first; i < end; ++i) result[order[i]] = (first + end - 1) / 2;
  }
  return result;
}

/// Spearman's; null where the truth has no order: where no range is much hotter than another.
function rankCorrelation(measured, truth) {
  if (Math.max(...truth) < 1.2 * Math.min(...truth)) return null;
  const [a, b] = [ranks(measured), ranks(truth)];
  const mean = (a.length - 1) / 2;
  const product = (x, y) => sum(x.map((_, i) => (x[i] - mean) * (y[i] - mean)));
  if (product(b, b) === 0) return null;
  return product(a, a) === 0 ? 0 : product(a, b) / Math.sqrt(product(a, a) * product(b, b));
}

function errors(source, { truth, report }) {
  const size = truth.range_bytes / truth.block_bytes;
  const measured = byRange(blocksOf(report, truth), size);
  const reads = source === 'write-tracking' ? 0 : 1;
  const real = byRange(truth.read_bytes_per_second.map(
    (rate, i) => reads * rate + truth.written_bytes_per_second[i]), size);
  return {
    bytes_error_pct: 100 * (sum(measured) / sum(real) - 1),
    rank_correlation: rankCorrelation(measured, real),
  };
}

function isThere(source) {
  const { status, stderr } = call(terrace, ['record', '-q', '-f', '--strict', '--source', source,
    '-o', join(folder, 'probe'), '--', ...workload(source, 'uniform', 0.1)]);
  if (status !== 0) process.stderr.write(`${source}: not here: ${stderr.trim().split('\n')[0]}\n`);
  return status === 0;
}

const shapesOf = (source) =>
  source === 'write-tracking' ? ['writes'] : values.shape;

const medianOrNull = (numbers) => {
  const known = numbers.filter((number) => number !== null);
  return known.length === 0 ? null : median(known);
};

const runs = [];
for (const source of values.source.filter(isThere)) {
  runs.push({ source, shape: null });
  for (const shape of shapesOf(source)) runs.push({ source, shape });
}
const done = runs.map((run) => ({ ...run, results: [] }));
const random = generator(1);
for (let round = 0; round < rounds; ++round) {
  for (const run of shuffled(done, random)) {
    const costShape = shapesOf(run.source)[0];
    process.stderr.write(`round ${round + 1} of ${rounds}: ${run.source} ${run.shape ?? 'unrecorded'}\n`);
    run.results.push(run.shape ? recorded(run.source, run.shape) : placed(run.source, costShape));
  }
}

const round2 = (_, value) => (typeof value === 'number' ? Number(value.toFixed(3)) : value);
for (const source of values.source) {
  const of = done.filter((run) => run.source === source);
  if (of.length === 0) continue;
  const alone = of.find(({ shape }) => shape === null).results.map((truth) => truth.cpu_ms_per_step);
  const withIt = of.find(({ shape }) => shape === shapesOf(source)[0]).results;
  const shapes = {};
  for (const { shape, results } of of.filter((run) => run.shape)) {
    const all = results.map((result) => errors(source, result));
    shapes[shape] = {
      bytes_error_pct: median(all.map((one) => one.bytes_error_pct)),
      rank_correlation: medianOrNull(all.map((one) => one.rank_correlation)),
    };
  }
  const each = Object.values(shapes);
  const recordedCpu = withIt.map(({ truth }) => truth.cpu_ms_per_step);
  const line = {
    source,
    cpu_overhead_pct: 100 * (median(recordedCpu) / median(alone) - 1),
    rank_correlation: medianOrNull(each.map((shape) => shape.rank_correlation)),
    bytes_error_pct: each.map((shape) => shape.bytes_error_pct)
      .reduce((worst, one) => (Math.abs(one) > Math.abs(worst) ? one : worst)),
    cpu_spread_pct: 100 * Math.max(spread(alone), spread(recordedCpu)),
    stated_cpu_pct: 100 * median(withIt.map(({ own }) => own.cpu_share)),
    rounds,
    shapes,
  };
  if (values.json) {
    process.stdout.write(`${JSON.stringify(line, round2)}\n`);
  } else {
    process.stdout.write(`${JSON.stringify(JSON.parse(JSON.stringify(line, round2)), null, 2)}\n`);
  }
}
