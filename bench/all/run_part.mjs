// SPDX-License-Identifier: Apache-2.0
// One part of the collection: its process, what becomes of its output, and its rows.
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';

import { kAsked } from './asked.mjs';
import { judged } from './rows.mjs';

/// No part takes half of it; whoever takes longer hangs.
const kLongestMinutes = 40;
const kLateSeconds = 10; // from SIGTERM to the signal that nobody ignores
const kCapabilityMissing = 3; // the scripts' own exit status

let running = null;

/// To the whole group, since scripts start programs of their own.
function signalGroup({ pid }, signal) {
  if (pid === undefined) return; // it could not be started
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error; // nobody is left
  }
}

/// Ends what runs now; by SIGTERM, since those that a shell has put into the background ignore SIGINT. False:
/// nothing runs.
export function stopPart() {
  if (running) signalGroup(running, 'SIGTERM');
  return running !== null;
}

/// Resolves to {code, signal, late} or {error}; output goes to the two files.
function execute(command, { root, limitMs = kLongestMinutes * 60_000 }, files) {
  const out = openSync(files.out, 'w');
  const err = openSync(files.err, 'w');
  return new Promise((resolve) => {
    const child = spawn(command[0], command.slice(1), { cwd: root, stdio: ['ignore', out, err], detached: true });
    closeSync(out);
    closeSync(err);
    running = child.pid ? child : null;
    let late = false;
    let last;
    const limit = setTimeout(() => {
      late = true;
      stopPart();
      last = setTimeout(() => signalGroup(child, 'SIGKILL'), kLateSeconds * 1000);
    }, limitMs);
    const done = (end) => {
      clearTimeout(limit);
      clearTimeout(last);
      running = null;
      resolve(end); // what comes second, 'close' behind 'error', changes nothing
    };
    child.on('error', (error) => done({ error }));
    child.on('close', (code, signal) => {
      signalGroup(child, 'SIGTERM'); // what it left behind would work beside the next part
      done({ code, signal, late });
    });
  });
}

const lastLine = (path) => readFileSync(path, 'utf8').trim().split(/[\r\n]+/).at(-1);

/// {status, why} of how a process ended.
function verdict({ code, signal, late, error }, errors) {
  if (error) return { status: 'failed', why: error.message };
  if (late) return { status: 'failed', why: 'took too long and was ended' };
  if (code === 0) return { status: 'done', why: null };
  const words = lastLine(errors);
  const tail = words ? `: ${words}` : '';
  if (code === kCapabilityMissing) return { status: 'not run', why: `not possible here${tail}` };
  return { status: 'failed', why: `${signal ? `ended by ${signal}` : `exit status ${code}`}${tail}` };
}

/// Rows of a part that failed count as well where there are any: they were measured.
function rowsOf(part, output, result) {
  try {
    return { ...result, rows: part.read(readFileSync(output, 'utf8')) };
  } catch (error) {
    if (result.status !== 'done') return { ...result, rows: [] };
    return { status: 'failed', why: `its output was not understood: ${error.message}`, rows: [] };
  }
}

/// The part as the document has it, without having been run.
export function leftOut(part, why) {
  const { name, title } = part;
  return { name, title, command: null, seconds: null, status: 'not run', why, output: [], rows: judged(name, [], kAsked, why) };
}

export async function runPart(part, setting) {
  const { root, folder } = setting;
  const files = { out: join(folder, `${part.name}.out`), err: join(folder, `${part.name}.err`) };
  const command = part.command(setting);
  const begin = performance.now();
  const end = await execute(command, setting, files);
  const seconds = (performance.now() - begin) / 1e3;
  for (const file of part.scratch ?? []) rmSync(join(root, file), { force: true });
  const { status, why, rows } = rowsOf(part, files.out, verdict(end, files.err));
  const absent = why ?? (setting.quick ? 'not measured with --quick' : 'not in what the part printed');
  return {
    name: part.name, title: part.title, command, seconds: Number(seconds.toFixed(1)), status, why,
    output: Object.values(files).map((file) => relative(root, file)), rows: judged(part.name, rows, kAsked, absent),
  };
}
