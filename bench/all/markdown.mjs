// SPDX-License-Identifier: Apache-2.0
// The generated part of docs/benchmarks.md, made from a document that bench/all.sh --json printed.
import { askedWords, codeLine, countsLine, figure, machineLine, sections, spreadLine, spreadWords } from './sections.mjs';

const kBegin = '<!-- benchmarks -->';
const kEnd = '<!-- /benchmarks -->';

/// As it reads, in a cell: names and messages of programs may hold anything.
export const escaped = (text) =>
  String(text).replace(/[\\`*|[\]]/g, '\\$&').replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/\s+/g, ' ').trim();

function tableOf(head, rows) {
  const line = (cells) => `| ${cells.map(escaped).join(' | ')} |`;
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)];
}

const reached = (row) => [`${figure(row.value)} ${row.unit}`, spreadWords(row)];

const kAskedHead = ['issue', 'part', 'figure', 'asked', 'reached', '±', 'n', 'how', 'against'];
const askedCells = (row) => [
  row.asked.issue, row.part, row.name, askedWords(row.asked), ...reached(row), row.n, row.how, row.against ?? '',
];
const absentCells = (row) => [
  row.asked?.issue ?? '', row.part, row.name, row.asked ? askedWords(row.asked) : '', 'not run', row.why,
];
const otherCells = (row) => [row.name, ...reached(row), row.n, row.how, row.against ?? ''];

const section = (title, lines) => [`### ${title}`, '', ...lines, ''];

function askedSection(title, rows, nothing) {
  return section(title, rows.length === 0 ? [nothing] : tableOf(kAskedHead, rows.map(askedCells)));
}

function partCells({ name, title, command, seconds, status, why }) {
  return [name, title, command?.join(' ') ?? '', seconds === null ? '' : `${seconds.toFixed(0)} s`, why ? `${status}: ${why}` : status];
}

function otherSections(parts, rows) {
  return parts.flatMap(({ name, title }) => {
    const own = rows.filter(({ part }) => part === name);
    if (own.length === 0) return [];
    return [`**${name}**: ${escaped(title)}`, '', ...tableOf(['figure', 'reached', '±', 'n', 'how', 'against'], own.map(otherCells)), ''];
  });
}

export function markdown(document) {
  const { parts, machine, date, quick } = document;
  const { missed, absent, met, others } = sections(document);
  return [
    `Run of ${date.slice(0, 16).replace('T', ' ')} UTC${quick ? ' with `--quick`: fewer rounds' : ''}, ${escaped(codeLine(document))}, ` +
      `on ${escaped(machineLine(machine))}.`, '',
    `${countsLine(document, { missed, absent, met })} ${spreadLine}`, '',
    ...askedSection('Missed', missed, 'None of those that were run.'),
    ...(absent.length === 0 ? [] : section('Not run', tableOf(['issue', 'part', 'figure', 'asked', 'reached', 'why'], absent.map(absentCells)))),
    ...askedSection('Met', met, 'None.'),
    ...section('Parts', tableOf(['part', 'what', 'command', 'took', 'status'], parts.map(partCells))),
    ...(others.length === 0 ? [] : section('Not asked for', otherSections(parts, others))),
  ].join('\n').trimEnd();
}

/// `page` with the generated part between its markers replaced. Throws where they are not there once.
export function intoPage(page, generated) {
  const [before, rest, more] = page.split(kBegin);
  const [, after, again] = rest?.split(kEnd) ?? [];
  if (after === undefined || more !== undefined || again !== undefined) {
    throw new Error(`the page must have one line ${kBegin} and behind it one line ${kEnd}`);
  }
  return `${before}${kBegin}\n${generated}\n${kEnd}${after}`;
}
