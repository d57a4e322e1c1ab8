// Plays frames into a pool as the test tells it to: real footage at a rate, or single frames of a given dtype.

import { closeSync, openSync, readSync } from 'node:fs';
import { TensorProducer, type TypedArray } from 'tensor-ipc';
import { serve } from '../../support/child';

export type Request =
  | { op: 'open'; pool: string; dtype: string; shape: number[] }
  | { op: 'put'; data: TypedArray }
  | { op: 'play'; file: string; fps: number }
  | { op: 'stop' }
  | { op: 'close' };

let producer: TensorProducer | null = null;
let sample: { data: Uint8Array; shape: number[] } | null = null;
let timer: NodeJS.Timeout | null = null;

function open({ pool, dtype, shape }: Extract<Request, { op: 'open' }>): number {
  const elements = shape.reduce((product, extent) => product * extent, 1);
  const data =
    dtype === 'float32' ? new Float32Array(elements) : dtype === 'uint16' ? new Uint16Array(elements) : new Uint8Array(elements);
  producer = TensorProducer.fromSample(pool, { data, shape }, { historyLen: 2 });
  sample = data instanceof Uint8Array ? { data, shape } : null;
  return producer.nextSequence;
}

/** Frame k of the pool is frame k modulo their number of a file of raw frames. */
function play({ file, fps }: Extract<Request, { op: 'play' }>): void {
  const { data, shape } = sample ?? { data: new Uint8Array(0), shape: [] };
  const fd = openSync(file, 'r');
  const read = (index: number) => readSync(fd, data, 0, data.length, index * data.length) === data.length;
  let frames = 0;
  while (read(frames)) frames += 1;
  const started = performance.now();
  let put = 0;
  const step = () => {
    // Behind time it catches up one frame a turn, so that the rate is right in the mean.
    read((producer?.nextSequence ?? 0) % frames);
    producer?.put({ data, shape });
    put += 1;
    timer = setTimeout(step, started + (put * 1000) / fps - performance.now());
  };
  step();
  process.once('exit', () => closeSync(fd));
}

serve((message) => {
  const request = message as Request;
  switch (request.op) {
    case 'open':
      return open(request);
    case 'put':
      return producer?.put({ data: request.data, shape: producer.metadata.shape as number[] });
    case 'play':
      return play(request);
    case 'stop':
      if (timer !== null) clearTimeout(timer);
      return producer?.nextSequence;
    case 'close':
      if (timer !== null) clearTimeout(timer);
      return producer?.close();
  }
});
