// SPDX-License-Identifier: Apache-2.0
// What each part of bench/all.sh prints, in its form and with invented figures; by the part's name.

const lines = (...objects) => objects.map((one) => JSON.stringify(one)).join('\n');

/// Google Benchmark's document: `runs` are [name, figures] of one repetition each.
const google = (...runs) => JSON.stringify({
  context: { num_cpus: 2 },
  benchmarks: runs.map(([run_name, figures]) =>
    ({ name: run_name, run_name, run_type: 'iteration', time_unit: 'ns', real_time: 10, cpu_time: 9, ...figures })),
});

const aggregates = (name, median, stddev) => [
  [name, { run_type: 'aggregate', aggregate_name: 'median', repetitions: 5, ...median }],
  [name, { run_type: 'aggregate', aggregate_name: 'stddev', repetitions: 5, ...stddev }],
];

const placements = (all_fast, first_touch, interleave, weighted, plan) => ({ all_fast, first_touch, interleave, weighted, plan });

const demo = (speeds, bound) => ({
  ...Object.fromEntries(Object.entries(speeds).map(([key, speed]) => [`${key}_tok_s`, speed])),
  bound_tok_s: bound, rounds: 3, spread_pct: placements(1, 2, 3, 4, 5),
  predicted_step_ms: Object.fromEntries(Object.entries(speeds).map(([key, speed]) => [key, 1100 / speed])),
});

const cost = (pct) => ({ pct, interval_pct: [pct - 1, pct + 1] });
const load = (model, missed) => ({ model, mmap: 'on', repack: 'on', tensors: 60, named: 180, misplaced: 0, missed });
const shape = (bytes_error_pct, rank_correlation) => ({ bytes_error_pct, rank_correlation });
const source = (name, shapes) =>
  ({ source: name, cpu_overhead_pct: 0.8, cpu_spread_pct: 0.5, stated_cpu_pct: 0.6, rounds: 3, shapes });
const pair = (name, glibc_ns, shim_ns) =>
  ({ pair: name, glibc_ns, glibc_spread: 0.1, shim_ns, shim_spread: 0.2, added_ns: shim_ns - glibc_ns, ratio: shim_ns / glibc_ns });
const paired = (name, unit, ours) =>
  ({ name, unit, ours, ours_spread: 0.5, plain: 20, plain_spread: 1, ratio: 1.5, ratio_quartiles: [1.4, 1.6], rounds: 21 });
const resume = (compute_wanted, hidden) => ({
  compute_wanted, new_tokens: 8, compute_over_slow: 1.1, none_ms: 150, block_ms: 290, layered_ms: 165, hidden, hidden_least: hidden - 0.04, hidden_most: hidden + 0.02,
});
const hits = (blocks, lru, terrace, opt) =>
  Object.entries({ lru, terrace, opt }).map(([policy, hit]) => ({ blocks, policy, hit, provenance: 'simulated' }));
const policies = (workload, plan) => ({
  workload, provenance: 'simulated', seeds: 5, steps: 600,
  step_time_over_optimum: { 'first-touch': 1.3, lru: 1.2, plan, online: 1.01 },
  spread: { 'first-touch': 0, lru: 0.01, plan: 0.02, online: 0.005 },
});

const heaps = ['glibc', 'jemalloc', 'mimalloc', 'tcmalloc', 'tbbmalloc'];
const byHeap = (ratio) => Object.fromEntries(heaps.map((heap) => [heap, ratio]));

export const kSamples = {
  demo: `an engine's line\n${lines({
    emulated: true, dense: demo(placements(20, 12, 10, 18, 19), 20), moe: demo(placements(50, 15, 13, 14, 21), 40),
  })}\n`,
  decode_cost: lines({
    cpu_ms_per_token: { alone: 40, passing: 40.4, placed: 41, recorded: 41.5 }, spread_pct: { alone: 2, passing: 3, placed: 2, recorded: 1 },
    passing_over_alone: cost(1), placed_over_alone: cost(2), recorded_over_placed: cost(1.2), rounds: 7,
  }),
  recording_cost: lines({
    recording: cost(0.8), parts_pct: { windows: 0.6, step: 0.2 }, undisturbed_over_placed: null, stated_pct: 0.7, rounds: 7,
  }),
  names: lines(load('1b', 0), load('moe', 2), {
    model: 'moe', exact: { worst: 3.5, mean: 0.8 }, windows: { worst: 6, mean: 2, steady_seconds: 27 }, windows_budget: '1%',
  }),
  profile_cost: lines(
    source('present-bits', { uniform: shape(-1, null), zipf: shape(-2, 0.9), window: shape(-3, null), writes: shape(12, 0.8) }),
    source('write-tracking', { writes: shape(-14, 0.99) })),
  profile_order: lines(source('present-bits', { zipf: shape(-0.5, 0.97) })),
  shim: `CPU time, a table\n${lines({
    cpu_geomean: byHeap(0.9), cpu_geomean_without_large: byHeap(1.02), memtier_over_glibc: 1.4, pair_ns_added: 0.5, rss_geomean: 0.98, rounds: 3,
    programs: ['server', 'growing_arrays', 'staging'].flatMap((program, i) =>
      heaps.map((heap, j) => ({ program, heap, cpu: 1.09 - i / 2 - j / 100, cpu_spread: 0.02, rss: 1 }))),
  })}\n`,
  shim_cost: lines({
    rows: [64, 512, 4096, 32768, 65536].flatMap((size) => [1, 2].map((threads) => pair(`malloc_free/${size}/threads:${threads}`, 8, 8.5)))
      .concat(pair('new_delete/64/threads:1', 9, 11.5)),
    rounds: 11,
  }),
  link_bandwidth: lines({
    emulated: true, rounds: 5,
    rows: [0.5, 1, 2, 4].flatMap((asked_gbps) => [1, 2].map((threads) =>
      ({ asked_gbps, threads, measured_gbps: 0.99 * asked_gbps, worst_error_pct: 1.5 }))),
    touches: 41, latencies: [{ asked_us: 0.25, measured_us: 12 }, { asked_us: 1000, measured_us: 1005 }],
  }),
  kv: lines(paired('allocate_free/cache', 'ns', 44), paired('look_up/cache/16384x16', 'M blocks/s', 62),
    paired('look_up/cache/262144x16', 'M blocks/s', 9), paired('append/cache/scale', 'x', 1.59), paired('append/api/scale', 'x', 1.8)),
  kv_prefetch: lines({
    emulated: true, link_gbps: 2, layers: 16, blocks: 8, rounds: 9, rows: [resume(0.25, 0.2), resume(0.5, 0.4), resume(1, 0.9), resume(1.5, 0.79)],
  }),
  kv_server: lines({
    requests: 900, answered: 890, wrong: 0, lost: 0, errors: 0, refused: 10, forks: 3, seconds: 30, tokens_per_second: 2000,
    first_token_ms: { p50: 3, p99: 20 }, answer_ms: { p50: 40, p99: 200 }, server: { hit_blocks: 5 },
  }),
  kv_policy: google(['steps/lru/1000', { items_per_second: 12e6 }], ['steps/lru/1000', { items_per_second: 14e6 }]),
  kv_trace: lines(...hits(1000, 0.04, 0.08, 0.2), ...hits(5000, 0.11, 0.109, 0.3)),
  prefix_store: lines(paired('keep, durable', 'MiB/s', 500)),
  policies: lines(policies('dense', 1), policies('moe', 1.02), policies('zipf', 1.06), policies('shift', 2.3)),
  wall: JSON.stringify({
    kind: 'wall-validation', n: 20, mape_pct: 10.4, left_out: true, worst: { point: 'two sockets', error_pct: 35.1 },
  }, null, 2),
  planner: google(
    ...[1000, 4000, 16000, 100000].flatMap((blocks) => aggregates(`varied_objects/objects:1000/blocks:${blocks}/tiers:4/repeats:5`,
      { real_time: 30, plan_over_bound: 1.04, ...(blocks < 100000 ? { plain_over_plan: 12 } : {}) },
      { real_time: 2, plan_over_bound: 0, ...(blocks < 100000 ? { plain_over_plan: 0.5 } : {}) })),
    ...aggregates('dense_model/phases:34/tiers:2/repeats:5', { real_time: 1.5 }, { real_time: 0.1 })),
  simulator: google(['dense/lru', { items_per_second: 114e6 }]),
  mover: '--- a console table\nratio to a file / memcpy, 2 MiB pages, 1 threads                        0.91 (0.88 .. 0.96)  n=16\n',
  copy_remap: google(
    ['to_private/MiB:64/file:1/huge:1/writers:0/manual_time', { ratio: 0.4, ratio_fresh: 0.9, cpu_ratio: 0.4, hold_us: 30 }],
    ['to_private/MiB:64/file:1/huge:1/writers:1/manual_time', { ratio: 0.3, hold_us: 60 }],
    ['to_file/MiB:64/file:2/huge:1/writers:0/manual_time', { error_occurred: true, error_message: 'no huge pages' }]),
  call_site: google(['capture/8', { real_time: 90 }], ['capture/8', { real_time: 110 }],
    ['capture/8', { run_type: 'aggregate', aggregate_name: 'cv', given_up: 'not a number' }]).replace('"not a number"', 'NaN'),
  file_fill: 'build/x, 256 MiB, 5 rounds each, medians; ratio: to read\n' +
    'warm   way               MB/s    ratio   left\n       read              2000     1.00   100%\n       fill 4            5000     2.50     0%\n' +
    'cold   way               MB/s    ratio   left\n       populate           900     0.90   100%\nasking, warm\nmincore            80 us/GiB\n',
  kernel_tiering: `Pages of 4 KiB, a table\n${lines({
    schema_version: 1, lab: true,
    runs: { 'terrace-plan': { sums: { moved_after_settling: 0, back: 0, hot_on_fast_percent: 100, scanned_on_fast_percent: 62.3 }, rounds: [{}, {}] } },
  })}\nok   a check\n3 passed, 0 failed\n`,
};
