// SPDX-License-Identifier: Apache-2.0
// One figure of the benchmarks: what it is, how it was got, and what was asked of it.

/// `asked`: { most: x } or { least: x }, in the figure's unit; null where it only informs.
/// `how`: measured, emulated (measured over an emulated tier), simulated or computed.
/// `spread`: half the range of the rounds' middle half or as the part states it, same unit; null: none.
export function figure(name, unit, value, { how, asked = null, spread = null }) {
  return { name, unit, value, spread, asked, how };
}

/// Null where nothing was asked.
export function isMet({ asked, value }) {
  if (asked === null) return null;
  return asked.least !== undefined ? value >= asked.least : value <= asked.most;
}
