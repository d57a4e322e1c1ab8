import ndarray from 'ndarray';
import {
  type Dtype,
  MetadataCreator,
  monotonicNs,
  PoolMetadata,
  recommendedHistoryLen,
  TensorConsumer,
  TensorProducer,
  type TypedArray,
} from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hasCode, poolName } from '../support/child';
import { Random } from '../support/random';

const test = suite('put and get');

const DTYPES: [Dtype, TypedArray][] = [
  ['bool', Uint8Array.of(0, 1, 1, 0, 1, 0)],
  ['int8', Int8Array.of(-128, -1, 0, 1, 2, 127)],
  ['uint8', Uint8Array.of(0, 1, 2, 3, 254, 255)],
  ['int16', Int16Array.of(-32768, -1, 0, 1, 2, 32767)],
  ['uint16', Uint16Array.of(0, 1, 2, 3, 4, 65535)],
  ['int32', Int32Array.of(-(2 ** 31), -1, 0, 1, 2, 2 ** 31 - 1)],
  ['uint32', Uint32Array.of(0, 1, 2, 3, 4, 2 ** 32 - 1)],
  ['int64', BigInt64Array.of(-(2n ** 63n), -1n, 0n, 1n, 2n, 2n ** 63n - 1n)],
  ['uint64', BigUint64Array.of(0n, 1n, 2n, 3n, 4n, 2n ** 64n - 1n)],
  ['float16', Uint16Array.of(0, 0x3c00, 0xbc00, 0x7c00, 0xfc00, 0x0001)],
  ['bfloat16', Uint16Array.of(0, 0x3f80, 0xbf80, 0x7f80, 0xff80, 0x0001)],
  ['float32', Float32Array.of(0, 1.5, -1.5, Infinity, Number.NaN, 1e-40)],
  ['float64', Float64Array.of(0, 1.5, -1.5, Infinity, Number.NaN, 5e-324)],
];

function bytesOf(data: TypedArray): number[] {
  return [...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)];
}

for (const [dtype, data] of DTYPES) {
  test(`${dtype} arrives bit for bit`, () => {
    const name = poolName(dtype);
    const sample = { data, shape: [2, 3], dtype };
    using producer = TensorProducer.fromSample(name, sample, { historyLen: 2 });
    using consumer = TensorConsumer.fromSample(name, sample, { historyLen: 2 });
    assert.is(consumer.get(), null, 'nothing before the first frame');
    assert.is(consumer.borrow(), null);
    assert.is(producer.put(sample), 0);
    const frame = consumer.get();
    assert.is.not(frame, null);
    assert.equal(frame?.shape, [2, 3]);
    assert.equal(frame?.strides, [3, 1]);
    assert.is(frame?.offset, 0);
    assert.is(frame?.dtype, dtype);
    assert.is(frame?.sequence, 0);
    assert.equal(bytesOf(frame?.data as TypedArray), bytesOf(data));
    assert.ok(frame?.data.buffer instanceof ArrayBuffer, 'a copy is an ordinary buffer');
    using view = consumer.borrow();
    assert.equal(bytesOf(view?.data as TypedArray), bytesOf(data));
    assert.ok(view?.data.buffer instanceof SharedArrayBuffer, 'a view is on the shared pages');
    assert.is(TensorConsumer.attach(name).metadata?.dtype, dtype);
  });
}

test('a scalar, and shapes of one element', () => {
  for (const shape of [[], [1], [1, 1, 1]]) {
    const name = poolName('scalar');
    using producer = TensorProducer.fromSample(name, { data: Float64Array.of(1), shape });
    using consumer = TensorConsumer.attach(name);
    producer.put({ data: Float64Array.of(42), shape });
    assert.equal(consumer.get()?.shape, shape);
    assert.is(consumer.get()?.data[0], 42);
  }
});

test('strided input is gathered: transposed, reversed, sliced, ndarray', () => {
  const name = poolName('strides');
  const base = Float32Array.from({ length: 24 }, (_, i) => i);
  using producer = TensorProducer.fromSample(name, { data: new Float32Array(6), shape: [2, 3] });
  using consumer = TensorConsumer.attach<Float32Array>(name);
  const cases: [string, object, number[]][] = [
    ['transposed', { data: base, shape: [2, 3], strides: [1, 2] }, [0, 2, 4, 1, 3, 5]],
    ['reversed', { data: base, shape: [2, 3], strides: [-3, -1], offset: 5 }, [5, 4, 3, 2, 1, 0]],
    ['sliced', { data: base, shape: [2, 3], strides: [6, 2], offset: 1 }, [1, 3, 5, 7, 9, 11]],
    ['broadcast', { data: base, shape: [2, 3], strides: [0, 1], offset: 3 }, [3, 4, 5, 3, 4, 5]],
    ['dense at an offset', { data: base, shape: [2, 3], offset: 7 }, [7, 8, 9, 10, 11, 12]],
    ['ndarray', ndarray(base, [3, 2]).transpose(1, 0), [0, 2, 4, 1, 3, 5]],
    ['ndarray slice', ndarray(base, [4, 6]).hi(2, 3).lo(0, 0), [0, 1, 2, 6, 7, 8]],
  ];
  for (const [what, tensor, expected] of cases) {
    producer.put(tensor as { data: Float32Array; shape: number[] });
    assert.equal([...(consumer.get()?.data ?? [])], expected, what);
  }
});

test('an ndarray over a frame indexes as the frame says, also backwards', () => {
  const name = poolName('ndarray');
  using producer = TensorProducer.fromSample(name, { data: new Int32Array(6), shape: [2, 3] }, { historyLen: 4 });
  using consumer = TensorConsumer.attach<Int32Array>(name);
  for (let k = 0; k < 6; k++) producer.put({ data: Int32Array.from({ length: 6 }, (_, i) => 10 * k + i), shape: [2, 3] });
  using view = consumer.borrow({ historyLen: 3 });
  if (view === null) throw new Error('no view');
  const array = ndarray(view.data, [...view.shape], [...view.strides], view.offset);
  for (let n = 0; n < 3; n++)
    for (let i = 0; i < 2; i++) for (let j = 0; j < 3; j++) assert.is(array.get(n, i, j), 10 * (5 - n) + 3 * i + j);
});

test('timestamps: the given one, else the monotonic clock; of the latest frame in a window', () => {
  const name = poolName('time');
  using producer = TensorProducer.fromSample(name, new Uint8Array(4), { historyLen: 3 });
  using consumer = TensorConsumer.attach(name);
  const before = monotonicNs();
  producer.put(new Uint8Array(4));
  const automatic = consumer.get()?.timestampNs as bigint;
  assert.ok(before <= automatic && automatic <= monotonicNs());
  for (const timestampNs of [0n, -5n, 2n ** 63n - 1n, 123_456_789_012_345n]) {
    producer.put(new Uint8Array(4), { timestampNs });
    assert.is(consumer.get()?.timestampNs, timestampNs);
    assert.is(consumer.get({ historyLen: 3 })?.timestampNs, timestampNs);
    using view = consumer.borrow();
    assert.is(view?.timestampNs, timestampNs);
  }
});

test('what get returns is never overwritten by a later call', () => {
  const name = poolName('own');
  using producer = TensorProducer.fromSample(name, new Uint32Array(4096));
  using consumer = TensorConsumer.attach<Uint32Array>(name);
  const kept: Uint32Array[] = [];
  for (let k = 0; k < 200; k++) {
    producer.put(new Uint32Array(4096).fill(k));
    const frame = consumer.get();
    // Keep a part only: the frame itself may be collected.
    if (frame !== null) kept.push(frame.data.subarray(100, 200));
    if (k % 50 === 0) (globalThis as { gc?: () => void }).gc?.();
  }
  for (const [k, part] of kept.entries()) assert.ok(part.every((word) => word === k));
});

test('released memory is used again, once', () => {
  const name = poolName('recycle');
  using producer = TensorProducer.fromSample(name, new Uint32Array(4096));
  using consumer = TensorConsumer.attach<Uint32Array>(name);
  producer.put(new Uint32Array(4096).fill(7));
  const first = consumer.get();
  const buffer = first?.data.buffer;
  first?.release();
  first?.release();
  const second = consumer.get();
  const third = consumer.get();
  assert.is(second?.data.buffer, buffer);
  assert.is.not(third?.data.buffer, buffer);
  assert.is(second?.data[4095], 7);
});

test('into: the caller’s memory, whole or a part of it', () => {
  const name = poolName('into');
  using producer = TensorProducer.fromSample(name, { data: new Float32Array(6), shape: [2, 3] }, { historyLen: 2 });
  using consumer = TensorConsumer.attach<Float32Array>(name);
  producer.put({ data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] });
  producer.put({ data: Float32Array.of(7, 8, 9, 10, 11, 12), shape: [2, 3] });
  const own = new Float32Array(6);
  assert.is(consumer.get({ into: own })?.data, own);
  assert.equal([...own], [7, 8, 9, 10, 11, 12]);
  const shared = new Float32Array(new SharedArrayBuffer(48));
  assert.equal(consumer.get({ into: { data: shared, shape: [2, 2, 3] }, historyLen: 2, latestFirst: false })?.shape, [2, 2, 3]);
  assert.equal([...shared], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  const big = new Float32Array(100);
  consumer.get({ into: { data: big, shape: [6], offset: 50 } });
  assert.equal([...big.subarray(49, 57)], [0, 7, 8, 9, 10, 11, 12, 0]);
  assert.throws(() => consumer.get({ into: new Float32Array(5) }), hasCode('SHAPE_MISMATCH'));
  assert.throws(() => consumer.get({ into: new Float64Array(6) }), hasCode('DTYPE_MISMATCH'));
});

test('an array that is put in the place of a field of a slot, view or frame is an error: nothing of it would be published', () => {
  const name = poolName('frozen');
  const sample = { rgb: new Uint8Array(3), depth: new Uint16Array(4) };
  using producer = TensorProducer.fromSample(name, sample);
  using consumer = TensorConsumer.attach(name);
  producer.put(sample);
  using slot = producer.loan();
  using view = consumer.borrow();
  for (const frame of [slot, view, consumer.get()]) {
    const depth = frame?.fields?.['depth'] as { data: Uint16Array };
    assert.throws(() => {
      depth.data = new Uint16Array(4);
    }, TypeError);
  }
});

test('records: several tensors, one frame', () => {
  const name = poolName('rgbd');
  const sample = {
    rgb: { data: new Uint8Array(2 * 3 * 3), shape: [2, 3, 3] },
    depth: { data: new Float32Array(6), shape: [2, 3] },
    intrinsics: { data: new Float64Array(9), shape: [3, 3] },
  };
  const metadata = MetadataCreator.fromSample(name, sample, { historyLen: 3 });
  assert.equal(
    metadata.fields.map(({ name: field, byteOffset, bytes }) => [field, byteOffset, bytes]),
    [
      ['rgb', 0, 18],
      ['depth', 64, 24],
      ['intrinsics', 128, 72],
    ],
  );
  assert.is(metadata.frameBytes, 256);
  using producer = new TensorProducer(metadata);
  using consumer = new TensorConsumer(metadata);
  for (let k = 0; k < 5; k++) {
    producer.put({
      depth: { data: new Float32Array(6).fill(k + 0.5), shape: [2, 3] },
      rgb: { data: new Uint8Array(18).fill(k), shape: [2, 3, 3] },
      intrinsics: { data: new Float64Array(9).fill(-k), shape: [3, 3] },
    });
  }
  {
    using slot = producer.loan();
    slot.fields?.['rgb']?.data.fill(9 as never);
    slot.fields?.['depth']?.data.fill(9.5 as never);
    slot.fields?.['intrinsics']?.data.fill(-9 as never);
    assert.is(slot.commit(), 5);
  }
  const frame = consumer.get();
  assert.is(frame?.fields?.['depth']?.data[5], 9.5);
  assert.is(frame?.fields?.['rgb']?.data[17], 9);
  assert.is(frame?.data.length, 256);
  const window = consumer.get({ historyLen: 3 });
  const depth = window?.fields?.['depth'];
  assert.equal(depth?.shape, [3, 2, 3]);
  const at = (n: number) => depth?.data[(depth.offset ?? 0) + n * (depth.strides[0] as number)];
  assert.equal([at(0), at(1), at(2)], [9.5, 4.5, 3.5]);
  using view = consumer.borrow({ historyLen: 3 });
  const pinned = view?.fields?.['intrinsics'];
  assert.equal(
    [0, 1, 2].map((n) => pinned?.data[(pinned.offset ?? 0) + n * (pinned.strides[0] as number)]),
    [-9, -4, -3],
  );
});

// Frame sizes that give every kind of ring: dense tiny, dense large, padded because an odd size would cost too much.
const RINGS: [string, number][] = [
  ['1 byte', 1],
  ['28 bytes', 28],
  ['a page', 4096],
  ['odd 5 kB', 5003],
  ['odd 1 MB', 1_000_003],
];

for (const [label, frameBytes] of RINGS) {
  for (const historyPad of ['zero', 'fill'] as const) {
    test(`windows against a naive model: ${label}, padded with ${historyPad}`, () => {
      const random = new Random(frameBytes);
      const historyLen = random.integer(3, 9);
      const name = poolName('window');
      using producer = TensorProducer.fromSample(name, new Uint8Array(frameBytes), { historyLen, historyPad });
      using consumer = TensorConsumer.attach<Uint8Array>(name);
      const model: Uint8Array[] = [];
      const rounds = frameBytes > 100_000 ? 40 : 400;
      for (let k = 0; k < rounds; k++) {
        const frame = new Uint8Array(frameBytes).fill(random.integer(1, 255));
        frame[frameBytes - 1] = k & 255;
        assert.is(producer.put(frame), k);
        model.push(frame);
        const count = random.integer(1, historyLen);
        const latestFirst = random.next() < 0.5;
        const pad = historyPad === 'fill' ? (model[0] as Uint8Array) : new Uint8Array(frameBytes);
        const expected = Array.from({ length: count }, (_, i) => model[k - i] ?? pad);
        if (!latestFirst) expected.reverse();
        const copied = consumer.get({ historyLen: count, latestFirst });
        using view = consumer.borrow({ historyLen: count, latestFirst });
        for (const window of [copied, view]) {
          if (window === null) throw new Error('no window');
          assert.equal(window.shape, count === 1 ? [frameBytes] : [count, frameBytes]);
          assert.is(window.sequence, k);
          assert.is(window.padded, Math.max(0, count - 1 - k));
          for (const [i, want] of expected.entries()) {
            const found = count === 1 ? window.data : window.at(i);
            assert.is(Buffer.compare(Buffer.from(found), Buffer.from(want)), 0, `frame ${i} of ${count} after ${k}`);
          }
        }
      }
    });
  }
}

test('a window is one contiguous dense range wherever the ring wraps', () => {
  const name = poolName('dense');
  using producer = TensorProducer.fromSample(
    name,
    { data: new Uint8Array(480 * 640 * 3), shape: [480, 640, 3] },
    { historyLen: 10 },
  );
  using consumer = TensorConsumer.attach<Uint8Array>(name);
  for (let k = 0; k < 40; k++) {
    {
      using slot = producer.loan();
      slot.data.fill(k);
      slot.commit();
    }
    using view = consumer.borrow({ historyLen: 10, latestFirst: false });
    assert.equal(view?.shape, [10, 480, 640, 3]);
    assert.equal(view?.strides, [921600, 1920, 3, 1]);
    assert.is(view?.data.length, 9216000);
    for (let i = 0; i < 10; i++) assert.is(view?.data[i * 921600 + 777], Math.max(0, k - 9 + i));
  }
});

test('metadata: names, histories, recommendedHistoryLen', () => {
  const sample = new Uint8Array(3);
  for (const name of ['', 'a/b', 'a b', 'ä', 'x'.repeat(201), '..\n']) {
    assert.throws(() => MetadataCreator.fromSample(name, sample), hasCode('INVALID_NAME'), name);
  }
  for (const historyLen of [0, -1, 1.5, Number.NaN, 2 ** 21]) {
    assert.throws(() => MetadataCreator.fromSample('n', sample, { historyLen }), hasCode('INVALID_ARGUMENT'));
  }
  assert.throws(() => new PoolMetadata({ name: 'n', fields: [] }), hasCode('INVALID_ARGUMENT'));
  assert.throws(
    () => new PoolMetadata({ name: 'n', fields: [{ name: 'a', dtype: 'float8' as Dtype, shape: [1] }] }),
    hasCode('INVALID_ARGUMENT'),
  );
  assert.throws(
    () => new PoolMetadata({ name: 'n', fields: [{ name: 'a', dtype: 'uint8', shape: [0] }] }),
    hasCode('INVALID_ARGUMENT'),
  );
  assert.is(recommendedHistoryLen({ maxReadHistoryLen: 5, publishRateHz: 30, minSubscribeRateHz: 10 }), 9);
  assert.is(recommendedHistoryLen({ maxReadHistoryLen: 5, publishRateHz: 100, minSubscribeRateHz: 30 }), 10);
  assert.throws(
    () => recommendedHistoryLen({ maxReadHistoryLen: 0, publishRateHz: 1, minSubscribeRateHz: 1 }),
    hasCode('INVALID_ARGUMENT'),
  );
});

test.run();
