// Who gets which frame when several ask, how loops are ended from outside, and what is refused before there is a frame.

import { Readable } from 'node:stream';
import { type Frame, type GetOptions, TensorConsumer, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hasCode, poolName, sleep, until } from '../support/child';

const test = suite('turns');

function frameOf(value: number): Float64Array {
  return new Float64Array(8).fill(value);
}

function pair(label: string, options: { delivery?: 'latest' | 'all' } = {}) {
  const name = poolName(label);
  const producer = TensorProducer.fromSample(name, frameOf(0), { historyLen: 4 });
  const consumer = TensorConsumer.attach<Float64Array>(name, options);
  return {
    name,
    producer,
    consumer,
    [Symbol.dispose]() {
      consumer.cleanup();
      producer.cleanup();
    },
  };
}

/** What a promise has come to, after everything that was due has been done. */
async function settled<T>(promise: Promise<T>): Promise<T | 'pending'> {
  await sleep(30);
  return Promise.race([promise, Promise.resolve('pending' as const)]);
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'none',
    (error) => (error as { code?: string }).code ?? String(error),
  );

for (const delivery of ['latest', 'all'] as const) {
  test(`${delivery}: calls of next that overlap get a frame each, in their order`, async () => {
    using p = pair('order', { delivery });
    const order: string[] = [];
    const calls = Array.from({ length: 5 }, (_, call) =>
      p.consumer.next().then((frame) => order.push(`${call}: ${frame?.sequence}`)),
    );
    for (let k = 0; k < 5; k++) {
      p.producer.put(frameOf(k));
      await until(() => order.length > k, `frame ${k} was given`);
    }
    await Promise.all(calls);
    assert.equal(order, ['0: 0', '1: 1', '2: 2', '3: 3', '4: 4']);
  });

  test(`${delivery}: a frame that is there goes to one of two calls`, async () => {
    using p = pair('there', { delivery });
    p.producer.put(frameOf(0));
    const [first, second] = [p.consumer.next(), p.consumer.next()];
    assert.is((await first)?.sequence, 0);
    assert.is(await settled(second), 'pending');
    p.producer.put(frameOf(1));
    assert.is((await second)?.sequence, 1);
  });

  test(`${delivery}: tryNext does not take what an earlier next waits for`, async () => {
    using p = pair('beside', { delivery });
    const waiting = p.consumer.next();
    p.producer.put(frameOf(0));
    assert.is(p.consumer.tryNext(), null);
    assert.is((await waiting)?.sequence, 0);
    p.producer.put(frameOf(1));
    assert.is(p.consumer.tryNext()?.sequence, 1);
  });

  test(`${delivery}: calls that go leave the frame to the next`, async () => {
    using p = pair('gone', { delivery });
    const control = new AbortController();
    const late = p.consumer.next({ timeoutMs: 5 });
    const aborted = codeOf(p.consumer.next({ signal: control.signal }));
    const third = p.consumer.next();
    assert.is(await late, null);
    control.abort(Object.assign(new Error('enough'), { code: 'enough' }));
    assert.is(await aborted, 'enough');
    p.producer.put(frameOf(0));
    assert.is((await third)?.sequence, 0);
  });

  test(`${delivery}: next() of one loop that overlap get a frame each`, async () => {
    using p = pair('loop', { delivery });
    const frames = p.consumer.frames();
    const calls = [frames.next(), frames.next(), frames.next()];
    for (const [k, call] of calls.entries()) {
      p.producer.put(frameOf(k));
      const { done, value } = await call;
      assert.equal([done, (value as Frame).sequence], [false, k]);
    }
  });
}

test('next with no time takes a frame that is there, in a busy program too', async () => {
  using p = pair('busy');
  for (let k = 0; k < 2000; k++) {
    p.producer.put(frameOf(k));
    assert.is((await p.consumer.next({ timeoutMs: 0 }))?.sequence, k);
  }
  assert.is(await p.consumer.next({ timeoutMs: 0 }), null);
});

test('return ends a loop whose next waits, and every later call', async () => {
  using p = pair('return');
  for (const borrow of [false, true]) {
    const frames = borrow ? p.consumer.frames({ borrow: true }) : p.consumer.frames();
    const pending = [frames.next(), frames.next()];
    await sleep(5);
    assert.equal(await frames.return?.(), { done: true, value: undefined });
    for (const call of pending) assert.equal(await call, { done: true, value: undefined });
    assert.equal(await frames.next(), { done: true, value: undefined });
  }
  p.producer.put(frameOf(0));
  assert.is((await p.consumer.next())?.sequence, 0, 'the consumer goes on');
});

test('throw ends it likewise, and rejects with its error', async () => {
  using p = pair('throw');
  const frames = p.consumer.frames();
  const pending = frames.next();
  const reason = new Error('mine');
  await frames.throw?.(reason).then(
    () => assert.unreachable(),
    (error) => assert.is(error, reason),
  );
  assert.equal(await pending, { done: true, value: undefined });
  assert.equal(await frames.next(), { done: true, value: undefined });
});

test('a signal ends calls that wait, and a loop whose signal is aborted gives nothing', async () => {
  using p = pair('signal');
  const control = new AbortController();
  const frames = p.consumer.frames({ signal: control.signal });
  const pending = [frames.next(), frames.next()];
  control.abort();
  for (const call of pending) assert.equal(await call, { done: true, value: undefined });
  p.producer.put(frameOf(0));
  assert.equal(await frames.next(), { done: true, value: undefined });
  assert.equal(await p.consumer.frames({ signal: control.signal }).next(), { done: true, value: undefined });
});

test('a stream over a loop closes when it is destroyed', async () => {
  using p = pair('stream');
  const stream = Readable.from(p.consumer.frames());
  const seen: number[] = [];
  stream.on('data', (frame: Frame) => seen.push(frame.sequence));
  for (let k = 0; k < 3; k++) {
    p.producer.put(frameOf(k));
    await until(() => seen.length > k, `frame ${k} is in the stream`);
  }
  let closed = false;
  stream.on('close', () => {
    closed = true;
  });
  await sleep(5);
  stream.destroy();
  await until(() => closed, 'the stream is closed');
  assert.equal(seen, [0, 1, 2]);
});

test('a window is refused at once where frames come one by one', async () => {
  using p = pair('windows', { delivery: 'all' });
  using nothing = TensorConsumer.attach(poolName('nothing'), { delivery: 'all' });
  for (const consumer of [p.consumer, nothing]) {
    assert.is(await codeOf(consumer.next({ historyLen: 2 })), 'INVALID_ARGUMENT');
    assert.throws(() => consumer.frames({ historyLen: 2 }), hasCode('INVALID_ARGUMENT'));
    assert.throws(() => consumer.frames({ historyLen: 2, borrow: true }), hasCode('INVALID_ARGUMENT'));
    assert.throws(() => consumer.tryNext({ historyLen: 2 }), hasCode('INVALID_ARGUMENT'));
    assert.is(consumer.tryNext({ historyLen: 1 }), null);
    assert.is(consumer.get({ historyLen: 2 }), null);
  }
});

test('options are refused at the call: without a pool, without a frame, and with one', async () => {
  using p = pair('options');
  using nothing = TensorConsumer.attach<Float64Array>(poolName('nothing'));
  using expecting = TensorConsumer.fromSample(poolName('expecting'), frameOf(0), { historyLen: 4 });
  const wrong: [unknown, string, known?: boolean][] = [
    [{ historyLen: 0 }, 'INVALID_ARGUMENT'],
    [{ historyLen: 1.5 }, 'INVALID_ARGUMENT'],
    [{ historyLen: '2' }, 'INVALID_ARGUMENT'],
    [{ latestFirst: 'yes' }, 'INVALID_ARGUMENT'],
    [{ historyLen: 5 }, 'HISTORY_TOO_LONG', true],
    [{ into: new Float64Array(7) }, 'SHAPE_MISMATCH', true],
    [{ into: new Float32Array(8) }, 'DTYPE_MISMATCH', true],
  ];
  const check = async (consumer: TensorConsumer<Float64Array>, any: boolean) => {
    for (const [options, code, known] of wrong) {
      if (known && any) continue;
      const request = options as GetOptions;
      assert.is(await codeOf(consumer.next(request)), code);
      for (const call of [() => consumer.get(request), () => consumer.tryNext(request)])
        assert.throws(call, hasCode(code as 'CLOSED'));
      if ('into' in request) continue;
      assert.throws(() => consumer.frames(request), hasCode(code as 'CLOSED'));
      assert.throws(() => consumer.borrow(request), hasCode(code as 'CLOSED'));
    }
    for (const options of [{ timeoutMs: -1 }, { timeoutMs: Number.NaN }, { signal: {} }, { signal: null }]) {
      assert.is(await codeOf(consumer.next(options as object)), 'INVALID_ARGUMENT');
    }
    for (const options of [{ borrow: 1 }, { signal: 'abort' }]) {
      assert.throws(() => consumer.frames(options as object), hasCode('INVALID_ARGUMENT'));
    }
  };
  await check(nothing, true);
  await check(expecting as TensorConsumer<Float64Array>, false);
  await check(p.consumer, false);
  p.producer.put(frameOf(0));
  await check(p.consumer, false);
  assert.is(p.consumer.tryNext()?.sequence, 0, 'no refused call has taken it');
  for (const options of [{ signal: {} }, { onNewData: 'call' }]) {
    assert.throws(() => TensorConsumer.attach(p.name, options as object), hasCode('INVALID_ARGUMENT'));
  }
});

test('a consumer of any history does not refuse one before it knows the pool', async () => {
  const name = poolName('any-history');
  using consumer = TensorConsumer.fromSample(name, frameOf(0));
  const waiting = consumer.next({ historyLen: 3 });
  using producer = TensorProducer.fromSample(name, frameOf(0), { historyLen: 3 });
  producer.put(frameOf(4));
  assert.equal((await waiting)?.shape, [3, 8]);
});

test('a failing look rejects those who wait, and no promise that nobody awaits ends the program', async () => {
  const name = poolName('look');
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => unhandled.push(reason);
  process.on('unhandledRejection', note);
  using consumer = TensorConsumer.fromSample(name, new Float32Array(3));
  const awaited = codeOf(consumer.next());
  const forgotten = consumer.next();
  const loop = consumer.frames().next();
  using producer = TensorProducer.fromSample(name, frameOf(0));
  assert.is(await awaited, 'DTYPE_MISMATCH');
  for (let turn = 0; turn < 5; turn++) await sleep(2);
  process.off('unhandledRejection', note);
  assert.equal(unhandled, []);
  // Whoever awaits them late has the error all the same.
  assert.is(await codeOf(forgotten), 'DTYPE_MISMATCH');
  assert.is(await codeOf(loop), 'DTYPE_MISMATCH');
  assert.is(producer.nextSequence, 0);
});

test.run();
