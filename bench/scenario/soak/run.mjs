// SPDX-License-Identifier: Apache-2.0
// What the parts of the soak share.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Child, endChildren } from './child.mjs';

const kSampleSeconds = 2;
/// Beyond what was asked, until a program is killed.
export const kGraceSeconds = 240;

export const wait = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/// Runs `body` while samples are taken.
export const sampled = (sampler, body) => sampler.during(kSampleSeconds, body);

/// Runs a program to its end; its lines.
export async function linesOf(command, args, limitSeconds = kGraceSeconds) {
  const lines = [];
  const child = new Child(command, args, { onLine: (line) => lines.push(line), limitSeconds });
  await child.succeeded();
  return lines;
}

const folders = new Set();
const remove = (folder) => rmSync(folder, { recursive: true, force: true });
process.on('exit', () => folders.forEach(remove)); // by a signal

/// What `body` makes of a folder of its own, in which nobody works any more when it goes.
export async function inFolder(body) {
  const folder = mkdtempSync(join(tmpdir(), 'terrace-soak-'));
  folders.add(folder);
  try {
    return await body(folder);
  } finally {
    await endChildren();
    remove(folder);
    folders.delete(folder);
  }
}

/// What the programs wrote on standard error, and Terrace's messages.
export const saidBy = (children, sampler) => [...new Set([
  ...children.flatMap(({ said }) => said), ...[...sampler.messages].map((text) => `terrace: ${text}`),
])];

/// By how much a figure rose from the first sample to the last.
export function grown(sampler, name) {
  const all = sampler.series(name);
  return all.length === 0 ? 0 : all.at(-1).value - all[0].value;
}
