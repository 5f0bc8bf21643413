// SPDX-License-Identifier: Apache-2.0
// Whether a program that ran for long kept to what it had: growth from samples over time, and the
// judgement of it. A leak is small beside what a program allocates and frees in between, so growth is
// taken twice: as a slope, with the uncertainty that samples like their neighbours leave, and as the
// difference of two quarters' medians, which no few samples can move.
import { median } from '../demo/statistics.mjs';

/// Samples that a quarter has to have before anything is said; counts at rest, which do not scatter, need fewer.
export const kLeastInQuarter = 3;
export const kLeastCounts = 2;

/// Of Student's t, two-sided 95 %, by the expansion of Cornish and Fisher; within 2 % from four degrees of
/// freedom on.
const tQuantile = (freedom) => 1.96 + 2.37 / freedom + 2.82 / freedom ** 2;

function quarters(samples) {
  const first = samples[0].minutes;
  const length = (samples.at(-1).minutes - first) / 4;
  const of = (number) => samples.filter(({ minutes }) =>
    minutes >= first + number * length && (number === 3 || minutes < first + (number + 1) * length));
  return [0, 1, 2, 3].map(of);
}

/// Least squares over {minutes, value}: the slope a minute and half of its 95 % interval. Neighbouring
/// samples resemble each other (a buffer lives through several), so they count as fewer: n (1 - r) / (1 + r)
/// of them, r being the correlation of neighbouring residuals.
export function slope(samples) {
  const n = samples.length;
  const mean = (of) => samples.reduce((sum, one) => sum + of(one), 0) / n;
  const middle = mean(({ minutes }) => minutes);
  const level = mean(({ value }) => value);
  const spread = samples.reduce((sum, { minutes }) => sum + (minutes - middle) ** 2, 0);
  const rise = samples.reduce((sum, { minutes, value }) => sum + (minutes - middle) * (value - level), 0) / spread;
  const rest = samples.map(({ minutes, value }) => value - level - rise * (minutes - middle));
  const squares = rest.reduce((sum, one) => sum + one * one, 0);
  const neighbours = rest.slice(1).reduce((sum, one, i) => sum + one * rest[i], 0);
  const correlation = squares > 0 ? Math.min(0.95, Math.max(0, neighbours / squares)) : 0;
  const freedom = Math.max(1, (n * (1 - correlation)) / (1 + correlation) - 2);
  const error = Math.sqrt(squares / freedom / spread);
  return { perMinute: rise, half: tQuantile(freedom) * error };
}

/// `samples`: {minutes, value} in order of time. Of all four quarters the first is warm-up.
export function growth(samples, wanted = kLeastInQuarter) {
  const parts = samples.length > 0 ? quarters(samples) : [[]];
  const least = Math.min(...parts.map(({ length }) => length));
  if (least < wanted) throw new Error(`a quarter of the run has ${least} samples: too short to judge`);
  const of = (part) => median(part.map(({ value }) => value));
  const { perMinute, half } = slope([...parts[2], ...parts[3]]);
  return { per_minute: perMinute, half_interval: half, second_quarter: of(parts[1]), fourth_quarter: of(parts[3]) };
}

/// What memory (KiB) may do: a slope whose whole interval is above `slope` KiB a minute is a leak, and
/// so are medians further apart than `median` KiB or `share` of the second quarter's, whichever is more.
export const kMemoryLimit = { slope: 64, median: 2048, share: 0.01 };

/// Null, or what is wrong. `quantity`: {name, samples}.
export function memoryFault({ name, samples }, limit = kMemoryLimit) {
  const { per_minute: rise, half_interval: half, second_quarter: before, fourth_quarter: after } = growth(samples);
  if (rise - half > limit.slope) {
    return `${name} grows by ${rise.toFixed(0)} ± ${half.toFixed(0)} KiB/min (limit ${limit.slope})`;
  }
  const allowed = Math.max(limit.median, limit.share * before);
  if (after - before > allowed) {
    return `${name} grew from ${before.toFixed(0)} to ${after.toFixed(0)} KiB (limit ${allowed.toFixed(0)})`;
  }
  return null;
}

/// Null, or what is wrong. Counts of what a program holds do not creep: the medians of quarters differ by
/// no more than `slack`.
export function countFault({ name, samples, slack }) {
  const { second_quarter: before, fourth_quarter: after } = growth(samples, kLeastCounts);
  return after - before > slack ? `${name}: ${before} in the second quarter, ${after} in the fourth (limit +${slack})` : null;
}

/// Lines that no pattern of `explained`, [{pattern, reason}], explains.
export const unexplained = (lines, explained) =>
  lines.filter((line) => !explained.some(({ pattern }) => pattern.test(line)));
