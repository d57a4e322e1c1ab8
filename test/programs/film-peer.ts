// A producer of small pictures that never ends: film-peer POOL.

import { TensorProducer } from 'tensor-ipc';

const [WIDTH, HEIGHT] = [64, 48];
const [pool = ''] = process.argv.slice(2);
const frame = { data: new Uint8Array(WIDTH * HEIGHT * 3), shape: [HEIGHT, WIDTH, 3], encoding: 'rgb8' } as const;
const producer = TensorProducer.fromSample(pool, frame);
let shade = 0;
setInterval(() => {
  frame.data.fill(shade++ % 256);
  producer.put(frame);
}, 10);
process.send?.('ready');
process.on('disconnect', () => process.exit(0));
