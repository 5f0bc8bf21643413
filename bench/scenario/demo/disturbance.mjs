// SPDX-License-Identifier: Apache-2.0
// What a recorder costs a decoding engine, from one run: each of its looks lasts some tokens, and the
// tokens in which there was none are the measure of what those would have cost without it. They are
// neighbours in time, so that neither the growing context nor a machine that runs slower for some
// seconds counts, which between two runs hides anything below some percent.

import { mean } from './statistics.mjs';

const kAfterwards = 2; // tokens behind a look that still count as disturbed: entries come back late
const kNeighbours = 20; // undisturbed tokens on each side that are the measure

/// The last token that began at `ms` or before; -1: none.
function tokenAt(tokens, ms) {
  let low = -1;
  for (let high = tokens.length; high - low > 1; ) {
    const middle = (low + high) >> 1;
    if (tokens[middle].began <= ms) low = middle;
    else high = middle;
  }
  return low;
}

/// Of each token the kind of what disturbed it, or undefined; kinds that come first in `events` win.
function kindsOf(tokens, events) {
  const kinds = new Array(tokens.length);
  for (const { kind, begin, end } of events) {
    const last = tokenAt(tokens, end) + kAfterwards;
    for (let i = Math.max(tokenAt(tokens, begin), 0); i <= last && i < tokens.length; ++i) kinds[i] ??= kind;
  }
  return kinds;
}

/// `tokens`: {began, cpu} in ms; `events`: {kind, begin, end} in ms of the same clock. Returns by how
/// much of the CPU time without them the events of each kind made the tokens dearer, what they did
/// together, and what the undisturbed tokens took.
export function disturbance(tokens, events) {
  const kinds = kindsOf(tokens, events);
  const clean = tokens.map((_, i) => i).filter((i) => kinds[i] === undefined);
  if (clean.length < kNeighbours) throw new Error(`${clean.length} of ${tokens.length} tokens were undisturbed: too few`);
  const measure = (i) => {
    const after = clean.findIndex((j) => j > i);
    const at = after < 0 ? clean.length : after;
    const near = clean.slice(Math.max(0, at - kNeighbours), at + kNeighbours);
    return mean(near.map((j) => tokens[j].cpu));
  };
  const excess = {};
  let without = 0;
  for (const [i, { cpu }] of tokens.entries()) {
    if (kinds[i] === undefined) {
      without += cpu;
      continue;
    }
    const usual = measure(i);
    without += usual;
    excess[kinds[i]] = (excess[kinds[i]] ?? 0) + cpu - usual;
  }
  const shares = Object.fromEntries(Object.entries(excess).map(([kind, ms]) => [kind, ms / without]));
  return {
    shares,
    share: Object.values(shares).reduce((sum, share) => sum + share, 0),
    undisturbed: mean(clean.map((i) => tokens[i].cpu)),
    disturbedTokens: tokens.length - clean.length,
  };
}
