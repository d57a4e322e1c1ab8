// A typed array that is kept after its pool has ended reads zeros, and what is written to it reaches nobody.

import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { poolName } from '../support/child';

const test = suite('kept arrays');
const ELEMENTS = 1024;
const frameOf = (value: number) => new Float64Array(ELEMENTS).fill(value);

/** A pool that has ended, and arrays over its pages: whole, a part, and one made of the buffer. */
function ended(): Float64Array[] {
  const name = poolName('kept');
  const producer = TensorProducer.fromSample(name, frameOf(0), { historyLen: 2 });
  const consumer = TensorConsumer.attach<Float64Array>(name);
  producer.put(frameOf(11));
  const view = consumer.borrow();
  const data = view?.data as Float64Array;
  const slot = producer.loan();
  const lent = slot.data as Float64Array;
  slot.release();
  view?.release();
  consumer.close();
  producer.close();
  return [data, data.subarray(5), new Float64Array(data.buffer, data.byteOffset, 7), lent];
}

test('1000 pools that come and go: kept arrays read zeros', () => {
  const kept = ended();
  for (const array of kept) assert.ok(array.every((value) => value === 0));
  for (let i = 0; i < 1000; i++) {
    const name = poolName('next');
    using producer = TensorProducer.fromSample(name, frameOf(0), { historyLen: 2 });
    producer.put(frameOf(i + 1));
    using consumer = TensorConsumer.attach<Float64Array>(name);
    assert.is(consumer.get()?.data[0], i + 1);
    for (const array of kept)
      if (array[0] !== 0 || array[6] !== 0) assert.unreachable(`pool ${i}: a kept array reads ${array[0]}`);
  }
});

test('what is written to kept arrays reaches no live pool', () => {
  const kept = ended();
  for (let i = 0; i < 300; i++) {
    const name = poolName('next');
    using producer = TensorProducer.fromSample(name, frameOf(0), { historyLen: 2 });
    using consumer = TensorConsumer.attach<Float64Array>(name);
    producer.put(frameOf(i));
    for (const array of kept) array.fill(-1);
    const found = consumer.get()?.data;
    assert.ok(
      found?.every((value) => value === i),
      `pool ${i} reads ${found?.[0]}`,
    );
    assert.is(producer.put(frameOf(i)), 1);
  }
});

test.run();
