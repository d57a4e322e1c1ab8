// PoolMetadata is what its constructor checked, for as long as it lives.

import { readdirSync } from 'node:fs';
import { MetadataCreator, PoolMetadata, TensorConsumer, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { poolName } from '../support/child';

const test = suite('frozen metadata');

const make = (name: string) =>
  MetadataCreator.fromSample(name, { rgb: { data: new Uint8Array(12), shape: [4, 3] }, depth: new Float32Array(4) });

/** Every object that can be reached from a value. */
function reachable(value: unknown, found = new Set<object>()): Set<object> {
  if (typeof value !== 'object' || value === null || found.has(value)) return found;
  found.add(value);
  for (const key of Reflect.ownKeys(value)) reachable((value as Record<PropertyKey, unknown>)[key], found);
  return found;
}

test('nothing of it can be set, added or deleted, however deep', () => {
  const metadata = make(poolName('frozen'));
  const parts = [...reachable(metadata)];
  assert.ok(parts.length >= 6, 'fields and shapes are among them');
  for (const part of parts) {
    assert.ok(Object.isFrozen(part));
    for (const key of Object.keys(part)) {
      assert.throws(() => Object.assign(part, { [key]: 'else' }), TypeError);
      assert.not.ok(Reflect.deleteProperty(part, key), 'it cannot be deleted');
    }
    assert.throws(() => Object.assign(part, { added: 1 }), TypeError);
  }
});

test('a name that is set afterwards does not pass unchecked', () => {
  const name = poolName('renamed');
  const metadata = make(name);
  assert.throws(() => Object.assign(metadata, { name: '../escaped' }), TypeError);
  using producer = new TensorProducer(metadata);
  using consumer = new TensorConsumer(metadata);
  assert.is(producer.name, name);
  assert.ok(consumer.connected);
  assert.ok(readdirSync('/dev/shm').includes(`tensoripc.${name}`));
});

test('a subclass adds to it, and cannot change what was checked', () => {
  class Camera extends PoolMetadata {
    readonly lens: string;
    exposureMs = 1;
    constructor(name: string, lens: string) {
      super({ name, fields: [{ name: 'data', dtype: 'uint8', shape: [2] }] });
      this.lens = lens;
    }
  }
  const name = poolName('subclass');
  const camera = new Camera(name, '35 mm');
  camera.exposureMs = 2;
  assert.equal([camera.lens, camera.exposureMs, camera.name], ['35 mm', 2, name]);
  for (const key of ['name', 'fields', 'historyLen', 'frameBytes', 'backend']) {
    assert.throws(() => Object.assign(camera, { [key]: 'else' }), TypeError);
    assert.throws(() => Object.defineProperty(camera, key, { value: 'else' }), TypeError);
  }
  using producer = new TensorProducer(camera);
  assert.is(producer.put(Uint8Array.of(1, 2)), 0);
});

test.run();
