// SPDX-License-Identifier: Apache-2.0
// From a run to what is said of it: figures, and faults, of which there should be none.
import { countFault, growth, kLeastCounts, kLeastInQuarter, kMemoryLimit, memoryFault, unexplained } from './verdict.mjs';

/// What may never rise by more than so much between two quarters' medians. Mappings: the kernel joins and
/// splits what lies side by side, and a program's heap under it grows by mappings of its own.
const kSlack = { descriptors: 0, threads: 0, sessions: 0, mappings: 16, terrace_mappings: 8, live_objects: 8 };
/// Of the questions, since on a busy machine the two seconds of one may pass.
const kUnansweredShare = 0.05;
const kMemory = ['rss_kib', 'own_pss_kib', 'memory_file_kib', 'placed_kib'];

const short = (value) => Number(value.toFixed(1));

function figuresOf(samples, wanted) {
  const all = growth(samples, wanted);
  return Object.fromEntries(Object.entries(all).map(([key, value]) => [key, short(value)]));
}

/// `run`: {sampler, wrong, said, explained, memoryWhen, countsWhen, did}; the two: the state in which memory, and
/// descriptors and the like, are compared, or in all when not given; `did`: what must have happened, or the run says nothing.
export function judge(part, { sampler, wrong, said, explained, memoryWhen, countsWhen, did }) {
  const faults = [];
  const figures = {};
  // Of one quantity: its figures and its fault. None where there is no sample: no program of Terrace's to ask.
  const look = (name, samples, wanted, fault) => {
    if (samples.length === 0) return;
    try {
      figures[name] = figuresOf(samples, wanted);
      faults.push(fault({ name, samples }));
    } catch (error) {
      faults.push(`${name}: ${error.message}`);
    }
  };
  for (const name of kMemory) look(name, sampler.series(name, memoryWhen), kLeastInQuarter, memoryFault);
  for (const [name, slack] of Object.entries(kSlack)) {
    look(name, sampler.series(name, countsWhen), kLeastCounts, (one) => countFault({ ...one, slack }));
  }
  const asked = sampler.samples.length;
  if (sampler.unanswered > kUnansweredShare * asked) faults.push(`terrace status: ${sampler.unanswered} of ${asked} without an answer`);
  if (wrong !== 0) faults.push(`${wrong} answers are wrong`);
  for (const line of unexplained(said, explained)) faults.push(`said without explanation: ${line}`);
  for (const [what, count] of Object.entries(did)) if (!(count > 0)) faults.push(`${what}: ${count}, so the run shows nothing`);
  return {
    part, minutes: short(sampler.minutes), samples: asked, unanswered: sampler.unanswered, faults: faults.filter(Boolean), wrong, did,
    figures, limits: { memory_kib: kMemoryLimit, counts: kSlack }, said,
  };
}
