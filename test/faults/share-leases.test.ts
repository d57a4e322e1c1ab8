// What share() lends: who may unmap, what a reader that leaves gives back, and what an old offer can do.

import { Worker } from 'node:worker_threads';
import { type SharedPool, TensorConsumer, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { adoptMapping } from '../../host/memory/share';
import { platform, type System } from '../../host/runtime/system';
import { hasCode, poolName, until } from '../support/child';
import { descriptorsOf, mapsOf } from './support/footprint';

const test = suite('leases');

const ELEMENTS = 4096;
const frameOf = (value: number) => new Float64Array(ELEMENTS).fill(value);

/** The system, with a step before each unmap. */
function interrupted(beforeUnmap: () => void): System {
  const system = platform().system();
  return new Proxy(system, {
    get(target, key) {
      if (key === 'unmapFixed') {
        return (at: number, bytes: number) => {
          beforeUnmap();
          target.unmapFixed(at, bytes);
        };
      }
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

test('a borrower that is about to unmap does not meet the next pool', () => {
  const first = TensorProducer.fromSample(poolName('lease'), frameOf(0), { historyLen: 2 });
  const shared = first.share();
  const next: TensorProducer[] = [];
  const borrowed = adoptMapping(
    interrupted(() => {
      // The owner's thread does this while the borrower's stands before its system call. Until every range was tried once.
      for (let i = 0; i < 3; i++) {
        const producer = TensorProducer.fromSample(poolName('lease'), frameOf(0), { historyLen: 2 });
        producer.put(frameOf(7));
        next.push(producer);
      }
    }),
    shared,
  );
  first.close();
  borrowed.close();
  assert.is.not(next.length, 0);
  for (const producer of next) {
    using consumer = TensorConsumer.attach<Float64Array>(producer.name);
    assert.is(consumer.get()?.data[0], 7, 'its frame is there');
    assert.is(producer.put(frameOf(8)), 1);
    assert.is(consumer.get()?.data[ELEMENTS - 1], 8);
  }
  for (const producer of next) producer.close();
});

test('readers that come and go cost nothing: 3000 of one pool, one after another', () => {
  using producer = TensorProducer.fromSample(poolName('lease'), frameOf(0));
  producer.put(frameOf(3));
  for (let i = 0; i < 3000; i++) {
    using reader = TensorConsumer.fromShared<Float64Array>(producer.share());
    if (i % 500 === 0) assert.is(reader.get()?.data[1], 3);
  }
  using another = TensorProducer.fromSample(poolName('lease'), frameOf(0));
  assert.is(another.put(frameOf(1)), 0);
});

test('offers that nobody takes end with an error that says so, and closing the pool gives the places back', () => {
  const producer = TensorProducer.fromSample(poolName('lease'), frameOf(0));
  let offers = 0;
  assert.throws(
    () => {
      for (; offers < 10_000; offers++) producer.share();
    },
    (error: Error) => hasCode('ADDRESS_SPACE')(error) && /share\(\)/.test(error.message) && /places/.test(error.message),
  );
  assert.ok(offers > 1000);
  producer.close();
  using after = TensorProducer.fromSample(poolName('lease'), frameOf(0));
  using reader = TensorConsumer.fromShared<Float64Array>(after.share());
  after.put(frameOf(5));
  assert.is(reader.get()?.data[0], 5);
});

test('an old offer is worth nothing, whatever its word holds by now', () => {
  const offers: SharedPool[] = [];
  const closed = TensorProducer.fromSample(poolName('lease'), frameOf(0));
  for (let i = 0; i < 200; i++) offers.push(closed.share());
  closed.close();
  using open = TensorProducer.fromSample(poolName('lease'), frameOf(0));
  open.put(frameOf(4));
  const fresh = Array.from({ length: 200 }, () => open.share());
  for (const offer of offers) assert.throws(() => TensorConsumer.fromShared(offer), hasCode('CLOSED'));
  // None of the new offers was taken by an old one, and the pool goes on.
  for (const offer of fresh.slice(0, 40)) {
    using reader = TensorConsumer.fromShared<Float64Array>(offer);
    assert.is(reader.get()?.data[0], 4);
  }
  assert.is(open.put(frameOf(6)), 1);
});

for (const delivery of ['latest', 'all'] as const) {
  test(`the pages and the descriptor of an owner with delivery '${delivery}' go with the last reader, without another pool`, async () => {
    const name = poolName('lease');
    const producer = TensorProducer.fromSample(name, frameOf(0), { historyLen: 2 });
    const owner = TensorConsumer.attach<Float64Array>(name, { delivery });
    const worker = new Worker(new URL('./thread-peer.mjs', import.meta.url));
    const ask = (request: object) => {
      worker.postMessage(request);
      return new Promise<unknown>((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
      });
    };
    try {
      assert.equal(await ask({ op: 'adopt', shared: owner.share(), options: { delivery } }), { value: true });
      producer.put(frameOf(2));
      owner.close();
      producer.close();
      assert.ok(mapsOf(name) > 0 && descriptorsOf(name) > 0, 'the reader still has them');
      await ask({ op: 'close' });
      await until(() => mapsOf(name) === 0 && descriptorsOf(name) === 0, 'pages and descriptors have gone');
    } finally {
      await worker.terminate();
    }
  });
}

test('a thread that is terminated as it reads keeps nothing', async () => {
  const name = poolName('lease');
  const producer = TensorProducer.fromSample(name, frameOf(0), { historyLen: 2 });
  const worker = new Worker(new URL('./thread-peer.mjs', import.meta.url));
  worker.postMessage({ op: 'adopt', shared: producer.share() });
  await new Promise((resolve) => worker.once('message', resolve));
  producer.close();
  assert.ok(mapsOf(name) > 0);
  await worker.terminate();
  await until(() => mapsOf(name) === 0 && descriptorsOf(name) === 0, 'pages and descriptors have gone');
});

test.run();
