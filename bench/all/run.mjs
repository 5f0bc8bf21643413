// SPDX-License-Identifier: Apache-2.0
// Runs one part's program and reads the lines of JSON that it printed.
import { spawn } from 'node:child_process';

const kMissingCapability = 3;
const kErrorTail = 2000; // characters of stderr worth repeating
let running = null;

export function stopRunning(signal) {
  if (running) running.kill(signal);
}

function outputOf(command, folder) {
  return new Promise((resolve, reject) => {
    const child = spawn(command[0], command.slice(1), { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    running = child;
    const text = { stdout: '', stderr: '' };
    child.stdout.on('data', (data) => (text.stdout += data));
    child.stderr.on('data', (data) => (text.stderr += data));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      running = null;
      resolve({ ...text, code, signal });
    });
  });
}

function linesOfJson(text) {
  return text.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
}

/// { figures } of the part, or { missing: why } where the machine cannot run it; throws when it failed.
export async function runPart(part, { quick, root }) {
  const command = [...part.command, ...(quick ? part.quick : [])];
  const { stdout, stderr, code, signal } = await outputOf(command, root);
  const end = stderr.trim().slice(-kErrorTail);
  if (code === kMissingCapability) return { missing: end.split('\n').at(-1) };
  if (code !== 0 && !part.failsOnFigures) {
    throw new Error(`${command.join(' ')}: ${signal ?? `exit ${code}`}\n${end}`);
  }
  return { figures: part.figures(part.wholeText ? JSON.parse(stdout) : linesOfJson(stdout)) };
}
