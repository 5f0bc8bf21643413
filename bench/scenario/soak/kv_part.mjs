// SPDX-License-Identifier: Apache-2.0
// The KV server of docs/examples under more load than its two tiers hold. Its load driver compares every
// token and digest with what the same model computes over a plain array.
import { writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';

import { Child } from './child.mjs';
import { inFolder, kGraceSeconds, linesOf, saidBy, sampled } from './run.mjs';
import { Sampler } from './sampler.mjs';

const kRoundSeconds = 5;
const kTiers = `only = true
[[tier]]
name = "near"
kind = "dram"
nodes = [0]
capacity = "64MiB"
bandwidth = "20GB/s"
[[tier]]
name = "far"
kind = "file"
backing = "dax"
path = "/dev/shm"
capacity = "96MiB"
bandwidth = "2GB/s"
`;

/// The server's own figures, over one connection for the whole run.
class Statistics {
  constructor(path) {
    this.waiting = [];
    this.text = '';
    this.socket = createConnection(path);
    this.socket.on('data', (data) => {
      const lines = (this.text + data).split('\n');
      this.text = lines.pop();
      for (const line of lines) this.waiting.shift().resolve(JSON.parse(line.replace(/^stats \d+ /, '')));
    });
    this.socket.on('error', () => {}); // 'close' follows
    this.socket.on('close', () => {
      this.gone = new Error('the server is gone');
      this.waiting.splice(0).forEach(({ reject }) => reject(this.gone));
    });
  }

  get() {
    return new Promise((resolve, reject) => {
      if (this.gone) return void reject(this.gone);
      this.waiting.push({ resolve, reject });
      this.socket.write('stats 1\n');
    });
  }
}

async function serve({ programs, seconds }, work) {
  const tiers = join(work, 'tiers.toml');
  const socket = join(work, 'socket');
  writeFileSync(tiers, kTiers);
  let begin;
  const ready = new Promise((resolve) => (begin = resolve));
  const server = new Child(join(programs.examples, 'kv_server'),
    [socket, '--tiers', tiers, '--pool', 'near=256', '--pool', 'far=512'],
    { onLine: begin, limitSeconds: seconds + kGraceSeconds });
  await Promise.race([ready, server.succeeded()]);
  return { server, socket };
}

async function loadRound({ programs }, socket, seed) {
  const [line] = await linesOf(join(programs.examples, 'kv_load'),
    [socket, '--seconds', `${kRoundSeconds}`, '--seed', `${seed}`]);
  return JSON.parse(line);
}

async function rounds(setup, socket, sampler) {
  const sum = { answered: 0, bad: 0 };
  for (let seed = 1; sampler.minutes * 60 + kRoundSeconds < setup.seconds; ++seed) {
    const { answered, wrong, lost, errors } = await loadRound(setup, socket, seed);
    sum.answered += answered;
    sum.bad += wrong + lost + errors;
    await sampler.take('rest');
  }
  return sum;
}

export const kv = (setup) => inFolder(async (work) => {
  const { server, socket } = await serve(setup, work);
  const statistics = new Statistics(socket);
  setup.log(`runs as ${server.pid}`);
  await loadRound(setup, socket, 0);
  let figures;
  const sampler = new Sampler(server.pid, { own: async () => {
    figures = await statistics.get();
    return { sessions: figures.sessions };
  } });
  const { answered, bad } = await sampled(sampler, () => rounds(setup, socket, sampler));
  statistics.socket.destroy();
  server.kill('SIGTERM');
  await server.succeeded();
  return {
    sampler, wrong: bad, said: saidBy([server], sampler), explained: [], countsWhen: 'rest',
    did: { answers: answered, 'requests that waited for room': figures.queued_requests,
      'blocks dropped': figures.evicted_blocks, 'blocks moved down': figures.demoted_blocks },
  };
});
