// What programs do with pools in their tests, for any test runner. `fake` turns its fake timers on and off; `lib` is the library as the
// runner has loaded it, perhaps into a realm of its own.

const { stat } = require('node:fs');
const { runInNewContext } = require('node:vm');

let count = 0;
const nameOf = (label) => `${process.env.POOL_PREFIX}-${label}-${process.pid}-${Math.random().toString(36).slice(2)}-${count++}`;

function thrown(call) {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error('it did not throw');
}

module.exports = function define(lib, { test, expect, fake }) {
  const { TensorProducer, TensorConsumer, TensorIpcError, PoolMetadata, MetadataCreator, monotonicNs } = lib;

  /** Waits on the real clock without timers, which may be faked. */
  async function until(condition) {
    const deadline = monotonicNs() + 30_000_000_000n;
    while (!condition()) {
      if (monotonicNs() > deadline) throw new Error('waited in vain');
      await new Promise((resolve) => stat('.', resolve));
    }
  }

  /** A test with fake timers. */
  const faked = (name, body) =>
    test(`${name}, with fake timers`, async () => {
      fake.on();
      try {
        await body();
      } finally {
        fake.off();
      }
    });

  test('a consumer that is first, put, get, borrow, and the end', () => {
    const name = nameOf('first');
    const consumer = TensorConsumer.attach(name);
    expect(consumer.connected).toBe(false);
    expect(consumer.get()).toBe(null);
    const producer = TensorProducer.fromSample(name, { data: new Float32Array(6), shape: [2, 3] }, { historyLen: 2 });
    expect(producer.put({ data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] })).toBe(0);
    expect(Array.from(consumer.get().data)).toEqual([1, 2, 3, 4, 5, 6]);
    const view = consumer.borrow();
    expect(Array.from(view.data)).toEqual([1, 2, 3, 4, 5, 6]);
    view.release();
    producer.close();
    expect(consumer.get()).toBe(null);
    consumer.close();
  });

  test('frames that copy with memcpy, and their memory handed back', () => {
    const name = nameOf('large');
    const producer = TensorProducer.fromSample(name, new Uint8Array(100_000));
    const consumer = TensorConsumer.attach(name);
    for (let k = 0; k < 10; k++) {
      producer.put(new Uint8Array(100_000).fill(k));
      const frame = consumer.get();
      expect([frame.data[0], frame.data[99_999]]).toEqual([k, k]);
      frame.release();
    }
    consumer.close();
    producer.close();
  });

  test('errors are the library’s', () => {
    const name = nameOf('errors');
    const producer = TensorProducer.fromSample(name, new Float32Array(3));
    const errors = [
      [() => TensorProducer.fromSample(name, new Float32Array(3)), 'PRODUCER_EXISTS'],
      [() => TensorConsumer.fromSample(name, new Float32Array(4)), 'SHAPE_MISMATCH'],
      [() => producer.put(new Float64Array(3)), 'DTYPE_MISMATCH'],
      [() => TensorConsumer.attach('a/b'), 'INVALID_NAME'],
      [() => producer.put(new DataView(new ArrayBuffer(12))), 'INVALID_ARGUMENT'],
      [() => producer.put(runInNewContext('new DataView(new ArrayBuffer(12))')), 'INVALID_ARGUMENT'],
    ];
    for (const [call, code] of errors) {
      const error = thrown(call);
      expect(error).toBeInstanceOf(TensorIpcError);
      expect(error).toBeInstanceOf(Error);
      expect(error.code).toBe(code);
    }
    expect(MetadataCreator.fromSample(name, new Float32Array(3))).toBeInstanceOf(PoolMetadata);
    producer.close();
  });

  test('arrays of another realm are arrays', () => {
    const name = nameOf('realm');
    const [floats, bytes, shaped] = runInNewContext(
      '[Float32Array.of(1, 2, 3), new Uint8Array(4096).fill(7), { data: Float32Array.of(9, 8, 7), shape: [3] }]',
    );
    const producer = TensorProducer.fromSample(name, floats);
    const consumer = TensorConsumer.attach(name);
    producer.put(floats);
    expect(Array.from(consumer.get().data)).toEqual([1, 2, 3]);
    producer.put(shaped);
    expect(Array.from(consumer.get().data)).toEqual([9, 8, 7]);
    producer.put(new Float32Array(3).fill(4));
    consumer.get({ into: floats });
    expect(Array.from(floats)).toEqual([4, 4, 4]);
    consumer.close();
    producer.close();
    const large = TensorProducer.fromSample(`${name}-large`, new Uint8Array(4096));
    const reader = TensorConsumer.attach(`${name}-large`);
    large.put(bytes);
    expect(reader.get().data[4095]).toBe(7);
    reader.close();
    large.close();
  });

  const waits = async () => {
    const name = nameOf('next');
    const consumer = TensorConsumer.attach(name);
    const events = [];
    consumer.on('connect', () => events.push('connect'));
    consumer.on('frame', ({ sequence }) => events.push(sequence));
    const first = consumer.next();
    const producer = TensorProducer.fromSample(name, new Float64Array(2));
    await until(() => consumer.connected);
    producer.put(Float64Array.of(5, 6));
    expect((await first).data[1]).toBe(6);
    await until(() => events.length === 2);
    expect(events).toEqual(['connect', 0]);
    expect(await consumer.next({ timeoutMs: 20 })).toBe(null);
    consumer.close();
    producer.close();
  };
  test('next and events', waits);
  faked('next and events', waits);

  faked('waitSync and spin come to their end', () => {
    const name = nameOf('wait');
    const producer = TensorProducer.fromSample(name, new Float64Array(2));
    const consumer = TensorConsumer.attach(name);
    const before = monotonicNs();
    expect(consumer.waitSync(30)).toBe(false);
    expect(monotonicNs() - before).toBeGreaterThan(25_000_000n);
    expect(consumer.spin(5000)).toBe(false);
    producer.put(Float64Array.of(1, 2));
    expect(consumer.waitSync(30_000)).toBe(true);
    expect(consumer.spin(1e6)).toBe(true);
    consumer.close();
    producer.close();
  });

  faked('put and putAsync give up on a view that is in the way', async () => {
    const name = nameOf('pinned');
    const producer = TensorProducer.fromSample(name, new Float64Array(2), { waitTimeoutMs: 60 });
    const consumer = TensorConsumer.attach(name);
    producer.put(new Float64Array(2));
    const view = consumer.borrow();
    const fill = () => {
      for (let k = 0; k < 10_000; k++) producer.put(new Float64Array(2));
    };
    expect(thrown(fill).code).toBe('PIN_TIMEOUT');
    const { code } = await producer.putAsync(new Float64Array(2)).then(
      () => ({ code: 'none' }),
      (error) => error,
    );
    expect(code).toBe('PIN_TIMEOUT');
    view.release();
    producer.put(new Float64Array(2));
    consumer.close();
    producer.close();
  });

  faked('times are real', () => {
    const name = nameOf('times');
    const producer = TensorProducer.fromSample(name, new Float64Array(2));
    const consumer = TensorConsumer.attach(name);
    const stamps = [];
    for (let k = 0; k < 3; k++) {
      producer.put(new Float64Array(2));
      stamps.push(consumer.get().timestampNs);
      consumer.waitSync(2);
    }
    expect(stamps[0] < stamps[1] && stamps[1] < stamps[2]).toBe(true);
    expect(stamps[2] > 0n && stamps[2] < monotonicNs()).toBe(true);
    consumer.close();
    producer.close();
  });

  faked('a loop notices the end', async () => {
    const name = nameOf('loop');
    const producer = TensorProducer.fromSample(name, new Float64Array(2));
    const consumer = TensorConsumer.attach(name);
    const seen = [];
    const over = (async () => {
      for await (const { sequence } of consumer) seen.push(sequence);
    })();
    for (let k = 0; k < 3; k++) {
      producer.put(new Float64Array(2));
      await until(() => seen.length === k + 1);
    }
    consumer.close();
    await over;
    expect(seen).toEqual([0, 1, 2]);
    producer.close();
  });
};
