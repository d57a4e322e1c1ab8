// 3000 pools that come and go leave descriptors, mappings, places and heap as they were.

import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { leftovers, poolName } from '../support/child';
import { footprint } from './support/footprint';

const test = suite('cycles');

const KINDS = [
  'a producer and a consumer',
  'a lossless consumer',
  'a reader of share()',
  'views that outlive their consumer',
] as const;

for (const kind of KINDS) {
  test(`3000 × ${kind}`, async () => {
    const frame = new Float32Array(7);
    const cycle = (i: number) => {
      const name = poolName('cycle');
      using producer = TensorProducer.fromSample(name, frame, { historyLen: 3 });
      using consumer = TensorConsumer.attach<Float32Array>(name, kind === KINDS[1] ? { delivery: 'all' } : {});
      using reader = kind === KINDS[2] ? TensorConsumer.fromShared<Float32Array>(producer.share()) : null;
      producer.put(frame.fill(i));
      const found = kind === KINDS[1] ? consumer.tryNext() : (reader ?? consumer).get();
      assert.is(found?.data[6], Math.fround(i));
      if (kind !== KINDS[3]) return;
      const view = consumer.borrow();
      consumer.close();
      producer.close();
      assert.is(view?.data[0], Math.fround(i));
      view?.release();
    };
    for (let i = 0; i < 1000; i++) cycle(i);
    const before = await footprint();
    for (let i = 0; i < 3000; i++) cycle(i);
    const after = await footprint();
    console.log(`note: ${kind}: what is open goes from ${JSON.stringify(before)} to ${JSON.stringify(after)}`);
    assert.is(after.descriptors, before.descriptors, 'descriptors');
    assert.is(after.poolMaps, before.poolMaps, 'maps of pools');
    assert.is(after.handles, before.handles, 'places');
    assert.is(after.freeBytes, before.freeBytes, 'address space');
    assert.ok(after.pieces <= before.pieces + 4, `mappings ${before.pieces} → ${after.pieces}`);
    assert.ok(after.heap < before.heap + 1_500_000, `heap ${before.heap} → ${after.heap}`);
    assert.ok(after.external < before.external + 1_500_000, `external ${before.external} → ${after.external}`);
    assert.equal(leftovers('cycle'), []);
  });
}

test.run();
