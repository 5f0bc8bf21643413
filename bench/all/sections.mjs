// SPDX-License-Identifier: Apache-2.0
// A document's rows in the order in which they are shown, and its figures as words; for both tables.
import { kSpreads } from './rows.mjs';

/// Four digits: no benchmark here is surer than that.
export const figure = (value) => String(Number(value.toPrecision(4)));

export const askedWords = ({ number, direction }) =>
  direction === 'within' ? `within ±${figure(number)}` : `${direction} ${figure(number)}`;

export const spreadWords = ({ spread, spread_of: of }) =>
  spread === null ? '' : `± ${Number(spread.toPrecision(2))} ${kSpreads[of].letter}`;

/// Missed first: what is wrong is what a reader must see. Rows carry the name of their part.
export function sections({ parts }) {
  const rows = parts.flatMap((part) => part.rows.map((row) => ({ ...row, part: part.name })));
  const asked = rows.filter((row) => row.asked !== null);
  return {
    missed: asked.filter(({ met }) => met === false),
    absent: rows.filter(({ value }) => value === null),
    met: asked.filter(({ met }) => met === true),
    others: rows.filter(({ asked: number, value }) => number === null && value !== null),
  };
}

export function countsLine({ parts }, { missed, absent, met }) {
  const failed = parts.filter(({ status }) => status === 'failed').length;
  const absentAsked = absent.filter(({ asked }) => asked !== null).length;
  return `Of ${missed.length + met.length + absentAsked} numbers asked for ${met.length} were met, ` +
    `${missed.length} missed and ${absentAsked} not run; ${failed} of ${parts.length} parts failed.`;
}

export function machineLine({ cpu, cpus, memory_bytes: memory, kernel, hypervisor, huge_pages: huge, load_average: load }) {
  const pages = huge.transparent === null ? 'no transparent huge pages' : `transparent huge pages ${huge.transparent}`;
  return `${cpus} x ${cpu}${hypervisor ? ' under a hypervisor' : ''}, ${(memory / 2 ** 30).toFixed(1)} GiB, Linux ${kernel}, ` +
    `${pages}, ${huge.reserved ?? 'no'} huge pages reserved (may exceed by ${huge.may_exceed_by ?? 0}), ` +
    `load average ${load.toFixed(2)} at the start`;
}

export function codeLine({ commit, terrace }) {
  const tree = commit === null ? 'no git repository' : `commit ${commit.id.slice(0, 12)}${commit.changed ? ' with changes' : ''}`;
  return `terrace ${terrace ?? 'of unknown version'}, ${tree}`;
}

export const spreadLine = `A spread behind ± is: ${Object.values(kSpreads).map(({ letter, words }) => `${letter} ${words}`).join('; ')}. ` +
  'Without one the part states none.';
