// One thread of test/protocol.test.ts: hammers a pool that others hammer too, and counts frames that are not what they should be.

import { parentPort, workerData } from 'node:worker_threads';
import { CLOSED, LAPPED, OK, PINNED } from '../../assembly/status';
import type { HammerResult, HammerTask } from '../support/core-hammer-task';
import { instantiate } from '../support/core-modules';

const task = workerData as HammerTask;
const { handle, frameWords, slotCapacity, historyLen, framesAt, stopAt, frames } = task;
const core = instantiate(task.label, task.memory);
const memory = new Uint32Array(task.memory.buffer);
const result: HammerResult = { role: task.role, accepted: 0, rejected: 0, torn: 0, backwards: 0 };
// Frame `sequence` is filled with sequence + 1; padding is zeros.
const own = new Uint32Array(frameWords * historyLen);

function slotWord(sequence: number): number {
  return framesAt / 4 + ((sequence + slotCapacity) % slotCapacity) * frameWords;
}

function isWhole(words: Uint32Array, from: number, sequence: number): boolean {
  const wanted = Math.max(0, sequence + 1);
  for (let i = from; i < from + frameWords; i++) if (words[i] !== wanted) return false;
  return true;
}

function write(): void {
  for (let sequence = 0; sequence < frames && Atomics.load(memory, stopAt / 4) === 0; ) {
    const slot = core.writerBegin(handle, task.ignoreViews ? 1 : 0);
    if (slot === PINNED) {
      result.rejected += 1;
      continue;
    }
    const at = framesAt / 4 + slot * frameWords;
    for (let i = 0; i < frameWords; i++) memory[at + i] = sequence + 1;
    core.writerCommit(handle, 0);
    result.accepted += 1;
    sequence += 1;
  }
  core.writerClose(handle);
}

function read(take: (count: number) => number): void {
  let last = -1;
  for (let turn = 0; ; turn++) {
    const sequence = take((turn % historyLen) + 1);
    if (sequence === CLOSED) return;
    if (sequence < 0) {
      if (sequence === LAPPED) result.rejected += 1;
      continue;
    }
    result.accepted += 1;
    if (sequence < last) result.backwards += 1;
    last = sequence;
  }
}

function copy(count: number): number {
  const sequence = core.readerLatest(handle);
  if (sequence < 0) return sequence;
  const oldest = sequence - count + 1;
  if (core.readerCopyBegin(handle, sequence, count) < 0) return LAPPED;
  for (let i = 0; i < count; i++) {
    const at = slotWord(oldest + i);
    for (let w = 0; w < frameWords; w++) own[i * frameWords + w] = memory[at + w] as number;
  }
  if (core.readerCopyEnd(handle, sequence, count) !== OK) return LAPPED;
  for (let i = 0; i < count; i++) if (!isWhole(own, i * frameWords, oldest + i)) result.torn += 1;
  return sequence;
}

function pin(count: number): number {
  const sequence = core.readerPin(handle, count);
  if (sequence < 0) return sequence;
  let torn = 0;
  // Twice: what is pinned does not change under its reader.
  for (let look = 0; look < 2; look++) {
    for (let s = sequence - count + 1; s <= sequence; s++) if (!isWhole(memory, slotWord(s), s)) torn += 1;
  }
  const intact = core.readerIntact(handle, sequence - count + 1) !== 0;
  if (intact || !task.ignoreViews) result.torn += torn;
  core.readerUnpin(handle);
  return intact ? sequence : LAPPED;
}

if (task.role === 'write') write();
else read(task.role === 'copy' ? copy : pin);
parentPort?.postMessage(result);
