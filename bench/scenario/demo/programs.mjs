// SPDX-License-Identifier: Apache-2.0
// The programs that the demo drives: terrace, make_model and the engine's client. One at a time, each
// in the foreground; a failure is an Error with the command and the end of what it said.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const kErrorTail = 2000; // characters of stderr worth repeating

let running = null;

/// From now on the program that runs ends with this one when a signal does.
export function endOnSignals() {
  for (const [signal, status] of [['SIGINT', 130], ['SIGTERM', 143]]) {
    process.on(signal, () => {
      if (running) running.kill(signal);
      process.exit(status);
    });
  }
}

/// Runs `main`; a failure is one line with the script's name.
export function runMain(name, main) {
  endOnSignals();
  main().catch((error) => {
    process.stderr.write(`${name}: ${error.message}\n`);
    process.exit(1);
  });
}

function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const text = { stdout: '', stderr: '' };
    running = child;
    child.stdout.on('data', (data) => (text.stdout += data));
    child.stderr.on('data', (data) => (text.stderr += data));
    child.on('error', (error) => reject(new Error(`${command}: ${error.message}`)));
    child.on('close', (code, signal) => {
      running = null;
      if (code === 0) return resolve(text);
      const end = signal ? `was ended by ${signal}` : `exited with ${code}`;
      const said = text.stderr.slice(-kErrorTail).trim();
      reject(new Error(`${command} ${args.join(' ')}\n${end}${said ? `:\n${said}` : ''}`));
    });
  });
}

export class Programs {
  constructor(root) {
    const release = join(root, 'build', 'release');
    this.preloadPath = join(release, 'libterrace-preload.so');
    this.terracePath = join(release, 'terrace');
    this.makeModelPath = join(release, 'make_model');
    this.clientPath = join(release, 'engine', 'llama_decode');
    this.passesPath = join(release, 'engine', 'llama_passes');
    this.backends = join(release, 'engine', 'libraries');
    this.models = join(root, 'build', 'models');
    this.examples = join(release, 'examples');
  }

  terrace(...args) {
    return run(this.terracePath, args);
  }

  /// Writes the workload's model unless it is there, and returns its path and figures.
  async model(workload, seed) {
    const path = join(this.models, `${workload.shape}-${workload.quant}-${seed}.gguf`);
    mkdirSync(this.models, { recursive: true });
    if (!existsSync(path)) {
      const { shape, quant } = workload;
      await run(this.makeModelPath, ['--shape', shape, '--quant', quant, '--seed', `${seed}`, '-o', path]);
    }
    return { path, ...JSON.parse(readFileSync(`${path}.json`, 'utf8')) };
  }

  /// The client's command line for `length`: {warmup, tokens}.
  client(workload, model, length) {
    return [
      this.clientPath, '--model', model.path, '--backends', this.backends, '--json',
      '--context', `${workload.context}`, '--mmap', workload.mmap,
      '--warmup', `${length.warmup}`, '--tokens', `${length.tokens}`,
    ];
  }

  /// Runs the client without `terrace`, with the environment's additions `variables`.
  async decodeAlone(variables, command) {
    const { stdout } = await run('env', [...variables, ...command]);
    return JSON.parse(stdout.trim().split('\n').at(-1));
  }

  /// Runs the client under `terrace VERB OPTIONS`, strictly: a run that could not be placed as asked
  /// is an error and not a figure. Returns what the client measured.
  async decode(verb, options, command) {
    const { stdout } = await this.terrace(verb, '--strict', ...options, '--', ...command);
    return JSON.parse(stdout.trim().split('\n').at(-1));
  }
}
