// SPDX-License-Identifier: Apache-2.0
// What a figure must be read with: the machine, the day, and the code.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';

/// Null where this kernel has no such file.
function read(path) {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return null;
  }
}

/// "always [madvise] never": what is chosen.
const choice = (path) => /\[(\w+)\]/.exec(read(path) ?? '')?.[1] ?? null;

const count = (path) => {
  const text = read(path);
  return text === null ? null : Number(text);
};

function hugePages() {
  const folder = '/sys/kernel/mm/hugepages/hugepages-2048kB';
  return {
    transparent: choice('/sys/kernel/mm/transparent_hugepage/enabled'),
    transparent_shared: choice('/sys/kernel/mm/transparent_hugepage/shmem_enabled'),
    reserved: count(`${folder}/nr_hugepages`),
    free: count(`${folder}/free_hugepages`),
    may_exceed_by: count(`${folder}/nr_overcommit_hugepages`),
  };
}

export function machine() {
  const processors = cpus();
  return {
    cpu: processors[0].model.trim(),
    cpus: processors.length,
    memory_bytes: totalmem(),
    kernel: release(),
    hypervisor: /^flags\s*:.*\bhypervisor\b/m.test(read('/proc/cpuinfo') ?? ''),
    huge_pages: hugePages(),
    load_average: loadavg()[0],
  };
}

function said(root, command, ...words) {
  const { status, stdout } = spawnSync(command, words, { cwd: root, encoding: 'utf8' });
  return status === 0 ? stdout.trim() : null;
}

/// Null where there is no repository, as in an archive of the source.
export function commit(root) {
  const id = said(root, 'git', 'rev-parse', 'HEAD');
  const changes = said(root, 'git', 'status', '--porcelain', '--untracked-files=no');
  return id === null ? null : { id, changed: changes !== '' };
}

export const version = (root) => said(root, 'build/release/terrace', '--version')?.replace(/^terrace /, '') ?? null;
