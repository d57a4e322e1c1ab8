// A reader that has pinned frames, and holds none, takes back the bit that makes every put look at its pins; and sets it again.

import { closeSync, openSync, readSync } from 'node:fs';
import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { HEADER_BORROWERS } from '../../assembly/layout';
import { poolName, sleep, until } from '../support/child';

const test = suite('readers at rest');

/** The bits in the pool's object. */
function borrowersOf(name: string): bigint {
  const fd = openSync(`/dev/shm/tensoripc.${name}`, 'r');
  try {
    const word = new DataView(new ArrayBuffer(8));
    assert.is(readSync(fd, word, 0, 8, HEADER_BORROWERS), 8);
    return word.getBigUint64(0, true);
  } finally {
    closeSync(fd);
  }
}

const frameOf = (value: number) => new Uint32Array(64).fill(value);

test('who borrowed once, and rests, is not looked at any more; its next view is kept as the first was', async () => {
  const name = poolName('rest');
  using producer = TensorProducer.fromSample(name, frameOf(0), { historyLen: 1, onPinned: 'drop' });
  using consumer = TensorConsumer.attach<Uint32Array>(name);
  producer.put(frameOf(1));
  for (let round = 0; round < 3; round++) {
    const view = consumer.borrow();
    assert.ok(view !== null);
    assert.is(borrowersOf(name), 1n, 'before the pin');
    const value = view.data[0];
    // A lap further on every frame would be written over the view.
    let refused = 0;
    for (let i = 0; i < 500; i++) if (producer.put(frameOf(100 * round + i)) < 0) refused += 1;
    assert.ok(refused > 0, 'the view was in the way');
    assert.ok(view.valid);
    assert.ok(view.data.every((element) => element === value));
    view.release();
    await until(() => borrowersOf(name) === 0n, 'the bit is taken back');
    assert.ok(producer.put(frameOf(2)) >= 0);
  }
});

test('a view that is held keeps its bit, however long', async () => {
  const name = poolName('rest-held');
  using producer = TensorProducer.fromSample(name, frameOf(7), { historyLen: 1, onPinned: 'drop' });
  using consumer = TensorConsumer.attach<Uint32Array>(name);
  using other = TensorConsumer.attach<Uint32Array>(name);
  producer.put(frameOf(7));
  using view = consumer.borrow();
  other.borrow()?.release();
  assert.is(borrowersOf(name), 3n);
  // The other one has had its look by then, and so has this.
  await until(() => borrowersOf(name) === 1n, 'the bit of the other is taken back');
  await sleep(400);
  assert.is(borrowersOf(name), 1n);
  for (let i = 0; i < 500; i++) producer.put(frameOf(i));
  assert.ok(view?.valid);
  assert.is(view?.data[0], 7);
});

test('a lossless reader holds what is to come, and keeps its bit', async () => {
  const name = poolName('rest-lossless');
  using producer = TensorProducer.fromSample(name, frameOf(0), { historyLen: 8, onPinned: 'drop' });
  using consumer = TensorConsumer.attach<Uint32Array>(name, { delivery: 'all' });
  using other = TensorConsumer.attach<Uint32Array>(name);
  producer.put(frameOf(3));
  other.borrow()?.release();
  await until(() => borrowersOf(name) === 1n, 'the bit of the other is taken back');
  await sleep(400);
  assert.is(borrowersOf(name), 1n);
  let accepted = 1;
  for (let i = 0; i < 500; i++) if (producer.put(frameOf(4 + i)) >= 0) accepted += 1;
  assert.ok(accepted < 501, 'it held them');
  for (let i = 0; i < accepted; i++) assert.is(consumer.tryNext()?.data[0], 3 + i);
  assert.is(consumer.tryNext(), null);
});

test.run();
