// A producer that never returns to its event loop: node name-peer.mjs POOL SECONDS. Prints what it warned of, one line each.

import { TensorProducer } from 'tensor-ipc';

const [name = '', seconds = '0'] = process.argv.slice(2);
process.on('warning', (warning) => console.log(warning.message));
const producer = TensorProducer.fromSample(name, new Float64Array(8), { historyLen: 4 });
const frame = new Float64Array(8);
const end = performance.now() + Number(seconds) * 1000;
while (performance.now() < end) {
  frame.fill(producer.nextSequence);
  producer.put(frame);
  const next = performance.now() + 0.2;
  while (performance.now() < next);
}
producer.cleanup();
