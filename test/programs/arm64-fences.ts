// Runs the three functions of the core that have a fence, once each: node arm64-fences.mjs with|without. "without" runs the same module
// with its fences blanked out, so that what differs in the machine code is theirs.

import { readFileSync } from 'node:fs';
import type { Core } from '../../host/memory/core';
import { Bench, buildPool } from '../support/core-modules';

const module = new Uint8Array(readFileSync('dist/core.wasm'));
const FENCE = [0xfe, 0x03, 0x00];
let fences = 0;
for (let at = 0; at < module.length - 2; at++) {
  if (!FENCE.every((byte, i) => module[at + i] === byte)) continue;
  fences += 1;
  if (process.argv[2] === 'without') module.fill(0x01, at, at + FENCE.length); // three times nop
}
const memory = new WebAssembly.Memory({ initial: 16, maximum: 16, shared: true });
const core = new WebAssembly.Instance(new WebAssembly.Module(module), { env: { memory } }).exports as object as Core;
let next = 65536;
const bench = new Bench(core, memory, (bytes) => {
  const block = next;
  next += Math.ceil(bytes / 64) * 64;
  return block;
});
const { handle } = buildPool(bench, { frameBytes: 64, historyLen: 2 });
core.writerOpen(handle, process.pid, 0);
core.writerBegin(handle, 0);
core.writerCommit(handle, 0);
core.readerCopyEnd(handle, 0, 1);
core.readerIntact(handle, 0);
console.log(fences);
