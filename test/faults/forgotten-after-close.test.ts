// Views and slots that are dropped after their consumer or producer was closed, and after it, too, was dropped: nothing is held for them.

import { inspect, TensorConsumer, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { poolName, sleep } from '../support/child';
import { descriptorsOf, mapsOf } from './support/footprint';

const test = suite('forgotten after close');
const gc = (globalThis as { gc?: () => void }).gc;
const frameOf = (value: number) => new Float64Array(512).fill(value);

/** Collects until a condition holds. A watchdog: what is never collected fails the test. */
async function collectUntil(condition: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 500 && !condition(); i++) {
    // A turn first: what a WeakRef was made of in this one is kept until it ends.
    await sleep(5);
    gc?.();
  }
  assert.ok(condition(), what);
}

for (const [how, options] of [
  ['a consumer', {}],
  ['a lossless consumer', { delivery: 'all', from: 'oldest' }],
] as const) {
  test(`views of ${how} that was closed, all dropped: pin, lock, pages and descriptor go`, async () => {
    const name = poolName('forgotten');
    using producer = TensorProducer.fromSample(name, frameOf(0), { historyLen: 2, waitTimeoutMs: 60_000 });
    const maps = mapsOf(name);
    const descriptors = descriptorsOf(name);
    producer.put(frameOf(1));
    (() => {
      const consumer = TensorConsumer.attach<Float64Array>(name, options);
      // Several, also one that was given back: its guard is dropped with the consumer.
      consumer.borrow()?.release();
      const views = [consumer.borrow(), consumer.borrow({ historyLen: 2 }), consumer.borrow()];
      views[2]?.release();
      assert.is(views[0]?.data[0], 1);
      consumer.close();
    })();
    assert.is(inspect(name)?.consumers.length, 1, 'the views are out');
    await collectUntil(() => inspect(name)?.consumers.length === 0, 'its entry is free');
    assert.is(mapsOf(name), maps);
    assert.is(descriptorsOf(name), descriptors);
    // The pin is gone: three laps, for which nobody is waited for.
    const { waits } = producer.stats();
    for (let k = 0; k < 3000; k++) producer.put(frameOf(k));
    assert.is(producer.stats().waits, waits);
  });
}

test('a view that is kept holds on, although its consumer was dropped', async () => {
  const name = poolName('kept-view');
  using producer = TensorProducer.fromSample(name, frameOf(0), { historyLen: 2, onPinned: 'drop' });
  producer.put(frameOf(3));
  const view = (() => {
    const consumer = TensorConsumer.attach<Float64Array>(name);
    const lent = consumer.borrow();
    consumer.close();
    return lent;
  })();
  for (let i = 0; i < 5; i++) {
    gc?.();
    await sleep(2);
  }
  while (producer.put(frameOf(4)) !== -1);
  assert.is(view?.data[511], 3);
  assert.ok(view?.valid);
  view?.release();
  assert.is(inspect(name)?.consumers.length, 0);
  assert.ok(producer.put(frameOf(5)) > 0);
});

test('a slot dropped after its producer was closed keeps nothing', async () => {
  const name = poolName('forgotten-slot');
  let collected = false;
  const registry = new FinalizationRegistry(() => {
    collected = true;
  });
  (() => {
    const producer = TensorProducer.fromSample(name, frameOf(0));
    const slot = producer.loan();
    slot.data.fill(1);
    registry.register(slot, 0);
    producer.close();
  })();
  await collectUntil(() => collected, 'the slot is collected');
  assert.is(mapsOf(name), 0);
  assert.is(descriptorsOf(name), 0);
  using again = TensorProducer.fromSample(name, frameOf(0));
  assert.is(again.put(frameOf(1)), 0);
});

test.run();
