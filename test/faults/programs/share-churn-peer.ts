// A worker thread that reads one shared pool after another: as many frames as it is told of, each checked, and then it leaves.

import { parentPort } from 'node:worker_threads';
import { type SharedPool, TensorConsumer } from 'tensor-ipc';

export interface ChurnTask {
  readonly shared: SharedPool;
  readonly pool: number;
  readonly leave: 'read' | 'at once';
}

/** What a frame of a pool holds in each element: no other pool has it. */
export function churnValue(pool: number, sequence: number): number {
  return pool * 1000 + sequence;
}

parentPort?.on('message', ({ shared, pool, leave }: ChurnTask) => {
  let wrong = '';
  let frames = 0;
  try {
    const consumer = TensorConsumer.fromShared<Float64Array>(shared);
    for (let i = 0; leave === 'read' && i < 20; i++) {
      const frame = consumer.get();
      if (frame === null) break;
      frames += 1;
      const expected = churnValue(pool, frame.sequence);
      if (frame.data.some((value) => value !== expected)) wrong = `pool ${pool}, frame ${frame.sequence}: ${frame.data[0]}`;
    }
    consumer.close();
  } catch (error) {
    // The pool may have ended before this thread came to it.
    if ((error as { code?: string }).code !== 'CLOSED') wrong = String(error);
  }
  parentPort?.postMessage({ frames, wrong });
});
