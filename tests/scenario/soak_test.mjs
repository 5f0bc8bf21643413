// SPDX-License-Identifier: Apache-2.0
// What the soak says of samples whose growth is known: node soak_test.mjs, exit status 0 when all holds.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

import { generator } from '../../bench/scenario/demo/statistics.mjs';
import { Child } from '../../bench/scenario/soak/child.mjs';
import { judge } from '../../bench/scenario/soak/judge.mjs';
import { decode, encode, Redis, valueOf } from '../../bench/scenario/soak/redis.mjs';
import { inFolder } from '../../bench/scenario/soak/run.mjs';
import { Sampler } from '../../bench/scenario/soak/sampler.mjs';
import { countFault, growth, memoryFault, slope, unexplained } from '../../bench/scenario/soak/verdict.mjs';

const kMinutes = 30;
const kPerMinute = 30;

/// 30 minutes of samples; `of(minutes, i)`.
const samples = (of) => Array.from({ length: kMinutes * kPerMinute }, (_, i) => {
  const minutes = i / kPerMinute;
  return { minutes, value: of(minutes, i) };
});
const random = generator(1);
const noise = (size) => size * (random() - 0.5);

// A line is found with its slope, and no uncertainty.
const line = slope(samples((minutes) => 1000 + 7 * minutes));
assert.ok(Math.abs(line.perMinute - 7) < 1e-9 && line.half < 1e-6);

// Noise and buffers that come and go are no leak; 200 KiB a minute beneath them are one.
const comesAndGoes = (_, i) => 100_000 + noise(2000) + (i % 45 < 30 ? 8000 : 0);
assert.equal(memoryFault({ name: 'rss', samples: samples(comesAndGoes) }), null);
const leaks = samples((minutes, i) => comesAndGoes(minutes, i) + 200 * minutes);
assert.match(memoryFault({ name: 'rss', samples: leaks }), /^rss (grows by|grew from)/);

// The interval holds the truth as often as it says, for samples that resemble their neighbours too.
let held = 0;
for (let run = 0; run < 200; ++run) {
  let level = 0;
  const { perMinute, half } = slope(samples(() => (level = 0.8 * level + noise(100))));
  if (Math.abs(perMinute) <= half) ++held;
}
assert.ok(held >= 180, `${held} of 200 intervals hold the truth`);

// A step is seen by the medians, warm-up in the first quarter is none.
assert.match(memoryFault({ name: 'pss', samples: samples((minutes) => 10_000 + (minutes > 14 ? 5000 : 0)) }), /grew from 10000 to 15000/);
assert.equal(memoryFault({ name: 'pss', samples: samples((minutes) => (minutes < 7 ? 1000 * minutes : 10_000)) }), null);
assert.match(countFault({ name: 'descriptors', samples: samples((minutes) => (minutes < 20 ? 12 : 13)), slack: 0 }), /12 in the second quarter, 13/);
assert.equal(countFault({ name: 'descriptors', samples: samples(() => 12), slack: 0 }), null);

// Too few samples are no verdict.
assert.throws(() => growth(samples(() => 1).slice(0, 8)), /too short/);
assert.throws(() => growth([]), /too short/);

assert.deepEqual(unexplained(['a: fork', 'b'], [{ pattern: /fork/, reason: 'it forks' }]), ['b']);

// The whole of a run: each of its faults is named, and there are no others.
const sampler = (descriptors) => ({ minutes: kMinutes, samples: [], unanswered: 0, series: (name) => {
  if (name === 'rss_kib') return samples(comesAndGoes);
  return name === 'descriptors' ? samples(descriptors) : [];
} });
const good = { sampler: sampler(() => 9), wrong: 0, said: [], explained: [], did: { moves: 3 } };
assert.deepEqual(judge('x', good).faults, []);
const bad = { sampler: sampler((minutes) => 9 + Math.floor(minutes)), wrong: 2, said: ['terrace: odd'], explained: [], did: { moves: 0 } };
const faults = judge('x', bad).faults.join('\n');
for (const part of [/^descriptors: /m, /^2 answers are wrong$/m, /explanation: terrace: odd$/m, /^moves: 0/m]) assert.match(faults, part);
assert.equal(judge('x', bad).faults.length, 4);
const few = { ...good, sampler: { ...good.sampler, series: (name) => (name === 'rss_kib' ? samples(comesAndGoes).slice(0, 5) : good.sampler.series(name)) } };
assert.match(judge('x', few).faults.join('\n'), /^rss_kib: a quarter of the run has 1 samples: too short/);

// Samples are taken while something runs, what it gives is passed on, and so is a sample that fails.
const own = new Sampler(process.pid, { own: async () => ({ own: 5 }) });
assert.equal(await own.during(0.01, () => new Promise((resolve) => setTimeout(resolve, 50, 'done'))), 'done');
assert.ok(own.samples.length > 1 && own.series('own').every(({ value }) => value === 5));
assert.ok(own.samples[0].descriptors > 2 && own.samples[0].mappings > 10 && own.samples[0].rss_kib > 1000);
await assert.rejects(new Sampler(0).during(0.01, () => new Promise(() => {})), /ENOENT/);
// What fails while they are taken ends the taking.
const cut = new Sampler(process.pid);
await assert.rejects(cut.during(0, async () => { throw new Error('it failed'); }), /it failed/);
const taken = cut.samples.length;
for (let own = 0; own < 5; ++own) await cut.take();
assert.ok(cut.samples.length <= taken + 5 + 1, 'the one that was under way may come');

// What a program leaves behind ends with it, and the folder goes when nobody works in it any more.
const isThere = (pid) => {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code !== 'ESRCH';
  }
};
const leaves = new Child('sh', ['-c', 'sleep 300 & exit 0'], { limitSeconds: 50 });
await leaves.succeeded();
assert.ok(!leaves.late, 'it held the output open');
let folder;
let pid;
await assert.rejects(inFolder(async (work) => {
  folder = work;
  await new Promise((resolve) => {
    pid = new Child('sh', ['-c', 'echo there; exec sleep 300'], { onLine: resolve, limitSeconds: 50 }).pid;
  });
  assert.ok(existsSync(folder) && isThere(pid));
  throw new Error('of the body');
}), /of the body/);
assert.ok(!isThere(pid) && !existsSync(folder));

// Who is asked after its end says so: a promise that nobody keeps would end the run as if all were well.
await inFolder(async (work) => {
  const socket = join(work, 'socket');
  const server = createServer((connection) => connection.destroy()).listen(socket);
  await new Promise((resolve) => server.on('listening', resolve));
  const client = new Redis(socket);
  await assert.rejects(client.command('PING'), /closed the connection/);
  await assert.rejects(client.command('PING'), /closed the connection/);
  server.close();
});

// Redis's answers, whole and cut; values of pages in the wrong order are others.
assert.equal(`${encode(['GET', 'ä'])}`, '*2\r\n$3\r\nGET\r\n$2\r\nä\r\n');
const bulk = Buffer.from('$4\r\na\r\nb\r\n:7\r\n');
assert.deepEqual(decode(bulk), { value: Buffer.from('a\r\nb'), length: 10 });
assert.deepEqual(decode(bulk.subarray(10)), { value: 7, length: 4 });
for (let cut = 0; cut < 10; ++cut) assert.equal(decode(bulk.subarray(0, cut)), null);
assert.ok(decode(Buffer.from('-ERR no\r\n')).value instanceof Error);
const value = valueOf('key', 3, 20_000);
assert.ok(!value.subarray(0, 4096).equals(value.subarray(4096, 8192)));
assert.ok(!value.equals(valueOf('key', 4, 20_000)) && value.equals(valueOf('key', 3, 20_000)));
