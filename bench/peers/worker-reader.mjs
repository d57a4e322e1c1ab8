// A worker that waits for frames in a SharedArrayBuffer on its event loop, by Atomics.waitAsync, and reads them in place or copies them.

import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { Arrivals } from './stamp.mjs';

const { words, frames, bytes, slots, copies } = workerData;
const count = new Int32Array(words);
const ring = Array.from({ length: slots }, (_, i) => new Uint8Array(frames, i * bytes, bytes));
const own = new Uint8Array(bytes);
const arrivals = new Arrivals();
parentPort.on('message', () => parentPort.postMessage(arrivals.collect()));
// The thread of this worker, to be put on a core.
const tid = Number(readFileSync('/proc/thread-self/stat', 'utf8').split(' ')[0]);
parentPort.postMessage(tid);
for (let seen = 0; ; ) {
  const { async, value } = Atomics.waitAsync(count, 0, seen);
  if (async) await value;
  seen = Atomics.load(count, 0);
  const frame = ring[(seen - 1) % slots];
  if (copies) own.set(frame);
  arrivals.note(copies ? own : frame);
}
