// A producer whose last frame and end come at once: last-peer POOL VALUE close|kill|exit. Tells its parent when the pool is there, and
// begins when it is told to.

import { TensorProducer } from 'tensor-ipc';

const [name, value, end] = process.argv.slice(2) as [string, string, string];
const producer = TensorProducer.fromSample(name, new Float64Array(8), { historyLen: 4 });
process.on('message', () => {
  producer.put(new Float64Array(8).fill(Number(value)));
  if (end === 'kill') process.kill(process.pid, 'SIGKILL');
  if (end === 'exit') process.exit(0);
  producer.close();
  process.exit(0);
});
process.on('disconnect', () => process.exit(1));
process.send?.('ready');
