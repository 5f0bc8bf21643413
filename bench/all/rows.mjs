// SPDX-License-Identifier: Apache-2.0
// A figure as the collector keeps it: what the readers make, what asked.mjs asks of, what the tables
// show. A figure that was not measured has no value and says why.

/// What `spread` is half of, or of what kind; the letter stands behind it in the tables.
export const kSpreads = {
  range: { letter: 'r', words: 'half of the range over the rounds' },
  quartiles: { letter: 'q', words: 'half of what lies between the quartiles' },
  interval: { letter: 'i', words: 'half of the interval that holds the true median with 95 % confidence' },
  deviation: { letter: 's', words: 'standard deviation' },
  both: { letter: 'b', words: 'spreads of both sides of a ratio or difference, added' },
};

const kNoSpread = { spread: null, spread_of: null };

/// `about`: {spread, spread_of, n, how, against}. Throws where there is no figure: a table with a hole
/// that looks like a number is worse than a part that failed.
export function row(name, unit, value, about = {}) {
  if (!Number.isFinite(value)) throw new Error(`${name}: no figure`);
  const { spread = null, spread_of = null, n = 1, how = 'measured', against = null } = about;
  const known = Number.isFinite(spread) && n > 1;
  if (known && !(spread_of in kSpreads)) throw new Error(`${name}: a spread of which kind?`);
  return { name, unit, value, ...(known ? { spread, spread_of } : kNoSpread), n, how, asked: null, met: null, against };
}

export const notRun = (name, why) =>
  ({ name, unit: null, value: null, ...kNoSpread, n: 0, how: null, asked: null, met: null, against: null, why });

/// Does `value` keep to what was asked? Null where nothing was measured.
export function meets({ number, direction }, value) {
  if (value === null) return null;
  if (direction === 'at least') return value >= number;
  if (direction === 'at most') return value <= number;
  if (direction === 'within') return Math.abs(value) <= number;
  throw new Error(`no such direction: ${direction}`);
}

/// The rows with what was asked of them, and a row without a value for each that is not among them.
export function judged(part, rows, asked, why) {
  const found = rows.map((one) => {
    const own = asked.find((entry) => entry.part === part && entry.row === one.name);
    if (!own) return one;
    const { number, direction, issue, why: reason } = own;
    return { ...one, asked: { number, direction, issue, why: reason }, met: meets(own, one.value) };
  });
  const names = new Set(rows.map(({ name }) => name));
  const absent = asked.filter((entry) => entry.part === part && !names.has(entry.row));
  return [...found, ...absent.map(({ row: name, number, direction, issue, why: reason }) =>
    ({ ...notRun(name, why), asked: { number, direction, issue, why: reason } }))];
}
