// An arena whose ranges are all taken, to the last page: what is only read once still has room, and nothing that fails keeps any.

import { unlinkSync, writeFileSync } from 'node:fs';
import { inspect, list, TensorConsumer, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { anyArena, arenaUsage } from '../../host/memory/arena';
import { platform } from '../../host/runtime/system';
import { hasCode, poolName } from '../support/child';

const test = suite('full-arena');

test('pools are looked at, opened and refused although the arena is full', () => {
  const arena = anyArena(platform().system());
  const taken = [];
  while (arena.freeBytes > 0) taken.push(arena.reserve(arena.freeBytes));
  assert.is(arena.reserve(4096), null);
  try {
    const name = poolName('full');
    {
      // In a second arena.
      using producer = TensorProducer.fromSample(name, new Float32Array(4));
      producer.put(Float32Array.of(1, 2, 3, 4));
      using consumer = TensorConsumer.attach(name);
      assert.is(consumer.get()?.data[3], 4);
      assert.is(inspect(name)?.framesPublished, 1);
    }
    const { handles } = arenaUsage();
    const broken = poolName('broken');
    writeFileSync(`/dev/shm/tensoripc.${broken}`, Buffer.alloc(8192, 7), { mode: 0o600 });
    for (let i = 0; i < 100; i++) {
      assert.throws(() => TensorConsumer.attach(broken), hasCode('FOREIGN_OBJECT'));
      assert.throws(() => TensorProducer.fromSample(broken, new Uint8Array(1)), hasCode('FOREIGN_OBJECT'));
      assert.ok(list().some(({ name, error }) => name === broken && error?.code === 'FOREIGN_OBJECT'));
    }
    unlinkSync(`/dev/shm/tensoripc.${broken}`);
    assert.is(arenaUsage().handles, handles, 'no handle is kept');
  } finally {
    for (const space of taken) if (space !== null) arena.release(space);
  }
});

test.run();
