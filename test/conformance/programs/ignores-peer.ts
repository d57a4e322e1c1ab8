// Lives for two seconds, with an open consumer where a pool is named, and says that it has.

import { TensorConsumer } from 'tensor-ipc';

const [pool] = process.argv.slice(2);
if (pool !== undefined) TensorConsumer.attach(pool).on('frame', () => {});
console.log(JSON.stringify({ ready: true }));
setTimeout(() => {
  console.log(JSON.stringify({ survived: true }));
  process.exit();
}, 2000);
