// Consumers that wait for a place or a producer look often: a look that finds nothing must cost next to nothing.

import { inspect, TensorConsumer, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Child, poolName, sleep, until } from '../support/child';

const test = suite('attaching');

const LOOKS = 10;
const LOOK_MS = 150;

interface Usage {
  readonly faults: number;
  readonly io: string;
}

async function usage(child: Child): Promise<{ faults: number; reads: number }> {
  const { value } = await child.ask<{ value: Usage }>({ op: 'usage' });
  return { faults: value.faults, reads: Number(/syscr: (\d+)/.exec(value.io)?.[1]) };
}

test('a full table: the looks of a consumer that waits for a place touch no page of the pool', async () => {
  const name = poolName('full-looks');
  await using child = new Child('backpressure-peer');
  const { value: connected } = await child.ask<{ value: boolean }>({ op: 'attach', pool: name });
  assert.not.ok(connected);
  await sleep(100);
  child.signal('SIGSTOP');
  using producer = TensorProducer.fromSample(name, new Uint8Array(32 << 20), { historyLen: 2 });
  producer.put(new Uint8Array(32 << 20));
  const held = Array.from({ length: 64 }, () => TensorConsumer.fromShared(producer.share()));
  child.signal('SIGCONT');
  await sleep(2 * LOOK_MS);
  const before = await usage(child);
  await sleep(LOOKS * LOOK_MS);
  const after = await usage(child);
  // 128 MiB are 32768 pages, mapped twice; even in groups of 16 each look would cost thousands of faults.
  assert.ok(after.faults - before.faults < 2000, `${after.faults - before.faults} page faults`);
  for (const consumer of held.splice(0)) consumer.cleanup();
  await until(() => inspect(name)?.consumers.length === 1, 'it has taken a place that became free');
});

test('a dead pool is read once: each further look asks only for the lock', async () => {
  const name = poolName('dead');
  const dead = new Child('peer');
  await dead.ask({ op: 'produce', pool: name, elements: 8 });
  await dead.kill();
  await using child = new Child('backpressure-peer');
  const { value: connected } = await child.ask<{ value: boolean }>({ op: 'attach', pool: name });
  assert.not.ok(connected);
  await sleep(2 * LOOK_MS);
  const before = await usage(child);
  await sleep(LOOKS * LOOK_MS);
  const after = await usage(child);
  // Header and metadata of each look would be two reads and more; asking for the figures takes a few itself.
  assert.ok(after.reads - before.reads < LOOKS, `${after.reads - before.reads} reads in ${LOOKS} looks`);
  using producer = TensorProducer.fromSample(name, new Float64Array(8));
  producer.put(new Float64Array(8));
  await until(() => inspect(name)?.consumers[0]?.lastSequence === 0, 'it follows the successor that takes the pool over');
});

test.run();
