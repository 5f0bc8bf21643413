// SPDX-License-Identifier: Apache-2.0
// The statistics of the scenarios' figures: node statistics_test.mjs, exit status 0 when all holds.
import assert from 'node:assert/strict';

import { median, medianInterval, spread } from '../../bench/scenario/demo/statistics.mjs';

/// 1 to n in an order that is not theirs.
const numbers = (n) => Array.from({ length: n }, (_, i) => ((i * 7919) % n) + 1);

/// That at most k of n draws fall below the median.
function chanceOfAtMost(k, n) {
  let ways = 1;
  let sum = 0;
  for (let i = 0; i <= k; ++i) {
    sum += ways;
    ways = (ways * (n - i)) / (i + 1);
  }
  return sum / 2 ** n;
}

assert.equal(median([3, 1, 2]), 2);
assert.equal(median([4, 1, 2, 3]), 2.5);
assert.equal(spread([9, 10, 11]), 0.1);

for (let n = 0; n < 6; ++n) assert.equal(medianInterval(numbers(n)), null, `${n} values`);
// As tables of the sign test have it.
for (const [n, least, most] of [[6, 1, 6], [9, 2, 8], [10, 2, 9], [15, 4, 12], [20, 6, 15]]) {
  assert.deepEqual(medianInterval(numbers(n)), [least, most], `${n} values`);
}
for (let n = 6; n <= 60; ++n) {
  const [least, most] = medianInterval(numbers(n));
  assert.equal(least + most, n + 1);
  assert.ok(1 - 2 * chanceOfAtMost(least - 1, n) >= 0.95, `${n} values: too narrow`);
  assert.ok(1 - 2 * chanceOfAtMost(least, n) < 0.95, `${n} values: wider than need be`);
}
