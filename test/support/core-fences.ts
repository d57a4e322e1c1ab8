// The three functions of the core that have a fence, run once each: so that an engine compiles them.

import type { Core } from '../../host/memory/core';
import { Bench, buildPool } from './core-modules';

/** Runs them of a module. */
export function runFenced(module: Uint8Array<ArrayBuffer>): void {
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
}
