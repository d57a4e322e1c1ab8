// Windows: as many as are kept, and what becomes of the pin when one cannot be made.

import { TensorConsumer, TensorProducer, type TypedArray } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Mapping } from '../../host/memory/mapping';
import { WindowBuilder } from '../../host/memory/window';
import { MetadataCreator } from '../../host/tensor/creator';
import { hasCode, poolName } from '../support/child';
import { Random } from '../support/random';

const test = suite('windows');
const gc = (globalThis as { gc?: () => void }).gc;

function heap(): number {
  gc?.();
  gc?.();
  return process.memoryUsage().heapUsed;
}

test('borrow with another historyLen each time: the heap stays, and so do the figures', () => {
  const name = poolName('lengths');
  const random = new Random(7);
  using producer = TensorProducer.fromSample(name, new Float32Array(7), { historyLen: 1000 });
  using consumer = TensorConsumer.attach<Float32Array>(name);
  const frame = new Float32Array(7);
  let next = 0;
  const work = (rounds: number) => {
    for (let i = 0; i < rounds; i++) {
      producer.put(frame.fill(next++));
      const count = random.integer(1, 1000);
      const latestFirst = random.next() < 0.5;
      using view = consumer.borrow({ historyLen: count, latestFirst });
      const index = random.integer(0, count - 1);
      const age = latestFirst ? index : count - 1 - index;
      const found = (count === 1 ? (view?.data as Float32Array) : (view?.at(index) as Float32Array))[3];
      if (found !== Math.fround(Math.max(0, next - 1 - age))) assert.unreachable(`window of ${count}, ${index}: ${found}`);
      if (i % 16 === 0) consumer.get({ historyLen: count, latestFirst });
    }
  };
  work(2000);
  const before = heap();
  work(150_000);
  const grown = heap() - before;
  console.log(`note: the process has grown by ${Math.round(grown / 1024)} kB after 150 000 windows`);
  assert.ok(grown < 12_000_000, `${grown} bytes more`);
});

test('a ring longer than what is kept: every frame is the right one', () => {
  const name = poolName('long-ring');
  using producer = TensorProducer.fromSample(name, new Uint8Array(1), { historyLen: 10_000 });
  using consumer = TensorConsumer.attach<Uint8Array>(name);
  for (let i = 0; i < 40_000; i++) {
    producer.put(Uint8Array.of(i));
    using view = consumer.borrow({ historyLen: i % 2 === 0 ? 1 : 3, latestFirst: false });
    if (view?.data[view.data.length - 1] !== i % 256) assert.unreachable(`frame ${i}`);
  }
});

test('an error between the pin and the view takes the pin back', () => {
  const name = poolName('pin');
  using producer = TensorProducer.fromSample(name, new Float64Array(512), { historyLen: 2, onPinned: 'drop' });
  using latest = TensorConsumer.attach<Float64Array>(name);
  using lossless = TensorConsumer.attach<Float64Array>(name, { delivery: 'all' });
  const real = Mapping.prototype.window;
  producer.put(new Float64Array(512).fill(1));
  const kept = latest.borrow();
  for (const borrow of [
    () => latest.borrow(),
    () => latest.borrow({ historyLen: 2 }),
    () => lossless.tryNext({ borrow: true }),
  ]) {
    Mapping.prototype.window = () => {
      throw new RangeError('Invalid typed array length');
    };
    try {
      assert.throws(borrow);
    } finally {
      Mapping.prototype.window = real;
    }
  }
  kept?.release();
  for (let i = 0; i < 3000; i++) {
    if (producer.put(new Float64Array(512)) === -1) assert.unreachable(`frame ${i} is still pinned`);
    lossless.tryNext();
  }
});

test('a window longer than a typed array: an error that says what to do', () => {
  // Addresses only: none of it is touched.
  const metadata = MetadataCreator.fromSample(poolName('huge'), new Uint8Array(1 << 20), { historyLen: 1 << 14 });
  const windows = new WindowBuilder(metadata, 1 << 20);
  const buffer = new SharedArrayBuffer(1 << 20);
  assert.throws(
    () => windows.build(buffer, 0, 1 << 14, false),
    (error: Error) => hasCode('INVALID_ARGUMENT')(error) && /ask for fewer frames/.test(error.message),
  );
  const small: TypedArray = windows.build(buffer, 0, 1, false).data;
  assert.is(small.length, 1 << 20);
});

if (process.env['LONG_WINDOWS'] === undefined) console.log('skip: windows above 4 GiB take 8 GB of /dev/shm: LONG_WINDOWS=1');
else {
  test('a window above 4 GiB of a real pool', () => {
    const name = poolName('huge');
    const frame = new Uint8Array(896 << 20);
    using producer = TensorProducer.fromSample(name, frame, { historyLen: 5, onPinned: 'drop' });
    using consumer = TensorConsumer.attach(name);
    frame[frame.length - 1] = 9;
    for (let i = 0; i < 5; i++) producer.put(frame);
    for (const latestFirst of [true, false]) {
      try {
        using view = consumer.borrow({ historyLen: 5, latestFirst });
        assert.is(view?.at(4)[frame.length - 1], 9);
        console.log('note: this runtime has typed arrays that long');
      } catch (error) {
        assert.ok(hasCode('INVALID_ARGUMENT')(error as Error), String(error));
      }
      assert.throws(() => {
        const copied = consumer.get({ historyLen: 5, latestFirst });
        if (copied?.at(4)[frame.length - 1] === 9) throw Object.assign(new Error('it fits'), { fits: true });
      });
    }
    for (let i = 0; i < 20; i++) assert.is.not(producer.put(frame), -1, 'nothing is pinned');
  });
}

test.run();
