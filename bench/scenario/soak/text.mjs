// SPDX-License-Identifier: Apache-2.0
// A part's result for the reader.

export function text({ part, minutes, samples, faults, did = {}, figures = {}, said = [] }) {
  const lines = [`${part}: ${faults.length === 0 ? 'holds' : 'DOES NOT HOLD'}`];
  if (minutes !== undefined) lines.push(`  ${minutes} minutes, ${samples} samples`);
  for (const [what, count] of Object.entries(did)) lines.push(`  ${what}: ${count}`);
  for (const [name, one] of Object.entries(figures)) {
    const slope = 'per_minute' in one ? `; slope of the second half ${one.per_minute} ± ${one.half_interval} a minute` : '';
    lines.push(`  ${name.padEnd(17)} median of the 2nd quarter ${one.second_quarter}, of the 4th ${one.fourth_quarter}${slope}`);
  }
  for (const line of said) lines.push(`  said: ${line}`);
  for (const fault of faults) lines.push(`  FAULT: ${fault}`);
  return `${lines.join('\n')}\n`;
}
