// What a producer says of its pool beside the form of the frames: who sees it, what is compared, and what becomes of the pool when a
// successor says something else.

import { inspect, MetadataCreator, TensorConsumer, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Child, hasCode, leftovers, poolName, until } from '../support/child';

const test = suite('described pools');

const sampleOf = (more: object) => ({ data: new Float64Array(8), shape: [8], ...more });

test('a consumer compares what it states of a field, and never the attributes', () => {
  const name = poolName('described');
  const said = { unit: 'm', frameId: 'base' };
  using producer = TensorProducer.fromSample(name, sampleOf(said), { attributes: { serial: 7 } });
  producer.put(new Float64Array(8));
  for (const more of [{}, { unit: 'm' }, { frameId: 'base' }, said]) {
    const expected = MetadataCreator.fromSample(name, sampleOf(more), { attributes: { serial: 8 } });
    using consumer = new TensorConsumer(expected);
    assert.is(consumer.get()?.sequence, 0);
    assert.equal(consumer.metadata?.attributes, { serial: 7 }, 'as the pool has them');
    assert.is(consumer.metadata?.fields[0]?.unit, 'm');
  }
  for (const more of [{ unit: 'mm' }, { ...said, frameId: 'camera' }]) {
    const expected = MetadataCreator.fromSample(name, sampleOf(more));
    assert.throws(() => new TensorConsumer(expected), hasCode('FIELDS_MISMATCH'));
  }
});

for (const [what, attributes, goesOn] of [
  ['the same attributes: the pool goes on', { serial: 7, mount: [0, 0, 1] }, true],
  ['other attributes: another pool, to which consumers connect', { serial: 8, mount: [0, 0, 1] }, false],
  ['the same in another order: another pool, since bytes are compared', { mount: [0, 0, 1], serial: 7 }, false],
] as const) {
  test(`a successor with ${what}`, async () => {
    const name = poolName('described-over');
    await using first = new Child('peer');
    await first.ask({ op: 'produce', pool: name, elements: 8, options: { attributes: { serial: 7, mount: [0, 0, 1] } } });
    await first.ask({ op: 'put', value: 1, count: 3 });
    using consumer = TensorConsumer.attach<Float64Array>(name);
    assert.is(consumer.get()?.sequence, 2);
    const before = inspect(name);
    const ends: string[] = [];
    consumer.on('disconnect', (reason) => ends.push(reason));
    await first.kill();
    using producer = TensorProducer.fromSample(name, new Float64Array(8), { attributes });
    assert.is(producer.nextSequence, goesOn ? 3 : 0);
    assert.is(inspect(name)?.poolId === before?.poolId, goesOn);
    producer.put(new Float64Array(8).fill(9));
    await until(() => consumer.get()?.data[0] === 9, 'the consumer has the frame');
    assert.equal(consumer.metadata?.attributes, attributes);
    assert.is(consumer.get()?.epoch, goesOn ? 2 : 1);
    // A death that nobody looked for in time is none: the pool has gone on.
    if (!goesOn) assert.is(ends.length, 1);
  });
}

test.after(() => assert.equal(leftovers('described'), []));
test.run();
