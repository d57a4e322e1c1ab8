// Listens to the events of a consumer, and says so when that alone has kept it alive for a second.

import { TensorConsumer } from 'tensor-ipc';

const [pool = '', ...events] = process.argv.slice(2);
const consumer = TensorConsumer.attach(pool);
for (const event of events) consumer.on(event as 'frame', () => {});
setTimeout(() => {
  console.log('still here');
  process.exit();
}, 1000).unref();
