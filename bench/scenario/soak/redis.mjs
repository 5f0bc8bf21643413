// SPDX-License-Identifier: Apache-2.0
// The little of Redis's protocol that checking values takes: commands in a pipeline over a Unix socket, and their
// answers in order (https://redis.io/docs/latest/develop/reference/protocol-spec/, RESP2).
import { createHash } from 'node:crypto';
import { createConnection } from 'node:net';

const kLine = Buffer.from('\r\n');

export function encode(words) {
  const parts = [Buffer.from(`*${words.length}\r\n`)];
  for (const word of words) {
    const bytes = Buffer.isBuffer(word) ? word : Buffer.from(`${word}`);
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, kLine);
  }
  return Buffer.concat(parts);
}

/// The first answer in `bytes`: {value, length}, or null when it is not whole yet. Simple, errors, integers and
/// bulk strings; the commands used here have no others.
export function decode(bytes) {
  const end = bytes.indexOf(kLine);
  if (end < 0) return null;
  const head = bytes.toString('latin1', 1, end);
  const kind = String.fromCharCode(bytes[0]);
  if (kind === '-') return { value: new Error(`redis: ${head}`), length: end + 2 };
  if (kind !== '$') return { value: kind === ':' ? Number(head) : head, length: end + 2 };
  const size = Number(head);
  if (size < 0) return { value: null, length: end + 2 };
  const last = end + 2 + size;
  return bytes.length < last + 2 ? null : { value: bytes.subarray(end + 2, last), length: last + 2 };
}

export class Redis {
  constructor(path) {
    this.waiting = [];
    this.chunks = [];
    this.held = 0;
    this.wanted = 1; // bytes that the next answer needs at least, so that large ones are not joined time and again
    this.socket = createConnection(path);
    this.socket.on('data', (data) => this.#take(data));
    this.socket.on('error', () => {}); // 'close' follows
    this.socket.on('close', () => {
      this.gone = new Error('redis closed the connection');
      this.waiting.splice(0).forEach(({ reject }) => reject(this.gone));
    });
  }

  #take(data) {
    this.chunks.push(data);
    this.held += data.length;
    if (this.held < this.wanted) return;
    let bytes = Buffer.concat(this.chunks);
    for (let one = decode(bytes); one; one = decode(bytes)) {
      const { resolve, reject } = this.waiting.shift();
      if (one.value instanceof Error) reject(one.value);
      else resolve(one.value);
      bytes = bytes.subarray(one.length);
    }
    this.chunks = [bytes];
    this.held = bytes.length;
    const size = /^\$(\d+)\r\n/.exec(bytes.toString('latin1', 0, 32));
    this.wanted = size ? size[0].length + Number(size[1]) + 2 : 1;
  }

  command(...words) {
    return new Promise((resolve, reject) => {
      if (this.gone) return void reject(this.gone);
      this.waiting.push({ resolve, reject });
      this.socket.write(encode(words));
    });
  }

  close() {
    this.socket.destroy();
  }
}

/// What key `key` holds in round `round`: every 4 KiB of it are told apart, so that a page in the wrong
/// place is seen.
export function valueOf(key, round, length) {
  const value = Buffer.alloc(length, createHash('sha256').update(`${key}:${round}`).digest());
  for (let at = 0; at + 8 <= length; at += 4096) value.writeDoubleLE(at + round / 1024, at);
  return value;
}
