// SPDX-License-Identifier: Apache-2.0
// The demo's figures as text and as the one JSON line.

const gb = (bytes) => (bytes / 1e9).toFixed(2);

function placementText(status) {
  return status.tiers.map((tier) => `${tier.name} ${gb(tier.peak_bytes)}`).join(', ');
}

/// A placement beyond the bound by more than the rounds differ among themselves: the model is wrong.
function beyondBound(row, allFast, boundTokS) {
  return row.tokS > boundTokS * (1 + row.spread + allFast.spread) && row !== allFast;
}

/// Rows of cells as columns: the first to the left, the others to the right.
export function columns(rows) {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  return rows.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '));
}

export function table(result) {
  const { workload, model, rate, slow, fastBytes, rows, boundTokS } = result;
  const plan = rows.find(({ key }) => key === 'plan');
  const header = ['placement', 'tokens/s', '±', 'plan / it', 'of bound', 'GB in tiers'];
  const cells = rows.map((row) => [
    row.title,
    row.tokS.toFixed(2),
    `${(100 * row.spread).toFixed(1)} %`,
    (plan.tokS / row.tokS).toFixed(2),
    (row.tokS / boundTokS).toFixed(2),
    placementText(row.status),
  ]);
  const bound = ['bound', boundTokS.toFixed(2), '', (plan.tokS / boundTokS).toFixed(2), '1.00', ''];
  const allFast = rows.find(({ key }) => key === 'all_fast');
  const warnings = rows
    .filter((row) => beyondBound(row, allFast, boundTokS))
    .map((row) => `"${row.title}" beats the bound by more than the spread: the model is wrong here`);
  return [
    `${workload.title}: ${gb(model.weight_bytes)} GB of weights, ` +
      `${gb(model.weight_bytes_per_token)} GB read per token`,
    `fast: ${gb(fastBytes)} GB of this machine's memory, streamed at ${gb(rate)} GB/s by one thread; ` +
      `slow: an emulated link of ${gb(slow.bandwidth)} GB/s and ${slow.latencyNs} ns`,
    ...columns([header, ...cells, bound]),
    ...warnings,
  ].join('\n');
}

export function jsonFigures(result) {
  const { rows, rounds, boundTokS, plan } = result;
  const round = (value) => Number(value.toFixed(3));
  const by = (suffix, of) => Object.fromEntries(rows.map((row) => [`${row.key}${suffix}`, round(of(row))]));
  const predicted = (key) => plan.predictions[key === 'plan' ? 'planned' : key].step_seconds;
  return {
    ...by('_tok_s', ({ tokS }) => tokS),
    bound_tok_s: round(boundTokS),
    rounds,
    spread_pct: by('', ({ spread }) => 100 * spread),
    predicted_step_ms: by('', ({ key }) => 1e3 * predicted(key)),
  };
}
