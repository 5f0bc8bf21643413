// SPDX-License-Identifier: Apache-2.0
// What the issues asked of the figures, one entry for each row: by the name that its reader gives it.
// `within`: either way, as a figure that should be 0 has a sign.

const kHeaps = ['glibc', 'jemalloc', 'mimalloc', 'tcmalloc', 'tbbmalloc'];
const kLargePrograms = ['growing_arrays', 'staging'];

const ask = (issue, part, direction, number, why, rows) =>
  rows.map((row) => ({ issue, part, row, direction, number, why }));

/// The real programs and shapes of pairs that malloc_pair_benchmark has.
const kPairs = ['malloc_free/64', 'malloc_free/512', 'malloc_free/4096', 'malloc_free/32768', 'malloc_free/65536']
  .flatMap((pair) => [`${pair}/threads:1`, `${pair}/threads:2`]).concat('new_delete/64/threads:1');

const kLinks = ['0.5', '1', '2', '4'].flatMap((rate) => [1, 2].map((threads) => `link of ${rate} GB/s, threads ${threads}`));

export const kAsked = [
  ...ask('A', 'demo', 'at least', 1.4, 'a plan must pay for its recording',
    ['dense: plan / first touch']),
  ...ask('A', 'demo', 'at least', 1.6, 'what numactl offers without any profile',
    ['dense: plan / interleave 1:1']),
  ...ask('A', 'demo', 'at least', 1, 'the best that the kernel does knows no heat, so it can be no better',
    ['dense: plan / interleave by bandwidth']),
  ...ask('A', 'demo', 'at least', 0.9, 'what the linear programme says can be had',
    ['dense: plan / bound']),
  ...ask('A', 'demo', 'at least', 1.3, 'experts differ in heat, which weights by bandwidth do not see',
    ['moe: plan / interleave by bandwidth']),
  ...ask('A', 'link_bandwidth', 'within', 5, 'every emulated figure rests on the link', kLinks),
  ...ask('A', 'decode_cost', 'at most', 3, 'a shim that only passes through must not be felt',
    ['llama.cpp under the shim, passing through']),
  ...ask('A', 'shim_cost', 'at most', 2, 'one compare and one jump',
    kPairs.map((pair) => `${pair}: added`)),

  ...ask('C', 'shim', 'at most', 1.03, 'placing must not cost what the allocator underneath gains',
    kHeaps.map((heap) => `CPU time over ${heap}, geometric mean`)),
  ...ask('C', 'shim', 'at most', 1.08, 'a mean hides the program that suffers',
    ['CPU time, worst program and heap']),
  ...ask('C', 'shim', 'at most', 1.05, 'whole blocks must not waste memory',
    ['peak resident memory, geometric mean']),
  ...ask('C', 'shim', 'at most', 1, 'libc maps and unmaps these anew each time',
    kLargePrograms.map((program) => `CPU time over glibc, ${program}`)),

  ...ask('D', 'recording_cost', 'at most', 1, 'the default budget, on a real engine',
    ['llama.cpp: recording']),
  ...ask('D', 'profile_order', 'at least', 0.95, 'the planner needs the order of ranges',
    ['present-bits: rank correlation, zipf']),
  ...ask('D', 'profile_cost', 'within', 10, 'and how hot they are, as bytes a second',
    ['uniform', 'window', 'writes'].map((shape) => `present-bits: bytes a second, ${shape}`)),
  ...ask('D', 'profile_order', 'within', 10, 'and how hot they are, as bytes a second',
    ['present-bits: bytes a second, zipf']),
  ...ask('D', 'names', 'at most', 5, 'an expert is placed by its share',
    ['moe: share of an expert, exact source, worst', 'moe: share of an expert, windows, worst']),

  ...ask('E', 'demo', 'at most', 15, 'a plan is made from predictions',
    ['dense: predicted step, mean absolute error', 'moe: predicted step, mean absolute error']),
  ...ask('E', 'wall', 'at most', 15, 'each kind of hardware is predicted by a fit to the others',
    ['decode speed, mean absolute error, hardware left out']),
  ...ask('E', 'policies', 'at most', 1.05, 'where heat is steady nothing else is better',
    ['dense', 'moe', 'zipf'].map((workload) => `${workload}: plan over the optimum`)),
  ...ask('E', 'planner', 'at most', 1.05, 'rounding shares to blocks must cost little',
    [1000, 4000, 16000, 100000].map((blocks) => `varied_objects, ${blocks} blocks: plan over its bound`)),

  ...ask('F', 'kv', 'at most', 50, 'a token a sequence must not wait for book-keeping',
    ['allocate_free/cache']),
  ...ask('F', 'kv', 'at least', 10, 'every request begins with it',
    ['look_up/cache/16384x16', 'look_up/cache/262144x16']),
  ...ask('F', 'kv', 'at least', 1.6, 'a server has more than one thread',
    ['append/cache/scale', 'append/api/scale']),
  ...ask('F', 'kv_prefetch', 'at least', 0.8, 'where there is as much compute as there is to hide',
    ['1.0', '1.5'].map((compute) => `hidden of a resume, compute about ${compute} of the slow tier's time`)),
  ...ask('F', 'kv_trace', 'at least', 0, 'learning must not lose against the simplest policy',
    ['terrace - lru, worst size']),
  ...ask('F', 'kv_trace', 'at least', 0.12, 'and must gain something on a published trace',
    ['gap from lru to the optimum that terrace closes, mean']),
];
