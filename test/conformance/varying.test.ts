// Frames of varying length: each reader is given exactly what was put, however it reads, against a naive model.

import { closeSync, openSync, writeSync } from 'node:fs';
import {
  type Frame,
  MetadataCreator,
  PoolMetadata,
  TensorConsumer,
  TensorProducer,
  type TypedArray,
  type View,
} from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { HEADER_SLOT_OFFSET, SLOT_BYTES, SLOT_LENGTHS } from '../../assembly/layout';
import { hasCode, poolName } from '../support/child';
import { Random } from '../support/random';

const test = suite('frames of varying length');

const MAX = 300;

interface Made {
  readonly points: Float32Array;
  readonly id: BigUint64Array;
  readonly labels: Uint8Array;
}

/** Frame `seed`: of lengths by chance, 0 and the most there can be among them. */
function make(random: Random, seed: number): Made {
  const length = () => (random.integer(1, 8) === 1 ? 0 : random.integer(1, 8) === 1 ? MAX : random.integer(0, MAX - 1));
  const points = Float32Array.from({ length: 3 * length() }, (_, i) => seed * 1000 + i);
  const labels = Uint8Array.from({ length: length() }, (_, i) => (seed * 31 + i) % 251);
  return { points, id: BigUint64Array.of(BigInt(seed)), labels };
}

const SAMPLE = {
  points: { data: new Float32Array(3), shape: [1, 3], maxLength: MAX, encoding: 'xyz', unit: 'm', frameId: 'lidar' },
  id: { data: new BigUint64Array(1), shape: [1] },
  labels: { data: new Uint8Array(0), shape: [0], maxLength: MAX },
} as const;

function record({ points, id, labels }: Made) {
  return {
    points: { data: points, shape: [points.length / 3, 3] },
    id: { data: id, shape: [1] },
    labels: { data: labels, shape: [labels.length] },
  };
}

function assertFrame(read: Frame | View, made: Made, what: string): void {
  const { points, id, labels } = read.fields as NonNullable<Frame['fields']>;
  assert.equal(points?.shape, [made.points.length / 3, 3], what);
  assert.equal([...(points?.data as Float32Array)], [...made.points], what);
  assert.equal([...(id?.data as BigUint64Array)], [...made.id], what);
  assert.equal(labels?.shape, [made.labels.length], what);
  assert.equal([...(labels?.data as Uint8Array)], [...made.labels], what);
}

/** Frame `at` of a window, field by field, and padded. */
function assertInWindow(read: Frame | View, at: number, made: Made, padding: 'zeros' | 'anything', what: string): void {
  assert.equal([...(read.at(at, 'points') as Float32Array)], [...made.points], what);
  assert.equal([...(read.at(at, 'labels') as Uint8Array)], [...made.labels], what);
  assert.equal([...(read.at(at, 'id') as BigUint64Array)], [...made.id], what);
  const { points } = read.fields as NonNullable<Frame['fields']>;
  assert.equal(points?.shape.slice(1), [MAX, 3], what);
  assert.is(points?.lengths?.[at], made.points.length / 3, what);
  if (padding === 'anything' || points === undefined) return;
  const start = points.offset + at * (points.strides[0] as number);
  const beyond = points.data.slice(start + made.points.length, start + 3 * MAX);
  assert.ok(
    (beyond as Float32Array).every((value) => value === 0),
    `${what}: zeros behind what is there`,
  );
}

const NOTHING: Made = { points: new Float32Array(0), id: BigUint64Array.of(0n), labels: new Uint8Array(0) };

for (const seed of [1, 2, 3]) {
  test(`records: put, loan and every way to read, seed ${seed}`, () => {
    const random = new Random(seed);
    const name = poolName('varying');
    using producer = TensorProducer.fromSample(name, SAMPLE, { historyLen: 5 });
    using consumer = TensorConsumer.attach(name);
    using lossless = TensorConsumer.attach(name, { delivery: 'all' });
    const put: Made[] = [];
    const into = new Uint8Array(producer.metadata.frameBytes);
    for (let n = 0; n < 200; n++) {
      const made = make(random, n);
      if (random.integer(1, 2) === 1) {
        assert.is(producer.put(record(made)), n);
      } else {
        const length = { points: made.points.length / 3, labels: made.labels.length };
        // Stated before, after, or first the most that it may become.
        const how = random.integer(0, 2);
        const slot = producer.loan(how === 0 ? { length } : how === 1 ? {} : { length: MAX });
        const fields = slot.fields as NonNullable<typeof slot.fields>;
        if (how === 0) assert.equal(fields['points']?.shape, [length.points, 3]);
        (fields['points']?.data as Float32Array).set(made.points);
        (fields['labels']?.data as Uint8Array).set(made.labels);
        (fields['id']?.data as BigUint64Array).set(made.id);
        assert.is(slot.commit(how === 0 ? {} : { length }), n);
      }
      put.push(made);
      const count = random.integer(1, 5);
      const latestFirst = random.integer(1, 2) === 1;
      const expected = Array.from({ length: count }, (_, i) => put[n - i] ?? NOTHING);
      if (!latestFirst) expected.reverse();
      {
        using frame = consumer.get() as Frame;
        assertFrame(frame, made, `get ${n}`);
        using copied = consumer.get({ into }) as Frame;
        assertFrame(copied, made, `get into ${n}`);
        assert.is(copied.data.buffer, into.buffer);
        using view = consumer.borrow() as View;
        assertFrame(view, made, `borrow ${n}`);
        using next = lossless.tryNext() as Frame;
        assertFrame(next, made, `lossless ${n}`);
      }
      if (count === 1) continue;
      using window = consumer.get({ historyLen: count, latestFirst }) as Frame;
      using borrowed = consumer.borrow({ historyLen: count, latestFirst }) as View;
      for (const [at, of] of expected.entries()) {
        assertInWindow(window, at, of, 'zeros', `window ${n}`);
        assertInWindow(borrowed, at, of, 'anything', `borrowed window ${n}`);
      }
    }
  });
}

test('a plain pool: packets of bytes, put as they are', async () => {
  const name = poolName('packets');
  const sample = { data: new Uint8Array(0), shape: [0], maxLength: 5000, encoding: 'jpeg' } as const;
  using producer = TensorProducer.fromSample(name, sample, { historyLen: 3 });
  using consumer = TensorConsumer.attach<Uint8Array>(name);
  const sizes = [1, 0, 5000, 1023, 1024, 4999];
  for (const [n, size] of sizes.entries()) {
    const packet = Uint8Array.from({ length: size }, (_, i) => (i * 7 + n) % 256);
    producer.put(packet);
    using frame = consumer.get() as Frame<Uint8Array>;
    assert.equal(frame.shape, [size]);
    assert.is(frame.data.length, size, 'no more than is there');
    assert.equal(Buffer.compare(frame.data, packet), 0);
    using view = consumer.borrow() as View<Uint8Array>;
    assert.equal(view.shape, [size]);
    assert.equal(Buffer.compare(view.data, packet), 0);
  }
  using window = consumer.get({ historyLen: 3 }) as Frame<Uint8Array>;
  assert.equal(window.lengths, [4999, 1024, 1023]);
  assert.equal(window.shape, [3, 5000]);
  assert.is(window.at(1).length, 1024);
  assert.is(window.at(0)[1], (7 + 5) % 256);
  // Later ones wait as those of one length do.
  const later = consumer.next();
  await producer.putAsync(Uint8Array.of(1, 2, 3));
  assert.equal([...((await later) as Frame<Uint8Array>).data], [1, 2, 3]);
});

test("with historyPad 'fill' the frames before the first are the first, as long as it", () => {
  const name = poolName('varying-fill');
  const sample = { data: new Int16Array(1), shape: [1], maxLength: 9 };
  using producer = TensorProducer.fromSample(name, sample, { historyLen: 3, historyPad: 'fill' });
  using consumer = TensorConsumer.attach<Int16Array>(name);
  producer.put(Int16Array.of(7, 8, 9));
  using window = consumer.get({ historyLen: 3 }) as Frame<Int16Array>;
  assert.equal(window.lengths, [3, 3, 3]);
  assert.equal([...window.at(2)], [7, 8, 9]);
});

test('wrong lengths are refused, and cost no frame', () => {
  const name = poolName('varying-wrong');
  using producer = TensorProducer.fromSample(name, SAMPLE);
  const made = make(new Random(1), 1);
  const good = record(made);
  const long = { data: new Float32Array(3 * (MAX + 1)), shape: [MAX + 1, 3] };
  assert.throws(() => producer.put({ ...good, points: long }), hasCode('SHAPE_MISMATCH', /≤300, 3\].*found \[301, 3\]/));
  assert.throws(() => producer.put({ ...good, points: { data: new Float32Array(4), shape: [1, 4] } }), hasCode('SHAPE_MISMATCH'));
  assert.throws(() => producer.put({ ...good, id: { data: new BigUint64Array(2), shape: [2] } }), hasCode('SHAPE_MISMATCH'));
  assert.throws(() => producer.loan({ length: MAX + 1 }), hasCode('SHAPE_MISMATCH', /at most 300/));
  for (const length of [-1, 1.5, Number.NaN, '3', null] as number[])
    assert.throws(() => producer.loan({ length }), hasCode('INVALID_ARGUMENT'));
  assert.throws(() => producer.loan({ length: { points: 1 } }), hasCode('FIELDS_MISMATCH', /points, labels/));
  {
    using slot = producer.loan();
    assert.throws(() => slot.commit(), hasCode('INVALID_ARGUMENT', /how long/));
    assert.throws(() => slot.commit({ length: MAX + 1 }), hasCode('SHAPE_MISMATCH'));
  }
  {
    using slot = producer.loan({ length: 10 });
    assert.throws(() => slot.commit({ length: 11 }), hasCode('SHAPE_MISMATCH', /10 were loaned/));
    assert.is(slot.commit({ length: 4 }), 0, 'still loaned after an error');
  }
  assert.is(producer.put(good), 1);
  const plain = poolName('varying-none');
  using fixed = TensorProducer.fromSample(plain, new Uint8Array(4));
  assert.throws(() => fixed.loan({ length: 2 }), hasCode('INVALID_ARGUMENT', /one length/));
});

test('metadata of varying fields: what it refuses, and what it compares', () => {
  const field = { name: 'data', dtype: 'float32', shape: [1, 3] } as const;
  const of = (more: object, shape: readonly number[] = [1, 3]) =>
    new PoolMetadata({ name: 'p', fields: [{ ...field, shape, ...more }] });
  assert.equal(of({ maxLength: 10 }).shape, [10, 3]);
  assert.is(of({ maxLength: 10 }).toString(), 'float32 [≤10, 3], history 1');
  for (const maxLength of [0, -1, 1.5, 2 ** 32, '9', null]) assert.throws(() => of({ maxLength }), hasCode('INVALID_ARGUMENT'));
  assert.throws(() => of({ maxLength: 10 }, []), hasCode('INVALID_ARGUMENT', /first extent/));
  const seven = Array.from({ length: 7 }, (_, i) => ({ ...field, name: `f${i}`, maxLength: 2 }));
  assert.throws(() => new PoolMetadata({ name: 'p', fields: seven }), hasCode('INVALID_ARGUMENT', /at most 6/));
  assert.throws(
    () => of({ maxLength: 10 }).assertMatches(of({ maxLength: 11 })),
    hasCode('SHAPE_MISMATCH', /≤10, 3\].*≤11, 3\]/),
  );
  assert.throws(() => of({}, [10, 3]).assertMatches(of({ maxLength: 10 })), hasCode('SHAPE_MISMATCH'));
});

test('a length beyond its field, in shared memory, is an error and no frame', () => {
  const name = poolName('varying-damaged');
  const sample = { data: new Float32Array(1), shape: [1], maxLength: 100 };
  using producer = TensorProducer.fromSample(name, sample, { historyLen: 2 });
  using consumer = TensorConsumer.attach(name);
  using lossless = TensorConsumer.attach(name, { delivery: 'all' });
  const damage = (length: number) => {
    const fd = openSync(`/dev/shm/tensoripc.${name}`, 'r+');
    const word = Buffer.alloc(4);
    // Where the slot table begins, for 64 consumers.
    const slots = 512 + 64 * 128;
    assert.ok(HEADER_SLOT_OFFSET > 0);
    word.writeUInt32LE(length);
    for (let slot = 0; slot < 64; slot++) writeSync(fd, word, 0, 4, slots + slot * SLOT_BYTES + SLOT_LENGTHS);
    closeSync(fd);
  };
  for (const length of [101, 2 ** 31, 2 ** 32 - 1]) {
    // Two frames: a lossless reader goes on behind one that is damaged.
    producer.put(Float32Array.of(1, 2, 3));
    producer.put(Float32Array.of(1, 2, 3));
    damage(length);
    for (const read of [
      () => consumer.get(),
      () => consumer.get({ historyLen: 2 }),
      () => consumer.borrow(),
      () => consumer.borrow({ historyLen: 2 }),
      () => lossless.tryNext(),
      () => lossless.tryNext({ borrow: true }),
    ])
      assert.throws(read, hasCode('CORRUPT_OBJECT', /maxLength/));
  }
  assert.is(lossless.tryNext(), null);
  damage(2);
  assert.equal([...(consumer.get()?.data as TypedArray)], [1, 2], 'what is stated is what is read, once it can be');
  // Nothing of it stays pinned.
  for (let n = 0; n < 10; n++) producer.put(Float32Array.of(n));
});

test('two builds of metadata agree on what is said of fields', () => {
  const metadata = MetadataCreator.fromSample('cloud', SAMPLE, { attributes: { mount: [0, 0, 1.2] } });
  assert.is(metadata.varying, true);
  assert.equal(
    metadata.fields.map(({ name, maxLength, encoding, unit, frameId }) => [name, maxLength, encoding, unit, frameId]),
    [
      ['points', MAX, 'xyz', 'm', 'lidar'],
      ['id', undefined, undefined, undefined, undefined],
      ['labels', MAX, undefined, undefined, undefined],
    ],
  );
});

test.run();
