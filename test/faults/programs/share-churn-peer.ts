// A worker thread that reads shared pools side by side, checks each frame, and leaves.

import { parentPort } from 'node:worker_threads';
import { type SharedPool, TensorConsumer } from 'tensor-ipc';

export interface ChurnOffer {
  readonly shared: SharedPool;
  readonly pool: number;
  /** When: after some frames, at once, or when the pool has been closed. */
  readonly leave: 'soon' | 'at once' | 'at the end';
}

export interface ChurnReport {
  readonly frames: number;
  readonly wrong: string[];
}

const MOST_FRAMES = { soon: 20, 'at once': 0, 'at the end': 1_000_000 };

/** What a frame of a pool holds in each element: no other pool has it. */
export function churnValue(pool: number, sequence: number): number {
  return pool * 1000 + sequence;
}

function open({ shared, pool, leave }: ChurnOffer, wrong: string[]) {
  try {
    return { consumer: TensorConsumer.fromShared<Float64Array>(shared), pool, left: MOST_FRAMES[leave] };
  } catch (error) {
    // The pool may have ended before this thread came to it.
    if ((error as { code?: string }).code !== 'CLOSED') wrong.push(`pool ${pool}: ${String(error)}`);
    return null;
  }
}

function read(offers: readonly ChurnOffer[]): ChurnReport {
  const wrong: string[] = [];
  let frames = 0;
  let readers = offers.map((offer) => open(offer, wrong)).filter((reader) => reader !== null);
  // Before any of them is closed.
  parentPort?.postMessage('ready');
  while (readers.length > 0) {
    readers = readers.filter((reader) => {
      const frame = reader.left > 0 ? reader.consumer.get() : null;
      reader.left -= 1;
      if (frame === null) {
        reader.consumer.close();
        return false;
      }
      frames += 1;
      const expected = churnValue(reader.pool, frame.sequence);
      if (frame.data.some((value) => value !== expected))
        wrong.push(`pool ${reader.pool}, frame ${frame.sequence}: ${frame.data[0]}`);
      return true;
    });
  }
  return { frames, wrong };
}

parentPort?.on('message', (offers: readonly ChurnOffer[]) => parentPort?.postMessage(read(offers)));
