// SPDX-License-Identifier: Apache-2.0
// What looks cost, from tokens of known cost: node disturbance_test.mjs, exit status 0 when all holds.
import assert from 'node:assert/strict';

import { disturbance } from '../../bench/scenario/demo/disturbance.mjs';

/// 1,000 tokens of 40 ms, each a little dearer than the one before; `more(i)` ms are added.
const tokens = (more) =>
  Array.from({ length: 1000 }, (_, i) => ({ began: 40 * i, cpu: 40 + 0.01 * i + more(i) }));
const usual = tokens(() => 0).reduce((sum, { cpu }) => sum + cpu, 0);
const near = (is, want) => assert.ok(Math.abs(is - want) < 2e-4, `${is}, not ${want}`);

// A pair of windows each 50 tokens takes 12 ms of one token and 6 of the next.
const pairs = Array.from({ length: 20 }, (_, i) => ({ kind: 'windows', begin: 2000 * i + 5, end: 2000 * i + 25 }));
const paired = disturbance(tokens((i) => ({ 0: 12, 1: 6 })[i % 50] ?? 0), pairs);
near(paired.share, (20 * 18) / usual);
assert.equal(paired.disturbedTokens, 60);

// What nobody looked for is no cost, whether it drifts or jumps.
near(disturbance(tokens((i) => (i < 525 ? 0 : 8)), pairs).share, 0);

// Each token counts once, for the kind that comes first.
const both = disturbance(tokens((i) => (i >= 100 && i < 160 ? 2 : 0)),
  [{ kind: 'windows', begin: 4000, end: 4400 }, { kind: 'step', begin: 4000, end: 6279 }]);
near(both.shares.windows, (13 * 2) / usual);
near(both.shares.step, (47 * 2) / usual);
near(both.share, (60 * 2) / usual);

// A recorder that never lets go leaves nothing to compare with.
assert.throws(() => disturbance(tokens(() => 1), [{ kind: 'step', begin: 0, end: 40_000 }]), /too few/);
