// SPDX-License-Identifier: Apache-2.0
// Whether Terrace keeps to what it has when it works for long. The parts are run in turn; each is judged by
// samples of its process (soak/verdict.mjs), by its answers, and by what was said. Started by soak.sh:
// node soak.mjs [--json] [--minutes N] [--only llama|kv|redis]... [--samples FOLDER]
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { Programs } from './demo/programs.mjs';
import { endChildren } from './soak/child.mjs';
import { judge } from './soak/judge.mjs';
import { kv } from './soak/kv_part.mjs';
import { llama } from './soak/llama_part.mjs';
import { redis } from './soak/redis_part.mjs';
import { text } from './soak/text.mjs';

const kParts = { llama, kv, redis };
process.exitCode = 1; // until there is a verdict: where nothing is left to wait for, node just ends
const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const log = (line) => process.stderr.write(`${line}\n`);

function options() {
  try {
    const { values } = parseArgs({ options: {
      json: { type: 'boolean', default: false },
      minutes: { type: 'string', default: '30' },
      only: { type: 'string', multiple: true, default: Object.keys(kParts) },
      samples: { type: 'string' },
    } });
    if (!(Number(values.minutes) >= 1)) throw new Error('--minutes: a number from 1 on');
    const unknown = values.only.find((name) => !(name in kParts));
    if (unknown !== undefined) throw new Error(`--only ${unknown}: one of ${Object.keys(kParts).join(', ')}`);
    return values;
  } catch (error) {
    log(`soak: ${error.message}\nusage: bench/scenario/soak.sh [--json] [--minutes N] [--only PART]... [--samples FOLDER]`);
    return process.exit(2);
  }
}

async function runPart(name, setup) {
  try {
    const run = await kParts[name]({ ...setup, log: (line) => log(`${name}: ${line}`) });
    return { result: judge(name, run), samples: run.sampler.samples };
  } catch (error) {
    await endChildren();
    return { result: { part: name, faults: [error.message] }, samples: [] };
  }
}

async function main() {
  const { json, minutes, only, samples: samplesFolder } = options();
  for (const [signal, status] of [['SIGHUP', 129], ['SIGINT', 130], ['SIGTERM', 143]]) {
    process.on(signal, () => process.exit(status)); // which ends what was started
  }
  const folder = join(root, 'build', 'soak');
  mkdirSync(folder, { recursive: true });
  const programs = new Programs(root);
  const config = JSON.parse(readFileSync(join(root, 'bench', 'configs', 'demo.json'), 'utf8'));
  let failed = false;
  for (const name of only) {
    const { result, samples } = await runPart(name, { programs, folder, config, seconds: 60 * Number(minutes) });
    process.stdout.write(json ? `${JSON.stringify(result)}\n` : text(result));
    if (samplesFolder !== undefined) {
      mkdirSync(samplesFolder, { recursive: true });
      writeFileSync(join(samplesFolder, `${name}.json`), `${JSON.stringify(samples)}\n`);
    }
    failed ||= result.faults.length > 0;
  }
  process.exit(failed ? 1 : 0);
}

main().catch((error) => {
  log(`soak: ${error.message}`);
  process.exit(1);
});
