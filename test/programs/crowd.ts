// Several lossless readers at speeds of their own: node crowd.mjs POOL COUNT SEED. Says 'ready', then how many frames each has read.

import { TensorConsumer } from 'tensor-ipc';
import { sleep } from '../support/child';
import { Random } from '../support/random';

const [pool = '', count = '1', seed = '1'] = process.argv.slice(2);

async function read(index: number): Promise<number> {
  const random = new Random(Number(seed) * 1000 + index);
  using consumer = TensorConsumer.attach<Float64Array>(pool, { delivery: 'all', from: 'oldest' });
  consumer.on('disconnect', () => consumer.cleanup());
  joined += 1;
  if (joined === Number(count)) process.send?.('ready');
  // From one that never pauses to one that sleeps at every tenth frame.
  const laziness = index / 80;
  let expected = 0;
  const check = (sequence: number, data: Float64Array) => {
    if (sequence !== expected || data[0] !== sequence || data[data.length - 1] !== sequence) {
      throw new Error(`reader ${index}: frame ${sequence} with ${data[0]}…${data[data.length - 1]}, expected ${expected}`);
    }
    expected += 1;
  };
  if (index % 2 === 0) {
    for await (const frame of consumer) {
      check(frame.sequence, frame.data);
      if (random.next() < laziness) await sleep(random.integer(1, 5));
    }
  } else {
    for await (using view of consumer.frames({ borrow: true })) {
      check(view.sequence, view.data);
      if (random.next() < laziness) await sleep(random.integer(1, 5));
    }
  }
  return expected;
}

let joined = 0;
Promise.all(Array.from({ length: Number(count) }, (_, index) => read(index))).then(
  (read) => process.send?.(read, () => process.disconnect()),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
