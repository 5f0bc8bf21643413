// SPDX-License-Identifier: Apache-2.0
// Debian's redis-server under the shim, over a small fast tier and an emulated slow one. Each round writes
// known values from 100 bytes to 6 MiB anew, has redis-benchmark at work beside them, saves them from a
// fork under load, and reads all of them back.
import { join } from 'node:path';

import { writeTwoTiers } from '../demo/tiers.mjs';
import { Child } from './child.mjs';
import { Redis, valueOf } from './redis.mjs';
import { grown, inFolder, kGraceSeconds, linesOf, saidBy, sampled, wait } from './run.mjs';
import { Sampler } from './sampler.mjs';

const kKeys = [
  ...Array.from({ length: 4000 }, (_, i) => ({ key: `small:${i}`, least: 100, most: 4000 })),
  ...Array.from({ length: 8 }, (_, i) => ({ key: `large:${i}`, least: 1 << 20, most: 6 << 20 })),
];
const kWarmUp = 2; // rounds before anything is sampled
const kTierBytes = { weight_bytes: 256e6 }; // the fast tier has a quarter of it, the slow one enough for all
const kFast = { bandwidth: 20e9, latencyNs: 90 };
const kSlow = { bandwidth: 4e9, latencyNs: 250 };

/// Differs from round to round; every second one is alike, so that memory does not wander.
const lengthOf = ({ key, least, most }, round) =>
  least + Math.floor((valueOf(key, round % 2, 4).readUInt32LE(0) / 2 ** 32) * (most - least));

async function write(redis, round) {
  await Promise.all(kKeys.map((one) => redis.command('SET', one.key, valueOf(one.key, round, lengthOf(one, round)))));
}

/// {read, wrong}: values that were read back, and those of them that are not what was written.
async function readBack(redis, round) {
  const sum = { read: 0, wrong: 0 };
  for (let i = 0; i < kKeys.length; i += 100) {
    const some = kKeys.slice(i, i + 100);
    const values = await Promise.all(some.map(({ key }) => redis.command('GET', key)));
    sum.read += values.filter((value) => value !== null).length;
    sum.wrong += some.filter((one, at) =>
      values[at] === null || !values[at].equals(valueOf(one.key, round, lengthOf(one, round)))).length;
  }
  return sum;
}

const benchmark = (socket, ...words) => linesOf('redis-benchmark', ['-s', socket, '-q', '--dbnum', '1', ...words]);

async function load(redis, socket) {
  await benchmark(socket, '-n', '2000', '-c', '16', '-P', '4', '-r', '2000', '-d', '400',
    '-t', 'set,get,incr,lpush,lpop,sadd,spop,hset,zadd,zpopmin');
  await redis.command('BGSAVE');
  await benchmark(socket, '-n', '12', '-c', '4', '-r', '4', '-d', '2500000', '-t', 'set,get');
}

async function saved(redis) {
  for (;;) {
    const text = `${await redis.command('INFO', 'persistence')}`;
    if (text.includes('rdb_bgsave_in_progress:0')) return text.includes('rdb_last_bgsave_status:ok');
    await wait(0.1);
  }
}

/// Adds to `sum`; a save that failed counts as a wrong value.
async function round(redis, socket, number, sum) {
  await write(redis, number);
  await load(redis, socket);
  if (!await saved(redis)) ++sum.wrong;
  const { read, wrong } = await readBack(redis, number);
  sum.read += read;
  sum.wrong += wrong;
  await redis.command('SELECT', '1');
  await redis.command('FLUSHDB', 'SYNC');
  await redis.command('SELECT', '0');
}

async function serve({ programs, folder, seconds }, work) {
  const tiers = join(folder, 'redis-tiers.toml');
  const socket = join(work, 'socket');
  writeTwoTiers(tiers, kTierBytes, 0.25, kFast, kSlow);
  let begin;
  const ready = new Promise((resolve) => (begin = resolve));
  const server = new Child(programs.terracePath, ['run', '--strict', '--tiers', tiers, '--', 'redis-server',
    '--port', '0', '--unixsocket', socket, '--dir', work, '--save', '', '--appendonly', 'no'],
  { onLine: (line) => /ready to accept|server is now ready/i.test(line) && begin(), limitSeconds: seconds + kGraceSeconds });
  await Promise.race([ready, server.succeeded()]);
  return { server, socket };
}

export const redis = (setup) => inFolder(async (work) => {
  const { server, socket } = await serve(setup, work);
  const client = new Redis(socket);
  const pid = Number(/process_id:(\d+)/.exec(`${await client.command('INFO', 'server')}`)[1]);
  setup.log(`runs as ${pid}`);
  const sum = { read: 0, wrong: 0 };
  let rounds = 0;
  while (rounds < kWarmUp) await round(client, socket, ++rounds, sum);
  const sampler = new Sampler(pid, { terrace: setup.programs.terracePath });
  await sampled(sampler, async () => {
    while (sampler.minutes * 60 < setup.seconds - 5) {
      await round(client, socket, ++rounds, sum);
      await sampler.take('rest');
    }
  });
  client.close();
  await linesOf('redis-cli', ['-s', socket, 'SHUTDOWN', 'NOSAVE']);
  await server.succeeded();
  return {
    sampler, wrong: sum.wrong, said: saidBy([server], sampler), memoryWhen: 'rest', countsWhen: 'rest',
    explained: [{ pattern: /fork: objects on emulated or observed tiers become private memory/,
      reason: 'BGSAVE forks, and shared memory would show the child what is written after' }],
    did: { 'values read back': sum.read, 'objects placed': grown(sampler, 'objects_made') },
  };
});
