// SPDX-License-Identifier: Apache-2.0
// The document as a table for the terminal.
import { columns } from '../scenario/demo/table.mjs';
import { askedWords, codeLine, countsLine, figure, machineLine, sections, spreadLine, spreadWords } from './sections.mjs';

const kHead = ['part: figure', 'reached', '±', 'unit', 'asked', 'by', 'n', 'how'];

const cells = (row) => [
  `${row.part}: ${row.name}`, figure(row.value), spreadWords(row), row.unit, row.asked ? askedWords(row.asked) : '',
  row.asked?.issue ?? '', `${row.n}`, row.how,
];

const block = (title, rows) =>
  rows.length === 0 ? [] : ['', title, ...columns([kHead, ...rows.map(cells)])];

function absentBlock(rows) {
  if (rows.length === 0) return [];
  const asked = (row) => (row.asked ? ` (${row.asked.issue} asks ${askedWords(row.asked)})` : '');
  return ['', 'NOT RUN', ...rows.map((row) => `${row.part}: ${row.name}${asked(row)}: ${row.why}`)];
}

/// "demo: done in 512 s", and why where it was not done; for a line of its own.
export function partLine({ name, status, seconds, why }) {
  return `${name}: ${status}${seconds === null ? '' : ` in ${seconds.toFixed(0)} s`}${why ? `: ${why}` : ''}`;
}

export function text(document) {
  const { missed, absent, met, others } = sections(document);
  return [
    ...block('MISSED', missed),
    ...absentBlock(absent),
    ...block('MET', met),
    ...block('NOT ASKED FOR', others),
    '', 'PARTS', ...document.parts.map(partLine),
    '',
    `${machineLine(document.machine)}; ${codeLine(document)}; ${document.date}${document.quick ? '; --quick' : ''}`,
    spreadLine,
    countsLine(document, { missed, absent, met }),
  ].join('\n').trimStart();
}
