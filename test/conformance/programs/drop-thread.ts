// A thread that drops what it opened: makes a producer and consumers of the pool it is told, forgets them, and says what it was warned of.

import { parentPort } from 'node:worker_threads';
import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { collectUntil, warnings } from '../../support/collect';

function open(pool: string, count: number): void {
  TensorProducer.fromSample(pool, new Float64Array(8)).put(new Float64Array(8));
  for (let i = 0; i < count; i++) TensorConsumer.attach(pool).get();
}

parentPort?.once('message', async ({ pool, count }: { pool: string; count: number }) => {
  using warned = warnings();
  open(pool, count);
  const enough = (what: string) => warned.messages.filter((message) => message.includes(`${what} was dropped`)).length;
  await collectUntil(() => enough('a consumer') === count && enough('its producer') === 1);
  parentPort?.postMessage({ consumers: enough('a consumer'), producers: enough('its producer') });
});
