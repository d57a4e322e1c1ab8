// A process that reads in one way and has nothing else to do: loop-peer POOL WAY. Its channel does not keep it alive.

import { TensorConsumer } from 'tensor-ipc';

const [name, way] = process.argv.slice(2) as [string, string];
const consumer = TensorConsumer.attach(name);
process.send?.('waits');
process.channel?.unref();
const tell = (sequence: number | undefined) => process.send?.(`frame ${sequence}`);

if (way === 'a loop that waits') {
  for await (const { sequence } of consumer) tell(sequence);
} else if (way === 'a loop that is dropped with its frame') {
  await consumer.frames().next();
} else {
  await consumer.next();
}
