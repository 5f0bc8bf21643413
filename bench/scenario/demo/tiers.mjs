// SPDX-License-Identifier: Apache-2.0
// The tier files of the demo: one with all the fast memory that a model needs, one with less of it
// and an emulated link beside it.
import { writeFileSync } from 'node:fs';

const kBlock = 2 * 1024 * 1024; // what Terrace places by
const kOtherMemory = 1e9; // KV cache, compute buffers and load staging, generously

const wholeBlocks = (bytes) => Math.floor(bytes / kBlock) * kBlock;

/// Capacity for everything that the program allocates.
const enoughFor = (model) => wholeBlocks(1.2 * model.weight_bytes + kOtherMemory);

function tierTable(tier) {
  const lines = ['[[tier]]', `name = "${tier.name}"`, `kind = "${tier.kind}"`,
    `backing = "${tier.backing}"`, 'nodes = [0]', `capacity = "${tier.capacity}B"`];
  if (tier.bandwidth) lines.push(`bandwidth = "${(tier.bandwidth / 1e9).toFixed(3)}GB/s"`);
  if (tier.latencyNs) lines.push(`latency = "${tier.latencyNs}ns"`);
  return lines.join('\n');
}

const write = (path, tiers) =>
  writeFileSync(path, `only = true\n\n${tiers.map(tierTable).join('\n\n')}\n`);

const fastTier = (capacity, figures) =>
  ({ name: 'fast', kind: 'dram', backing: 'numa', capacity, ...figures });

export function writeAllFast(path, model) {
  write(path, [fastTier(enoughFor(model))]);
}

/// `fast` and `slow`: {bandwidth in bytes/s, latencyNs}. Returns the fast tier's capacity in bytes.
export function writeTwoTiers(path, model, fastShare, fast, slow) {
  const capacity = wholeBlocks(fastShare * model.weight_bytes);
  const slowTier = { name: 'slow', kind: 'cxl', backing: 'emulated', capacity: enoughFor(model) };
  write(path, [fastTier(capacity, fast), { ...slowTier, ...slow }]);
  return capacity;
}
