// SPDX-License-Identifier: Apache-2.0
// What bench/all.sh reads in the output of its parts: node readers_test.mjs, exit status 0 when all
// holds.
import assert from 'node:assert/strict';

import { kAsked } from '../../bench/all/asked.mjs';
import { chosen, kParts, reasonAgainst } from '../../bench/all/parts.mjs';
import { judged } from '../../bench/all/rows.mjs';
import { kSamples } from './benchmark_samples.mjs';

assert.deepEqual(Object.keys(kSamples).sort(), kParts.map(({ name }) => name).sort());
const rows = Object.fromEntries(kParts.map(({ name, read }) => [name, judged(name, read(kSamples[name]), kAsked, 'absent')]));
const find = (part, name) => {
  const found = rows[part].filter((row) => row.name === name);
  assert.equal(found.length, 1, `${part}: ${found.length} rows "${name}" of\n${rows[part].map((row) => row.name).join('\n')}`);
  return found[0];
};
const near = (is, want) => assert.ok(Math.abs(is - want) < 1e-9, `${is}, not ${want}`);

// What is asked is asked of a figure that the part has, in a part that there is.
for (const { part, row } of kAsked) assert.ok(find(part, row).value !== null, `${part}: ${row} is in no output`);
const kHow = ['measured', 'emulated', 'simulated', 'nominal'];
for (const row of Object.values(rows).flat().filter(({ value }) => value !== null)) {
  assert.ok(kHow.includes(row.how) && typeof row.unit === 'string' && row.n >= 1, JSON.stringify(row));
}

const met = (part, name, value, want) => {
  const row = find(part, name);
  near(row.value, value);
  assert.equal(row.met, want, name);
};
met('demo', 'dense: plan / first touch', 19 / 12, true);
met('demo', 'moe: plan / interleave by bandwidth', 1.5, true);
met('demo', 'dense: predicted step, mean absolute error', 10, true);
near(find('demo', 'dense: predicted step over all fast, mean absolute error').value, 0);
near(find('demo', 'dense: plan / first touch').spread, (19 / 12) * 0.07);
assert.equal(find('demo', 'dense: all fast').how, 'measured');
assert.equal(find('demo', 'dense: plan').how, 'emulated');
met('decode_cost', 'llama.cpp under the shim, passing through', 1, true);
near(find('decode_cost', 'llama.cpp under the shim, passing through').spread, 1);
met('names', 'moe: share of an expert, windows, worst', 6, false);
near(find('names', 'moe, mmap on, repack on: parts named elsewhere or not at all').value, 2);
met('profile_cost', 'present-bits: bytes a second, writes', 12, false);
assert.ok(!rows.profile_cost.some(({ name }) => name === 'present-bits: rank correlation, uniform'), 'null is no figure');
met('shim', 'CPU time, worst program and heap', 1.09, false);
assert.equal(find('shim', 'CPU time, worst program and heap').against, 'server over glibc');
met('shim_cost', 'new_delete/64/threads:1: added', 2.5, false);
met('link_bandwidth', 'link of 0.5 GB/s, threads 2', -1, true);
met('kv', 'append/cache/scale', 1.59, false);
met('kv_prefetch', "hidden of a resume, compute about 1.5 of the slow tier's time", 0.79, false);
assert.equal(find('kv_prefetch', "hidden of a resume, compute about 0.3 of the slow tier's time").met, null);
met('kv_trace', 'terrace - lru, worst size', -0.001, false);
met('kv_trace', 'gap from lru to the optimum that terrace closes, mean', (0.25 - 0.001 / 0.19) / 2, true);
met('policies', 'zipf: plan over the optimum', 1.06, false);
assert.equal(find('policies', 'shift: plan over the optimum').against, 'the best of the others, lru: 1.2');
met('wall', 'decode speed, mean absolute error, hardware left out', 10.4, true);
met('planner', 'varied_objects, 4000 blocks: plan over its bound', 1.04, true);
assert.deepEqual([find('planner', 'dense_model/phases:34/tiers:2').value, find('planner', 'dense_model/phases:34/tiers:2').spread_of], [1.5, 'deviation']);
const mover = find('mover', 'to a file / memcpy, 2 MiB pages, 1 threads');
assert.deepEqual([mover.value, mover.n, mover.against], [0.91, 16, 'memcpy']);
near(mover.spread, 0.04);
const steps = find('kv_policy', 'steps/lru/1000');
assert.deepEqual([steps.value, steps.n, steps.spread_of], [13, 2, 'range']);
near(steps.spread, 1);
assert.equal(find('copy_remap', 'to_private memfd of huge pages, 2 MiB pages, beside a writer: longest wait').value, 60);
assert.deepEqual(rows.copy_remap.filter(({ value }) => value === null).map(({ why }) => why), ['no huge pages']);
assert.deepEqual(rows.file_fill.map(({ name, value }) => [name, value]), [['warm: read', 2000], ['warm: fill 4', 5000], ['cold: populate', 900]]);
assert.equal(find('kernel_tiering', 'terrace-plan: pages that moved after it settled').how, 'emulated');

// Without its output a part has no figures.
for (const { name, read } of kParts.filter((part) => !part.name.startsWith('profile_'))) {
  assert.throws(() => read(''), `${name} reads figures in nothing`);
}
// A machine may lack all sources, which profile_cost.sh says on stderr only.
assert.deepEqual(kParts.find(({ name }) => name === 'profile_cost').read('').map(({ value }) => value), [null]);

// Which parts are run.
const setting = { only: [], quick: false };
const run = (given) => kParts.filter((part) => reasonAgainst(part, { ...setting, ...given }) === null).map(({ name }) => name);
assert.ok(!run({}).includes('kernel_tiering') && !run({}).includes('kv_trace') && !run({}).includes('wall'));
assert.ok(run({ trace: '/t' }).includes('kv_trace') && run({ points: '/p' }).includes('wall'));
assert.deepEqual(run({ only: ['kernel_tiering', 'kv_trace'] }), ['kernel_tiering']);
assert.throws(() => chosen(['demoo']), /--only demoo: one of demo,/);
