// A consumer whose process is to end, or to stay: flags-peer deadline POOL DEADLINE_MS ends once it has nothing more to do;
// flags-peer ready POOL stays until there is a producer, and tells its parent.

import { TensorConsumer } from 'tensor-ipc';

const [what, name, deadlineMs] = process.argv.slice(2) as [string, string, string];

if (what === 'deadline') {
  const consumer = TensorConsumer.attach(name, { deadlineMs: Number(deadlineMs) });
  consumer.on('stall', () => {});
  // By then there has been a stall, if there is to be one.
  setTimeout(() => {}, 100);
} else {
  const consumer = TensorConsumer.attach(name);
  process.send?.('waiting');
  const ready = await consumer.ready();
  process.send?.({ ready });
  consumer.close();
}
