// Pools that come and go while worker threads read them: no frame is lost or another's, and nothing grows. SHARE_CHURN_SECONDS=60 for longer.

import { Worker } from 'node:worker_threads';
import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { arenaUsage } from '../../host/memory/arena';
import { poolName, until } from '../support/child';
import { type ChurnOffer, type ChurnReport, churnValue } from './programs/share-churn-peer';
import { footprint, mapsOf } from './support/footprint';

const test = suite('churn of share()');
const SECONDS = Number(process.env['SHARE_CHURN_SECONDS'] ?? 6);
const ELEMENTS = 64;
const THREADS = 2;
const POOLS_PER_THREAD = 6;
const LEAVES: readonly ChurnOffer['leave'][] = ['at the end', 'at the end', 'at the end', 'soon', 'at once'];
const frame = new Float64Array(ELEMENTS);

/** A thread and what it says. */
class Reader {
  readonly worker = new Worker(new URL('./share-churn-peer.mjs', import.meta.url));

  next<M>(): Promise<M> {
    return new Promise((resolve, reject) => {
      this.worker.once('message', resolve);
      this.worker.once('error', reject);
    });
  }
}

/** A pool that takes the place of one whose reader is leaving, and what must be in it. */
interface Successor {
  readonly producer: TensorProducer;
  readonly consumer: TensorConsumer<Float64Array>;
  readonly value: number;
}

function succeed(value: number): Successor {
  const name = poolName('churn');
  const producer = TensorProducer.fromSample(name, frame, { historyLen: 2 });
  producer.put(frame.fill(value));
  return { producer, consumer: TensorConsumer.attach<Float64Array>(name), value };
}

function check({ producer, consumer, value }: Successor, wrong: string[]): void {
  try {
    const found = consumer.get()?.data;
    if (found?.every((element) => element === value) !== true) wrong.push(`${producer.name} had ${value} and has ${found?.[0]}`);
    if (producer.put(frame.fill(-value)) !== 1) wrong.push(`${producer.name} does not go on`);
    if (consumer.get()?.data[1] !== -value) wrong.push(`${producer.name} does not show its next frame`);
    consumer.close();
    producer.close();
  } catch (error) {
    wrong.push(`${producer.name}: ${String(error)}`);
  }
}

test(`${SECONDS} s of pools that are shared, read and closed`, async () => {
  const readers = Array.from({ length: THREADS }, () => new Reader());
  let pools = 0;
  let frames = 0;
  const wrong: string[] = [];
  const round = async () => {
    const shared: TensorProducer[] = [];
    const offersOf = () =>
      Array.from({ length: POOLS_PER_THREAD }, () => {
        pools += 1;
        const producer = TensorProducer.fromSample(poolName('churn'), frame, { historyLen: 2 });
        for (let sequence = 0; sequence < 3; sequence++) producer.put(frame.fill(churnValue(pools, sequence)));
        shared.push(producer);
        return { shared: producer.share(), pool: pools, leave: LEAVES[pools % LEAVES.length] as ChurnOffer['leave'] };
      });
    const ready = readers.map((reader) => reader.next<'ready'>());
    for (const { worker } of readers) worker.postMessage(offersOf());
    await Promise.all(ready);
    const reports = readers.map((reader) => reader.next<ChurnReport>());
    // While each loses its reader, others are made: with nothing in between, so that they meet every moment of its leaving.
    const successors = shared.flatMap((producer, i) => {
      producer.close();
      return [succeed(i + 1), succeed(i + 1001)];
    });
    for (const successor of successors) check(successor, wrong);
    for (const report of await Promise.all(reports)) {
      frames += report.frames;
      wrong.push(...report.wrong);
    }
  };
  const settled = async () => {
    await until(() => mapsOf() === 0 && arenaUsage().handles <= 1, 'the last have settled');
    return footprint();
  };
  try {
    for (let i = 0; i < 5; i++) await round();
    const before = await settled();
    for (const end = Date.now() + SECONDS * 1000; Date.now() < end && wrong.length === 0; ) await round();
    assert.equal(wrong, [], `after ${pools} pools`);
    const after = await settled();
    console.log(
      `note: ${pools} pools and ${frames} frames in ${SECONDS} s take what is open from ${JSON.stringify(before)} to ${JSON.stringify(after)}`,
    );
    assert.ok(pools > 100 && frames > 500);
    assert.ok(after.descriptors <= before.descriptors, 'descriptors');
    assert.is(after.handles, before.handles, 'places');
    assert.is(after.freeBytes, before.freeBytes, 'address space');
    assert.ok(after.pieces <= before.pieces + 8, 'mappings');
    assert.ok(after.heap < before.heap + 4_000_000, 'heap');
  } finally {
    await Promise.all(readers.map(({ worker }) => worker.terminate()));
  }
});

test.run();
