// SPDX-License-Identifier: Apache-2.0
// The KV-cache at work: what a resume hides, policies on a request trace, the server of the examples.
import { mean } from '../../scenario/demo/statistics.mjs';
import { row } from '../rows.mjs';
import { jsonLines, lastJsonLine } from './micro.mjs';

export function readPrefetch(text) {
  const { link_gbps: link, rounds: n, rows } = lastJsonLine(text);
  return rows.flatMap(({ compute_wanted: wanted, new_tokens: tokens, compute_over_slow: compute, hidden, hidden_least: least, hidden_most: most, none_ms: none, block_ms: block, layered_ms: layered }) => [
    row(`hidden of a resume, compute about ${wanted.toFixed(1)} of the slow tier's time`, 'share', hidden, {
      n, how: 'emulated', spread: (most - least) / 2, spread_of: 'range',
      against: `waiting for all blocks first (link of ${link} GB/s, ${tokens} new tokens, compute ${compute} x the slow tier's time)`,
    }),
    row(`a resume by layers, compute about ${wanted.toFixed(1)} of the slow tier's time`, 'ms', layered, {
      n, how: 'emulated', against: `all waited for first ${block} ms, on the fast tier already ${none} ms`,
    }),
  ]);
}

/// `simulate kv` with the policies lru, terrace and opt.
export function readTrace(text) {
  const caches = jsonLines(text);
  if (caches.length === 0) throw new Error('no line of JSON');
  const sizes = [...new Set(caches.map(({ blocks }) => blocks))];
  const hit = (blocks, policy) => caches.find((one) => one.blocks === blocks && one.policy === policy).hit;
  const each = sizes.map((blocks) => ({ blocks, lru: hit(blocks, 'lru'), terrace: hit(blocks, 'terrace'), opt: hit(blocks, 'opt') }));
  const about = (against, n = sizes.length) => ({ n, how: 'simulated', against });
  return [
    ...each.map(({ blocks, lru, terrace, opt }) => row(`share of blocks hit, ${blocks} blocks`, 'share', terrace,
      about(`lru ${lru.toFixed(4)}, offline optimum ${opt.toFixed(4)}`, 1))),
    row('terrace - lru, worst size', 'share of blocks', Math.min(...each.map(({ lru, terrace }) => terrace - lru)), about('lru')),
    row('gap from lru to the optimum that terrace closes, mean', 'share',
      mean(each.map(({ lru, terrace, opt }) => (terrace - lru) / (opt - lru))), about('lru is 0, the offline optimum 1')),
  ];
}

/// kv_load's object, which the server's test prints.
export function readServer(text) {
  const load = lastJsonLine(text);
  const against = `${load.answered} answers in ${load.seconds} s, more load than its tiers hold`;
  const times = (name, key) => ['p50', 'p99'].map((part) => row(`${name}, ${part}`, 'ms', load[key][part], { n: load.answered, against }));
  return [
    row('tokens of all sessions', 'tokens/s', load.tokens_per_second, { against }),
    ...times('time to the first token', 'first_token_ms'),
    ...times('time to the whole answer', 'answer_ms'),
    row('answers wrong, lost or in error', 'answers', load.wrong + load.lost + load.errors,
      { n: load.requests, against: 'the same model over a plain array' }),
  ];
}
