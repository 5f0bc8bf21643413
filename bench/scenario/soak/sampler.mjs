// SPDX-License-Identifier: Apache-2.0
// What a running process holds, looked at from outside every few seconds: memory, descriptors, mappings and threads
// from /proc, what Terrace says of itself from `terrace status`.
import { execFile } from 'node:child_process';
import { readFile, readdir, readlink, stat } from 'node:fs/promises';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/// Of a file of "Name:   123 kB" lines; 0 where there is no such line.
const kib = (text, name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);

/// What its memory files hold. They are what emulated and observed tiers lie in: huge pages are in no RSS, and a closed
/// block is in no page table.
async function memoryFileKib(pid, descriptors) {
  const files = new Map();
  await Promise.all(descriptors.map(async (number) => {
    const path = `/proc/${pid}/fd/${number}`;
    try {
      if (!(await readlink(path)).startsWith('/memfd:')) return;
      const { ino, blocks } = await stat(path);
      files.set(ino, blocks / 2);
    } catch (error) {
      if (error.code !== 'ENOENT') throw error; // closed meanwhile
    }
  }));
  return [...files.values()].reduce((sum, one) => sum + one, 0);
}

async function held(pid) {
  const of = (name) => readFile(`/proc/${pid}/${name}`, 'utf8');
  const [status, rollup, maps, descriptors] =
    await Promise.all([of('status'), of('smaps_rollup'), of('maps'), readdir(`/proc/${pid}/fd`)]);
  return {
    rss_kib: kib(status, 'VmRSS'),
    pss_kib: kib(rollup, 'Pss'),
    // Without pages of files, whose share falls and rises with who else has them mapped.
    own_pss_kib: kib(rollup, 'Pss_Anon') + kib(rollup, 'Pss_Shmem'),
    memory_file_kib: await memoryFileKib(pid, descriptors),
    mappings: maps.split('\n').length - 1,
    descriptors: descriptors.length,
    threads: kib(status, 'Threads'),
  };
}

/// Terrace's own account; null before the first object, and when there is no answer within two seconds.
async function told(terrace, pid) {
  try {
    return JSON.parse((await execute(terrace, ['status', `${pid}`, '--json'])).stdout).process;
  } catch (error) {
    if (error.code === 3 || error.code === 5) return null;
    throw new Error(`terrace status ${pid}: ${error.stderr ?? error.message}`);
  }
}

const placedKib = (status) => status.tiers.reduce((sum, { used_bytes: used }) => sum + used, 0) / 1024;

export class Sampler {
  /// `own`: async, what else belongs to a sample. Without `terrace`, the process is not asked.
  constructor(pid, { terrace, own = async () => ({}) } = {}) {
    this.pid = pid;
    this.terrace = terrace;
    this.own = own;
    this.samples = [];
    this.messages = new Set();
    this.unanswered = 0;
    this.began = performance.now();
  }

  get minutes() {
    return (performance.now() - this.began) / 60_000;
  }

  /// Resolves `seconds` after this sampler began.
  lasts(seconds) {
    return new Promise((resolve) => setTimeout(resolve, Math.max(0, seconds - this.minutes * 60) * 1000));
  }

  /// `state`: what the process was at, for figures that are told from that alone.
  async take(state = 'busy') {
    const [process, status, own] =
      await Promise.all([held(this.pid), this.terrace ? told(this.terrace, this.pid) : null, this.own()]);
    if (this.terrace && !status) ++this.unanswered;
    const terrace = status ? {
      placed_kib: placedKib(status), spare_kib: status.live.spare_bytes / 1024, frozen_kib: status.live.frozen_bytes / 1024,
      terrace_mappings: status.mappings, live_objects: status.live.objects,
      objects_made: status.objects, placed_late: status.placed_late,
      link_bytes: status.tiers.reduce((sum, { delivered_bytes: bytes }) => sum + (bytes ?? 0), 0),
    } : {};
    for (const { text } of status?.messages ?? []) this.messages.add(text);
    this.samples.push({ minutes: this.minutes, state, ...process, ...terrace, ...own });
  }

  /// Takes one each `seconds` for as long as `body` takes; fails at once when no sample can be had.
  async during(seconds, body) {
    let stopped = false;
    let wake;
    const loop = (async () => {
      while (!stopped) {
        await this.take();
        if (stopped) break;
        await new Promise((resolve) => {
          wake = resolve;
          setTimeout(resolve, seconds * 1000);
        });
      }
    })();
    const done = (async () => body())().finally(() => {
      stopped = true;
      wake?.();
    });
    const result = await Promise.race([done, loop.then(() => done)]);
    await loop;
    return result;
  }

  /// {minutes, value} of one figure, of all samples or those of one state.
  series(name, state) {
    return this.samples.filter((one) => name in one && (!state || one.state === state))
      .map((one) => ({ minutes: one.minutes, value: one[name] }));
  }
}
