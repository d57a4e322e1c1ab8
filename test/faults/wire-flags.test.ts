// Ages, deadlines, ready and endOnClose on the Python package's wire.

import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hasCode, sleep, until } from '../support/child';
import { WIRE_DOMAIN } from '../wire/support/peers';
import { wireName } from '../wire/support/shm';
import { configureHere } from '../wire-interop/support/ours';

const test = suite('flags on the wire');
configureHere();

const HERE = { wire: 'tensor-ipc', domainId: WIRE_DOMAIN } as const;
const frameOf = (value: number) => new Float64Array(8).fill(value);
const produce = (name: string) => TensorProducer.fromSample(name, frameOf(0), { ...HERE, historyLen: 4 });

/** Far more than a test takes. */
const LONG_MS = 600_000;

test('ready, late frames, stale frames, and a loop that ends with its producer', async () => {
  const name = wireName('flags');
  using consumer = TensorConsumer.attach<Float64Array>(name, { ...HERE, deadlineMs: 60, endOnClose: true });
  const log: string[] = [];
  consumer
    .on('stall', ({ sequence }) => log.push(`stall ${sequence}`))
    .on('resume', ({ sequence }) => log.push(`resume ${sequence}`));
  assert.is(await consumer.ready({ timeoutMs: 20 }), false);
  await until(() => log.length === 1, 'there is no producer');
  const ready = consumer.ready();
  const producer = produce(name);
  assert.is(await ready, true);
  const seen: number[] = [];
  const loop = (async () => {
    for await (const frame of consumer) seen.push(frame.data[0] as number);
  })();
  producer.put(frameOf(1));
  await until(() => log.length === 3, 'it comes, and rests');
  await sleep(50);
  for (const read of [() => consumer.get({ maxAgeMs: 40 }), () => consumer.borrow({ maxAgeMs: 40 })]) assert.is(read(), null);
  assert.is(consumer.get({ maxAgeMs: LONG_MS })?.data[0], 1);
  assert.is(await consumer.next({ maxAgeMs: 40, timeoutMs: 20 }), null);
  const next = consumer.next({ maxAgeMs: LONG_MS });
  producer.put(frameOf(2));
  assert.is((await next)?.data[0], 2);
  await until(() => log.length === 5, 'it comes, and rests again');
  assert.equal(log, ['stall null', 'resume 0', 'stall 0', 'resume 1', 'stall 1']);
  assert.throws(() => consumer.peek(), hasCode('INVALID_ARGUMENT', /native pools/));
  producer.put(frameOf(3));
  producer.close();
  await loop;
  assert.equal(seen, [1, 2, 3]);
});

test.run();
