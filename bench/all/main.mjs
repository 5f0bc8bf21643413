// SPDX-License-Identifier: Apache-2.0
// Runs the benchmarks one after the other and collects their figures in one document; started by
// bench/all.sh, which builds what --targets names. docs/benchmarks.md says how figures are made.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { columns } from '../scenario/demo/table.mjs';
import { commit, machine, version } from './machine.mjs';
import { intoPage, markdown } from './markdown.mjs';
import { chosen, kParts, reasonAgainst } from './parts.mjs';
import { leftOut, runPart, stopPart } from './run_part.mjs';
import { partLine, text } from './text.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const log = (line) => process.stderr.write(`${line}\n`);
const print = (words) => process.stdout.write(`${words}\n`);
const kSchema = 1;
const kUsage = 'usage: bench/all.sh [--json] [--quick] [--only PART]... [--trace FILE] [--points FILE]\n' +
  '       bench/all.sh --list | --markdown FILE.json [--page FILE]';

let interrupted = null; // the exit status that a signal asks for

function options() {
  try {
    const { values } = parseArgs({
      options: {
        json: { type: 'boolean', default: false },
        quick: { type: 'boolean', default: false },
        only: { type: 'string', multiple: true, default: [] },
        trace: { type: 'string' },
        points: { type: 'string' },
        list: { type: 'boolean', default: false },
        targets: { type: 'boolean', default: false },
        markdown: { type: 'string' },
        page: { type: 'string', default: join(root, 'docs', 'benchmarks.md') },
      },
    });
    chosen(values.only); // throws where a part is unknown
    // Parts are run in the project's folder.
    for (const file of ['trace', 'points']) if (values[file] !== undefined) values[file] = resolve(values[file]);
    return values;
  } catch (error) {
    log(`all.sh: ${error.message}\n${kUsage}`);
    return process.exit(2);
  }
}

function list() {
  const width = Math.max(...kParts.map(({ name }) => name.length));
  const rows = kParts.map(({ name, title, seconds, left_out: asked }) =>
    [`${name.padEnd(width)}  ${title}${asked ? ' (by --only)' : ''}`, `${seconds.full ?? 'unknown'}`, `${seconds.quick ?? 'unknown'}`]);
  return columns([['part', 'seconds', '--quick'], ...rows]).join('\n');
}

const targets = (setting) =>
  [...new Set(kParts.filter((part) => reasonAgainst(part, setting) === null).flatMap((part) => part.targets))].join(' ');

function intoDocs({ markdown: file, page }) {
  const document = JSON.parse(readFileSync(file, 'utf8'));
  if (document.kind !== 'terrace-benchmarks' || document.schema_version !== kSchema) {
    throw new Error(`${file}: not a document of bench/all.sh --json of version ${kSchema}`);
  }
  writeFileSync(page, intoPage(readFileSync(page, 'utf8'), markdown(document)));
  log(`all.sh: ${page} has the table of ${document.date}`);
}

const told = (part) => `${partLine(part)}${part.status === 'failed' ? ` (${part.output.join(', ')})` : ''}`;

async function collect(setting) {
  const document = {
    schema_version: kSchema, kind: 'terrace-benchmarks', date: new Date().toISOString(), quick: setting.quick,
    commit: commit(root), terrace: version(root), machine: machine(), parts: [],
  };
  for (const [i, part] of kParts.entries()) {
    const why = reasonAgainst(part, setting);
    const { [setting.quick ? 'quick' : 'full']: seconds } = part.seconds;
    if (why === null) log(`[${i + 1}/${kParts.length}] ${part.name}: ${part.title}${seconds === null ? '' : `, up to ${seconds} s`}`);
    const done = why === null ? await runPart(part, setting) : leftOut(part, why);
    if (interrupted !== null) process.exit(interrupted);
    if (why === null) log(told(done));
    document.parts.push(done);
  }
  return document;
}

async function main() {
  const values = options();
  if (values.list) return print(list());
  if (values.markdown !== undefined) return intoDocs(values);
  const setting = { ...values, root, folder: join(root, 'build', 'bench') };
  if (values.targets) return print(targets(setting));
  mkdirSync(setting.folder, { recursive: true });
  const document = await collect(setting);
  writeFileSync(join(setting.folder, 'all.json'), `${JSON.stringify(document, null, 1)}\n`);
  print(values.json ? JSON.stringify(document) : text(document));
  const failed = document.parts.filter(({ status }) => status === 'failed');
  for (const part of failed) log(`all.sh: ${told(part)}`);
  process.exitCode = failed.length > 0 ? 1 : 0;
}

// The part gives back what it took, as huge pages, before this process ends; a second signal is final.
for (const [signal, code] of [['SIGHUP', 129], ['SIGINT', 130], ['SIGTERM', 143]]) {
  process.on(signal, () => {
    if (interrupted !== null || !stopPart()) process.exit(code);
    interrupted = code;
  });
}

main().catch((error) => {
  log(`all.sh: ${error.message}`);
  process.exit(1);
});
