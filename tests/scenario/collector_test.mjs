// SPDX-License-Identifier: Apache-2.0
// What bench/all.sh makes of parts and figures, without running a benchmark: node collector_test.mjs,
// exit status 0 when all holds.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { escaped, intoPage, markdown } from '../../bench/all/markdown.mjs';
import { judged, meets, notRun, row } from '../../bench/all/rows.mjs';
import { leftOut, runPart } from '../../bench/all/run_part.mjs';
import { text } from '../../bench/all/text.mjs';

// Rows ---------------------------------------------------------------------------------------------
assert.throws(() => row('a', 'ms', NaN), /a: no figure/);
assert.throws(() => row('a', 'ms', undefined), /no figure/);
assert.throws(() => row('a', 'ms', 1, { n: 3, spread: 1 }), /spread of which kind/);
assert.equal(row('a', 'ms', 1, { n: 1, spread: 0, spread_of: 'range' }).spread, null, 'one value has no spread');

assert.equal(meets({ number: 1.4, direction: 'at least' }, 1.4), true);
assert.equal(meets({ number: 1.4, direction: 'at least' }, 1.39), false);
assert.equal(meets({ number: 3, direction: 'at most' }, 3.01), false);
assert.equal(meets({ number: 5, direction: 'within' }, -5.1), false);
assert.equal(meets({ number: 5, direction: 'within' }, -4.9), true);
assert.equal(meets({ number: 5, direction: 'within' }, null), null);
assert.throws(() => meets({ number: 5, direction: 'above' }, 1));

const asked = [
  { issue: 'A', part: 'one', row: 'speed', direction: 'at least', number: 2, why: 'of a test' },
  { issue: 'A', part: 'one', row: 'never printed', direction: 'at most', number: 1, why: 'of a test' },
  { issue: 'B', part: 'other', row: 'speed', direction: 'at most', number: 1, why: 'of a test' },
];
const [speed, extra, absent, ...none] = judged('one', [row('speed', 'x', 1.5), row('extra', 'ms', 7)], asked, 'no such line');
assert.deepEqual([speed.met, speed.asked.number, extra.met, extra.asked], [false, 2, null, null]);
assert.deepEqual([absent.name, absent.value, absent.met, absent.why, none.length], ['never printed', null, null, 'no such line', 0]);

// The table ----------------------------------------------------------------------------------------
const part = (name, rest) =>
  ({ name, title: `what ${name} is`, command: ['bench/x.sh', '--json'], seconds: 12.4, status: 'done', why: null, output: [], rows: [], ...rest });
const want = (number, direction) => ({ number, direction, issue: 'A', why: 'of a test' });
const machine = {
  cpu: 'A | B', cpus: 2, memory_bytes: 8 * 2 ** 30, kernel: '6.1', hypervisor: true, load_average: 0.5,
  huge_pages: { transparent: 'madvise', transparent_shared: 'never', reserved: 0, free: 0, may_exceed_by: 0 },
};
const document = {
  schema_version: 1, kind: 'terrace-benchmarks', date: '2026-01-02T03:04:05.000Z', quick: true,
  commit: { id: '0123456789abcdef', changed: true }, terrace: '0.1.0', machine,
  parts: [
    part('good', {
      rows: [
        { ...row('kept', 'x', 1.5, { n: 3, spread: 0.1, spread_of: 'range' }), asked: want(1.4, 'at least'), met: true },
        { ...row('lost | <b>', 'ns', 3.25, { how: 'emulated', against: 'a*b' }), asked: want(2, 'at most'), met: false },
        row('nobody asked', 'MB/s', 123456),
      ],
    }),
    part('broken', {
      status: 'failed', why: 'exit status 7: it\nbroke', rows: [{ ...notRun('unseen', 'exit status 7'), asked: want(1, 'within') }],
    }),
    leftOut({ name: 'later', title: 'for another day' }, 'no trace'),
  ],
};
const page = markdown(document);
const lines = page.split('\n');
const at = (start) => {
  const found = lines.findIndex((line) => line.startsWith(start));
  assert.ok(found >= 0, `no line begins with ${start}\n${page}`);
  return found;
};
// The order: missed, not run, met, parts, the others.
const order = ['### Missed', '| A | good | lost', '### Not run', '| A | broken | unseen', '### Met', '| A | good | kept', '### Parts', '### Not asked for', '| nobody asked'];
assert.deepEqual(order.map(at), [...order.map(at)].sort((a, b) => a - b));
assert.equal(lines[at('| A | good | kept')], '| A | good | kept | at least 1.4 | 1.5 x | ± 0.1 r | 3 | measured |  |');
assert.equal(lines[at('| A | good | lost')], '| A | good | lost \\| &lt;b&gt; | at most 2 | 3.25 ns |  | 1 | emulated | a\\*b |');
assert.equal(lines[at('| A | broken')], '| A | broken | unseen | within ±1 | not run | exit status 7 |');
assert.equal(lines[at('| broken')], '| broken | what broken is | bench/x.sh --json | 12 s | failed: exit status 7: it broke |');
assert.equal(lines[at('| later')], '| later | for another day |  |  | not run: no trace |');
assert.match(lines[0], /2026-01-02 03:04 UTC with `--quick`.*commit 0123456789ab with changes, on 2 x A \\\| B under a hypervisor, 8\.0 GiB/);
assert.match(page, /Of 3 numbers asked for 1 were met, 1 missed and 1 not run; 1 of 3 parts failed\./);
assert.ok(!page.includes('null') && !page.includes('undefined') && !page.includes('NaN'), page);
// Each line of a table has the cells of its head.
const cellsOf = (line) => line.replace(/\\\|/g, '').split('|').length;
for (let i = 1; i < lines.length; ++i) {
  if (lines[i].startsWith('|') && lines[i - 1].startsWith('|')) assert.equal(cellsOf(lines[i]), cellsOf(lines[i - 1]), lines[i]);
}
assert.equal(escaped('a`b\\c[d]\n e & f'), 'a\\`b\\\\c\\[d\\] e &amp; f');

const shown = text(document);
assert.ok(shown.startsWith('MISSED') && shown.indexOf('NOT RUN') < shown.indexOf('\nMET'), shown);
assert.match(shown, /^broken: failed in 12 s: exit status 7/m);

// Where it goes ------------------------------------------------------------------------------------
assert.equal(intoPage('before\n<!-- benchmarks -->\nold\n<!-- /benchmarks -->\nafter\n', 'new'),
  'before\n<!-- benchmarks -->\nnew\n<!-- /benchmarks -->\nafter\n');
for (const wrong of ['', '<!-- benchmarks -->', '<!-- /benchmarks --><!-- benchmarks -->',
  '<!-- benchmarks --><!-- /benchmarks --><!-- benchmarks --><!-- /benchmarks -->']) {
  assert.throws(() => intoPage(wrong, 'new'), /must have one line/, wrong);
}
intoPage(readFileSync(new URL('../../docs/benchmarks.md', import.meta.url), 'utf8'), page);

// Running a part -----------------------------------------------------------------------------------
const folder = mkdtempSync(join(tmpdir(), 'collector-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const read = (words) => [row('speed', 'x', Number(words))];
const run = (script, rest = {}, setting = {}) =>
  runPart({ name: 'one', title: 'one', read, command: () => ['sh', '-c', script], ...rest }, { root: folder, folder, quick: false, ...setting });

const good = await run('echo 2; echo chatter >&2');
assert.deepEqual([good.status, good.why, good.rows[0].value], ['done', null, 2]);
assert.deepEqual(good.output.map((file) => readFileSync(join(folder, file), 'utf8')), ['2\n', 'chatter\n']);

const failed = await run('echo first; echo last words >&2; exit 7');
assert.deepEqual([failed.status, failed.why, failed.rows], ['failed', 'exit status 7: last words', []]);
const late = await run('echo 3; exit 1');
assert.deepEqual([late.status, late.rows[0].value], ['failed', 3], 'what was measured counts');
const incapable = await run('echo no such page >&2; exit 3');
assert.deepEqual([incapable.status, incapable.why], ['not run', 'not possible here: no such page']);
const garbled = await run('echo many');
assert.deepEqual([garbled.status, garbled.why, garbled.rows], ['failed', 'its output was not understood: speed: no figure', []]);
const killed = await run('kill -TERM $$');
assert.deepEqual([killed.status, killed.why], ['failed', 'ended by SIGTERM']);
const endless = await run('exec sleep 300', {}, { limitMs: 50 });
assert.deepEqual([endless.status, endless.why], ['failed', 'took too long and was ended']);

// What a part leaves behind ends with it: nobody holds the pipe open any more.
execFileSync('mkfifo', [join(folder, 'pipe')]);
const closed = readFile(join(folder, 'pipe'));
assert.equal((await run('exec 9>pipe; sleep 300 & echo 2')).status, 'done');
await closed;

const nothing = await run('', { command: () => ['/no/such/program'] });
assert.equal(nothing.status, 'failed');

writeFileSync(join(folder, 'large'), '');
await run('echo 1', { scratch: ['large'] });
assert.ok(!existsSync(join(folder, 'large')));
