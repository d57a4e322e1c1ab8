// The threads of one Node process, woken by Atomics.waitAsync on a SharedArrayBuffer: what a program that stays in one process would do.

import { Worker } from 'node:worker_threads';
import { nowNs, sleep, sleepUntilNs } from '../harness/clock';
import { sampleFrame } from '../harness/pools';
import type { Commands, Role } from '../harness/processes';

/** Words of the control block: frames published, readers that wait, and readers that have ended. */
const HEAD = 0;
const WORDS = 16;
const CONTROL_BYTES = WORDS * 4;

/** A reader: takes the newest frame whenever the count has moved, and notes when. */
const READER = `
const { parentPort, workerData } = require('node:worker_threads');
const { control, frames, bytes } = workerData;
const words = new Int32Array(control);
const data = new Uint8Array(frames);
let noted = [];
let checksum = 0;
parentPort.on('message', () => {
  parentPort.postMessage({ noted, checksum });
  noted = [];
});
(async () => {
  let seen = 0;
  for (;;) {
    const head = Atomics.load(words, 0);
    if (head === seen) {
      const { async, value } = Atomics.waitAsync(words, 0, head);
      if (async) await value;
      continue;
    }
    seen = head;
    const at = ((head - 1) % 2) * bytes;
    const view = data.subarray(at, at + bytes);
    checksum += view[0] + view[bytes - 1];
    noted.push([head, Number(process.hrtime.bigint())]);
  }
})();
parentPort.postMessage('ready');
`;

interface ThreadsConfig {
  readonly readers: number;
  readonly bytes: number;
}

interface Send {
  readonly frames: number;
  readonly rateHz: number;
  /** The frame is copied in, from an array of the producer's own. */
  readonly copies: boolean;
}

interface Noted {
  readonly noted: readonly (readonly [number, number])[];
}

const nextMessage = (worker: Worker) => new Promise<Noted>((resolve) => worker.once('message', resolve));

export const threadsRole = {
  name: 'fan-out-threads',
  async start({ readers, bytes }: ThreadsConfig) {
    const control = new SharedArrayBuffer(CONTROL_BYTES);
    const frames = new SharedArrayBuffer(2 * bytes);
    const words = new Int32Array(control);
    const data = new Uint8Array(frames);
    const own = sampleFrame(bytes);
    const workers = await Promise.all(
      Array.from({ length: readers }, async () => {
        const worker = new Worker(READER, { eval: true, workerData: { control, frames, bytes } });
        await nextMessage(worker);
        return worker;
      }),
    );
    return {
      /** Publishes frames at a pace. Latencies, ns, of all that were seen, from just before the frame was written. */
      send: async ({ frames: count, rateHz, copies }: Send): Promise<number[]> => {
        await sleep(20); // until they sleep
        const sent = new Map<number, number>();
        let due = nowNs();
        for (let i = 0; i < count; i++) {
          due = Math.max(due + 1e9 / rateHz, nowNs());
          sleepUntilNs(due);
          const head = Atomics.load(words, HEAD);
          const at = (head % 2) * bytes;
          const now = nowNs();
          if (copies) data.set(own, at);
          data[at] = 1;
          data[at + bytes - 1] = 2;
          sent.set(head + 1, now);
          Atomics.add(words, HEAD, 1);
          Atomics.notify(words, HEAD);
        }
        await sleep(30); // the last one arrives
        const replies = await Promise.all(
          workers.map((worker) => {
            const reply = nextMessage(worker);
            worker.postMessage('collect');
            return reply;
          }),
        );
        return replies.flatMap(({ noted }) =>
          noted.flatMap(([head, at]) => {
            const from = sent.get(head);
            return from === undefined ? [] : [at - from];
          }),
        );
      },
    };
  },
} satisfies Role<ThreadsConfig, Commands>;
