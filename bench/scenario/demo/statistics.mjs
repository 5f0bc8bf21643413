// SPDX-License-Identifier: Apache-2.0
// Medians, their intervals, means, spreads and a shuffle that can be repeated.

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/// Half of the range over the median: what `±` means in the tables.
export function spread(values) {
  return (Math.max(...values) - Math.min(...values)) / 2 / median(values);
}

/// The narrowest pair of order statistics, equally far from both ends, between which the median of
/// whatever the values were drawn from lies with 95 % confidence: the binomial law of how many of n
/// draws fall below it. Null for fewer than six values, which cannot promise that.
export function medianInterval(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const n = sorted.length;
  let below = -1; // the most values that may be left out at each end
  let chance = 0.5 ** n;
  for (let tail = chance; tail <= 0.025; tail += chance) {
    ++below;
    chance *= (n - below) / (below + 1);
  }
  return below < 0 ? null : [sorted[below], sorted[n - 1 - below]];
}

/// Mulberry32: a small generator for orders, of which nothing depends but fairness.
export function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  };
}

/// Fisher-Yates.
export function shuffled(items, random) {
  const order = [...items];
  for (let i = order.length - 1; i > 0; --i) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
