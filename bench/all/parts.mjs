// SPDX-License-Identifier: Apache-2.0
// Which benchmarks there are, how each is run, about how long it takes, and who reads what it prints.
import { readDecodeCost, readDemo, readNames, readRecordingCost } from './readers/engine.mjs';
import { readShim, readShimCost, readSources } from './readers/costs.mjs';
import { readPrefetch, readServer, readTrace } from './readers/kv.mjs';
import {
  readCallSites, readCopyRemap, readFileFill, readKvPolicies, readLinks, readMover, readPaired, readPlanner, readSimulator,
} from './readers/micro.mjs';
import { readKernelTiering, readPolicies, readWall } from './readers/simulated.mjs';

const kTerrace = 'build/release/terrace';
const kPreloaded = ['terrace-cli', 'terrace-preload'];
const kEngine = [...kPreloaded, 'make_model'];
const kFilledFile = 'build/bench/file_fill.file';

/// A scenario's script. `full` and `quick`: its words for each.
const script = (path, full, quick) => ({ quick: isQuick }) => [path, ...(isQuick ? quick : full)];

/// A program of bench/micro that has figures of its own.
const program = (name, full = [], quick = full) => script(`build/release/bench/${name}`, full, quick);

/// A Google Benchmark program: repetitions, so that there is a spread.
function google(name, filter = '.', quickFilter = filter, rounds = { full: 5, quick: 3 }) {
  const words = (which, repetitions) => ['--benchmark_format=json', `--benchmark_filter=${which}`,
    '--benchmark_min_time=0.05', `--benchmark_repetitions=${repetitions}`];
  return program(name, words(filter, rounds.full), words(quickFilter, rounds.quick));
}

/// In the order in which they are run. `seconds`: as measured on 2 virtual CPUs that had other work beside
/// it, so at most; null where no run has been timed; what is built and fetched is not counted. `lacks`: why there is nothing to run. `left_out`: unless --only asks for it.
/// `scratch`: files that are removed afterwards.
export const kParts = [
  {
    name: 'demo', title: 'llama.cpp over a fast and an emulated slow tier', targets: kEngine,
    seconds: { full: null, quick: null }, read: readDemo,
    command: script('bench/demo.sh', ['--json'], ['--json', '--quick']),
  },
  {
    name: 'decode_cost', title: 'llama.cpp under Terrace with nothing to gain', targets: kEngine,
    seconds: { full: null, quick: null }, read: readDecodeCost,
    command: script('bench/scenario/decode_cost.sh', ['--json', '--rounds', '7'],
      ['--json', '--rounds', '3', '--tokens', '60', '--only', 'alone', '--only', 'passing']),
  },
  {
    name: 'recording_cost', title: 'what recording adds to a token of llama.cpp', targets: kEngine,
    seconds: { full: null, quick: null }, read: readRecordingCost,
    command: script('bench/scenario/recording_cost.sh', ['--json', '--rounds', '7', '--no-placed'],
      ['--json', '--rounds', '2', '--no-placed']),
  },
  {
    name: 'names', title: "names and experts' shares against llama.cpp's own", targets: kEngine,
    seconds: { full: null, quick: null }, read: readNames,
    command: script('bench/scenario/names.sh', ['--json'], ['--json', '--quick']),
  },
  {
    name: 'profile_cost', title: 'access sources: cost, and bytes a second against the truth',
    targets: [...kPreloaded, 'known_heat'], seconds: { full: null, quick: null }, read: readSources,
    command: script('bench/scenario/profile_cost.sh', ['--json', '--rounds', '3', '--seconds', '8'],
      ['--json', '--rounds', '1', '--seconds', '6', '--source', 'present-bits', '--shape', 'uniform', '--shape', 'window', '--shape', 'writes']),
  },
  {
    // Neighbours in Zipf's tail differ by little, which takes half a minute of counts to tell.
    name: 'profile_order', title: 'present bits: the order of ranges that are read by Zipf',
    targets: [...kPreloaded, 'known_heat'], seconds: { full: null, quick: null }, read: readSources,
    command: script('bench/scenario/profile_cost.sh',
      ['--json', '--rounds', '3', '--seconds', '27', '--source', 'present-bits', '--shape', 'zipf'],
      ['--json', '--rounds', '1', '--seconds', '27', '--source', 'present-bits', '--shape', 'zipf']),
  },
  {
    name: 'shim', title: '13 programs with everything placed, over five allocators',
    targets: ['allocation_programs', 'run_measured', 'one_tier_flat', 'malloc_pair_benchmark', 'terrace-preload'],
    seconds: { full: null, quick: null }, read: readShim,
    command: script('bench/peers/shim.sh', ['--json', '--rounds', '3'], ['--json', '--rounds', '1']),
  },
  {
    name: 'shim_cost', title: 'a pair of malloc and free while the shim passes through',
    targets: ['malloc_pair_benchmark', 'terrace-preload'], seconds: { full: null, quick: 46 }, read: readShimCost,
    command: script('bench/scenario/shim_cost.sh', ['--json', '--rounds', '11'], ['--json', '--rounds', '5']),
  },
  {
    name: 'link_bandwidth', title: 'the emulated link, asked against measured', targets: ['link_bandwidth'],
    seconds: { full: 38, quick: 38 }, read: readLinks, command: program('link_bandwidth', ['--json']),
  },
  {
    name: 'kv', title: "the KV-cache's book-keeping", targets: ['kv_benchmark'], seconds: { full: null, quick: 61 }, read: readPaired,
    command: program('kv_benchmark', ['--json'],
      ['--json', '--benchmark_filter=^(allocate_free/cache|look_up/cache/.*/16/|append/(cache|api)/iterations)']),
  },
  {
    name: 'kv_prefetch', title: 'what a resume hides of a slow tier', targets: ['kv_prefetch'],
    seconds: { full: 300, quick: 300 }, read: readPrefetch, command: program('kv_prefetch', ['--json']),
  },
  {
    name: 'kv_server', title: 'a server of many conversations, above its capacity', targets: ['kv_server', 'kv_load'],
    seconds: { full: null, quick: 12 }, read: readServer,
    command: script('tests/examples/kv_server_test.sh', ['build/release/examples', '30'], ['build/release/examples', '10']),
  },
  {
    name: 'kv_policy', title: 'policies of KV blocks, decisions a second', targets: ['kv_policy_benchmark'],
    seconds: { full: null, quick: 12 }, read: readKvPolicies,
    command: google('kv_policy_benchmark', '.', '/(20000|1000000)$'),
  },
  {
    name: 'kv_trace', title: 'policies of KV blocks on a request trace', targets: ['terrace-cli'],
    seconds: { full: 6, quick: 6 }, read: readTrace,
    lacks: ({ trace }) => (trace ? null : 'no trace; --trace FILE takes one of Mooncake'),
    command: ({ trace }) => [kTerrace, 'simulate', 'kv', '--trace', trace, '--format', 'mooncake',
      '--blocks', '1000,5000,10000,20000', '--policy', 'lru,terrace,opt', '--json'],
  },
  {
    name: 'prefix_store', title: 'KV prefixes kept and read back', targets: ['prefix_store_benchmark'],
    seconds: { full: 18, quick: 18 }, read: readPaired, command: program('prefix_store_benchmark', ['--json']),
  },
  {
    name: 'policies', title: 'placement policies, simulated', targets: ['terrace-cli'], seconds: { full: null, quick: 9 },
    read: readPolicies, command: script('bench/scenario/policies.sh', ['--json'], ['--json', '--seeds', '2']),
  },
  {
    name: 'wall', title: "the memory wall's predictor against published speeds", targets: ['terrace-cli'],
    seconds: { full: 1, quick: 1 }, read: readWall,
    lacks: ({ points }) => (points ? null : 'no speeds; --points FILE takes them (docs/memory-wall.md)'),
    command: ({ points }) => [kTerrace, 'wall', 'validate', '--points', points, '--leave-one-hardware-out', '--json'],
  },
  {
    name: 'planner', title: 'time to make a plan', targets: ['planner_benchmark'], seconds: { full: null, quick: 127 }, read: readPlanner,
    command: program('planner_benchmark', ['--benchmark_format=json'],
      ['--benchmark_format=json', '--benchmark_filter=dense|mixture|blocks:(1000|4000|16000)/']),
  },
  {
    name: 'simulator', title: 'the placement simulator, accesses a second', targets: ['simulator_benchmark'],
    seconds: { full: null, quick: 9 }, read: readSimulator, command: google('simulator_benchmark', '/(first-touch|lru|online)$'),
  },
  {
    name: 'mover', title: 'moves beside memcpy and move_pages', targets: ['mover_benchmark'], seconds: { full: 59, quick: 59 },
    read: readMover, command: program('mover_benchmark'),
  },
  {
    name: 'copy_remap', title: 'changing the pages behind a range, beside memcpy', targets: ['copy_remap_benchmark'],
    seconds: { full: null, quick: null }, read: readCopyRemap, command: google('copy_remap_benchmark', 'MiB:64', 'MiB:64/file:[12]/huge:1', { full: 3, quick: 1 }),
  },
  {
    name: 'call_site', title: 'what taking a call-site costs', targets: ['call_site_benchmark'], seconds: { full: null, quick: 3 },
    read: readCallSites, command: google('call_site_benchmark', '.', '/8$'),
  },
  {
    name: 'file_fill', title: 'reading a file into memory', targets: ['file_fill_table'], seconds: { full: null, quick: 84 },
    read: readFileFill, scratch: [kFilledFile],
    command: program('file_fill_table', [kFilledFile, '1024'], [kFilledFile, '256']),
  },
  {
    name: 'kernel_tiering', title: "beside the kernel's own tiering, in an emulated machine", read: readKernelTiering,
    left_out: 'an emulated machine for minutes: --only kernel_tiering runs it',
    targets: [...kPreloaded, 'tiering_workload', 'tiering_report'], seconds: { full: null, quick: null },
    command: script('bench/scenario/kernel_tiering.sh', ['80'], ['16']),
  },
];

/// The parts of which --only speaks, or null: all that are not left out.
export function chosen(only) {
  const unknown = only.find((name) => !kParts.some((part) => part.name === name));
  if (unknown !== undefined) throw new Error(`--only ${unknown}: one of ${kParts.map(({ name }) => name).join(', ')}`);
  return (part) => (only.length > 0 ? only.includes(part.name) : part.left_out === undefined);
}

/// Why a part is not run, or null.
export function reasonAgainst(part, setting) {
  if (!chosen(setting.only)(part)) return setting.only.length > 0 ? 'left out by --only' : part.left_out;
  return part.lacks?.(setting) ?? null;
}
