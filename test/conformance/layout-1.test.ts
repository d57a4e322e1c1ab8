// A pool that an earlier version made, with layout 1: whoever meets it gets one clear error, and nobody touches it.

import { readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { inspect, list, TensorConsumer, TensorIpcError, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { HEADER_LAYOUT_SIGNATURE, HEADER_LAYOUT_VERSION, LAYOUT_VERSION } from '../../assembly/layout';
import { hasCode, leftovers, poolName } from '../support/child';
import { layout1Pool } from '../support/layout-1-pool';

const test = suite('layout 1');

const pathOf = (pool: string) => `/dev/shm/tensoripc.${pool}`;
const frame = () => new Float32Array(1024);

/** Puts the object of a dead producer under a name. */
function place(label: string, change: (object: Buffer) => void = () => {}): { name: string; object: Buffer } {
  const name = poolName(label);
  const object = layout1Pool();
  change(object);
  writeFileSync(pathOf(name), object, { mode: 0o600 });
  return { name, object };
}

/** What everybody says of it. */
function assertRefused(name: string, found: RegExp): void {
  const clear = hasCode('VERSION_MISMATCH', found);
  assert.throws(() => TensorConsumer.attach(name), clear, 'attach');
  assert.throws(() => TensorProducer.fromSample(name, frame(), { historyLen: 1 }), clear, 'a producer');
  assert.throws(() => inspect(name), clear, 'inspect');
  const entry = list().find((listed) => listed.name === name);
  assert.is(entry?.info, null);
  assert.ok(entry?.error && clear(entry.error), 'list');
}

test('the recorded object is of layout 1', () => {
  const object = layout1Pool();
  assert.is(object.toString('latin1', 0, 8), 'TNSRIPC1');
  assert.is(object.readUInt32LE(HEADER_LAYOUT_VERSION), 1);
  assert.is(LAYOUT_VERSION, 2);
});

test('attach, producer, inspect and list name both layouts and say what to do; the object stays as it is', () => {
  const { name, object } = place('layout-1');
  assertRefused(name, new RegExp(`has layout 1, .* reads layout 2: use one version .*tensor-ipc rm ${name}`));
  assert.ok(readFileSync(pathOf(name)).equals(object));
  unlinkSync(pathOf(name));
  using producer = TensorProducer.fromSample(name, frame());
  assert.is(producer.nextSequence, 0, 'the name is free once the object is gone');
});

test('a layout of the future, and one of this number with other fields', () => {
  const later = place('layout-3', (object) => object.writeUInt32LE(3, HEADER_LAYOUT_VERSION));
  assertRefused(later.name, /has layout 3, .* reads layout 2/);
  const other = place('layout-2', (object) => object.writeUInt32LE(LAYOUT_VERSION, HEADER_LAYOUT_VERSION));
  assert.is.not(other.object.readUInt32LE(HEADER_LAYOUT_SIGNATURE), 0);
  assertRefused(other.name, /has layout 2 with other fields, .* reads layout 2/);
  for (const { name } of [later, other]) unlinkSync(pathOf(name));
});

test('who waits for the pool is told, and goes on once a pool of this layout stands there', async () => {
  const name = poolName('layout-1-wait');
  using consumer = TensorConsumer.attach<Float32Array>(name);
  const waiting = consumer.next();
  writeFileSync(pathOf(name), layout1Pool(), { mode: 0o600 });
  const error = await waiting.then(
    () => null,
    (caught) => caught,
  );
  assert.instance(error, TensorIpcError);
  assert.ok(hasCode('VERSION_MISMATCH', /has layout 1/)(error));
  unlinkSync(pathOf(name));
  using producer = TensorProducer.fromSample(name, frame());
  producer.put(frame().fill(5));
  assert.is((await consumer.next())?.data[0], 5);
});

test.after(() => assert.equal(leftovers('layout'), []));
test.run();
