// Runs with a /dev/shm of one MiB: a pool that does not fit, then one that does. Answers as JSON.

import { readdirSync } from 'node:fs';
import { TensorConsumer, TensorIpcError, TensorProducer } from 'tensor-ipc';

try {
  TensorProducer.fromSample('too-large', new Uint8Array(1_000_000), { historyLen: 8 });
  console.log('{}');
} catch (error) {
  if (!(error instanceof TensorIpcError)) throw error;
  const left = readdirSync('/dev/shm');
  using producer = TensorProducer.fromSample('small', new Uint8Array(1000));
  producer.put(new Uint8Array(1000));
  using consumer = TensorConsumer.attach('small');
  const { code, errno, message } = error;
  console.log(JSON.stringify({ code, errno, message, left, sequence: consumer.get()?.sequence }));
}
