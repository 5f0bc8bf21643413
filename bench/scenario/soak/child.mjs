// SPDX-License-Identifier: Apache-2.0
// A program in the background, in a process group of its own: whatever it started ends with it, and
// nothing else does.
import { spawn } from 'node:child_process';

const kErrorLines = 1000; // of stderr that are kept
const kLateSeconds = 10; // from a signal to the one that nobody ignores

const running = new Set();

const kill = (signal) => running.forEach((child) => child.kill(signal));
process.on('exit', () => kill('SIGTERM')); // by which terrace gives back what it reserved

/// Ends what still runs; resolves when all of it has ended.
export async function endChildren() {
  const late = setTimeout(() => kill('SIGKILL'), kLateSeconds * 1000);
  kill('SIGTERM');
  await Promise.allSettled([...running].map(({ done }) => done));
  clearTimeout(late);
}

/// Lines of a stream, as they come.
function onLines(stream, take) {
  let rest = '';
  stream.on('data', (data) => {
    const lines = (rest + data).split('\n');
    rest = lines.pop();
    lines.forEach(take);
  });
  stream.on('end', () => rest && take(rest));
}

export class Child {
  /// `onLine`: each line of standard output. `limitSeconds`: it is killed after so long.
  constructor(command, args, { onLine = () => {}, limitSeconds }) {
    this.said = [];
    this.command = [command, ...args].join(' ');
    this.process = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    running.add(this);
    onLines(this.process.stdout, onLine);
    onLines(this.process.stderr, (line) => this.said.length < kErrorLines && this.said.push(line));
    const limit = setTimeout(() => {
      this.late = true;
      this.kill('SIGTERM');
      setTimeout(() => this.kill('SIGKILL'), kLateSeconds * 1000).unref();
    }, limitSeconds * 1000);
    // Whoever it leaves behind would hold its output open, and 'close' would not come.
    this.process.on('exit', () => this.kill('SIGTERM'));
    this.done = new Promise((resolve, reject) => {
      this.process.on('error', (error) => reject(new Error(`${command}: ${error.message}`)));
      this.process.on('close', (code, signal) => {
        running.delete(this);
        clearTimeout(limit);
        resolve({ code, signal });
      });
    });
    this.done.catch(() => running.delete(this));
  }

  get pid() {
    return this.process.pid;
  }

  /// Signals its group, of which some may outlive the program itself.
  kill(signal) {
    if (this.pid === undefined || !running.has(this)) return;
    try {
      process.kill(-this.pid, signal);
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
  }

  /// Its end, which has to be a good one.
  async succeeded() {
    const { code, signal } = await this.done;
    if (code === 0) return;
    const how = this.late ? 'took too long' : signal ? `was ended by ${signal}` : `exited with ${code}`;
    throw new Error(`${this.command}\n${how}: ${this.said.slice(-20).join('\n')}`);
  }
}
