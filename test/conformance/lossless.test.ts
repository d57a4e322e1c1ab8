import { MetadataCreator, TensorConsumer, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Child, hasCode, leftovers, poolName, sleep, until } from '../support/child';
import { Random } from '../support/random';

const test = suite('lossless delivery');

function frameOf(value: number): Float64Array {
  return new Float64Array(512).fill(value);
}

test('every frame in order, however late the reader is; the producer waits', async () => {
  const name = poolName('all');
  await using child = new Child('peer');
  using consumer = TensorConsumer.attach<Float64Array>(name, { delivery: 'all', from: 'oldest' });
  await child.ask({ op: 'produce', pool: name, elements: 512, options: { historyLen: 3, waitTimeoutMs: 60_000 } });
  await until(() => consumer.connected, 'it has joined');
  child.send({ op: 'put', value: 0, count: 2000 });
  let expected = 0;
  for await (const frame of consumer) {
    assert.is(frame.sequence, expected);
    assert.is(frame.missed, 0);
    assert.is(frame.data[511], expected);
    if (expected % 500 === 0) await sleep(5);
    expected += 1;
    if (expected === 2000) break;
  }
});

test('borrowed, copied and into: the same frames, each once', async () => {
  const name = poolName('kinds');
  using producer = TensorProducer.fromSample(name, frameOf(0), { historyLen: 6 });
  using consumer = TensorConsumer.attach<Float64Array>(name, { delivery: 'all' });
  const into = frameOf(-1);
  for (let k = 0; k < 300; k += 3) {
    for (let i = 0; i < 3; i++) producer.put(frameOf(k + i), { timestampNs: BigInt(k + i) });
    const copied = await consumer.next();
    assert.equal([copied?.sequence, copied?.data[9], copied?.timestampNs], [k, k, BigInt(k)]);
    for await (using view of consumer.frames({ borrow: true })) {
      assert.equal([view.sequence, view.data[9], view.timestampNs, view.valid], [k + 1, k + 1, BigInt(k + 1), true]);
      break;
    }
    const placed = await consumer.next({ into });
    assert.is(placed?.data, into);
    assert.equal([placed?.sequence, into[9]], [k + 2, k + 2]);
  }
  assert.is(await consumer.next({ timeoutMs: 5 }), null);
});

test('from: the next frame, or the oldest still held', async () => {
  const name = poolName('from');
  using producer = TensorProducer.fromSample(name, frameOf(0), { historyLen: 3 });
  for (let k = 0; k < 20; k++) producer.put(frameOf(k));
  using now = TensorConsumer.attach<Float64Array>(name, { delivery: 'all' });
  using oldest = TensorConsumer.attach<Float64Array>(name, { delivery: 'all', from: 'oldest' });
  producer.put(frameOf(20));
  assert.is((await now.next())?.sequence, 20);
  const first = (await oldest.next())?.sequence as number;
  assert.ok(first <= 20 - 3 && first > 0, `${first}`);
  for (let k = first + 1; k <= 20; k++) assert.is((await oldest.next())?.data[0], k);
  assert.is(oldest.get()?.sequence, 20, 'get is still the latest');
  assert.equal(oldest.get({ historyLen: 3 })?.shape, [3, 512]);
  await oldest.next({ historyLen: 2, timeoutMs: 10 }).then(
    (frame) => assert.is(frame, null, 'nothing to take'),
    (error) => assert.is(error.code, 'INVALID_ARGUMENT'),
  );
  producer.put(frameOf(21));
  await oldest.next({ historyLen: 2 }).then(
    () => assert.unreachable(),
    (error) => assert.is(error.code, 'INVALID_ARGUMENT'),
  );
});

test('a slow lossless reader: drop refuses and counts, wait throws, overwrite waits all the same', async () => {
  for (const onPinned of ['drop', 'wait', 'overwrite'] as const) {
    const name = poolName(onPinned);
    using producer = TensorProducer.fromSample(name, frameOf(0), { historyLen: 2, onPinned, waitTimeoutMs: 20 });
    using consumer = TensorConsumer.attach<Float64Array>(name, { delivery: 'all', from: 'oldest' });
    let put = 0;
    const fill = () => {
      for (;;) {
        const sequence = producer.put(frameOf(put));
        if (sequence < 0) return;
        assert.is(sequence, put++);
        assert.ok(put < 100_000, 'the reader holds nobody up');
      }
    };
    if (onPinned === 'drop') fill();
    else assert.throws(fill, hasCode('PIN_TIMEOUT'));
    if (onPinned === 'drop') assert.is(producer.stats().framesRefused, 1);
    for (let k = 0; k < put; k++) assert.is((await consumer.next())?.data[5], k);
    assert.is(producer.put(frameOf(put)), put);
    assert.is((await consumer.next())?.sequence, put);
  }
});

test('that a pool is over is noticed by the call that would wait for it, before the event loop turns', async () => {
  const name = poolName('over');
  const producer = TensorProducer.fromSample(name, frameOf(0));
  using consumer = TensorConsumer.attach<Float64Array>(name, { delivery: 'all' });
  const events: string[] = [];
  consumer.on('disconnect', (reason) => events.push(reason));
  producer.put(frameOf(0));
  producer.cleanup();
  assert.is((await consumer.next())?.data[0], 0);
  const waiting = consumer.next({ timeoutMs: 5 });
  // Microtasks only.
  for (let hop = 0; hop < 20; hop++) await Promise.resolve();
  assert.equal(events, ['closed']);
  assert.is(await waiting, null);
});

test('what was published before the producer closed is still delivered', async () => {
  const name = poolName('drain');
  const producer = TensorProducer.fromSample(name, frameOf(0), { historyLen: 8 });
  using consumer = TensorConsumer.attach<Float64Array>(name, { delivery: 'all' });
  const events: string[] = [];
  consumer.on('disconnect', (reason) => events.push(reason));
  for (let k = 0; k < 6; k++) producer.put(frameOf(k));
  producer.cleanup();
  for (let k = 0; k < 6; k++) assert.is((await consumer.next())?.data[0], k);
  assert.is(await consumer.next({ timeoutMs: 5 }), null);
  assert.equal(events, ['closed']);
  assert.equal(
    leftovers(name).filter((file) => file.startsWith('tensoripc.')),
    [],
  );
});

test('across the death of producers and their take-over nothing is lost', async () => {
  const name = poolName('heirs');
  using consumer = TensorConsumer.attach<Float64Array>(name, { delivery: 'all', from: 'oldest' });
  const seen: number[] = [];
  const reading = (async () => {
    for await (const frame of consumer) {
      assert.is(frame.data[0], frame.sequence % 25);
      seen.push(frame.sequence);
      if (frame.sequence === 99) return;
    }
  })();
  for (let heir = 0; heir < 4; heir++) {
    const child = new Child('peer');
    assert.equal(await child.ask({ op: 'produce', pool: name, elements: 8, options: { historyLen: 2, waitTimeoutMs: 60_000 } }), {
      value: heir * 25,
    });
    await child.ask({ op: 'put', value: 0, count: 25 });
    await child.ask({ op: 'loan', value: -1 });
    await child.kill();
    // With and without time for the reader to notice.
    if (heir % 2 === 1) await until(() => !consumer.connected, 'the death is noticed');
  }
  await reading;
  assert.equal(
    seen,
    Array.from({ length: 100 }, (_, k) => k),
  );
  using producer = new TensorProducer(MetadataCreator.fromSample(name, new Float64Array(8), { historyLen: 2 }));
  assert.is(producer.nextSequence, 100);
});

test('a lossless reader that is killed holds nobody up', async () => {
  const name = poolName('dead-reader');
  using producer = TensorProducer.fromSample(name, frameOf(0), { historyLen: 2, waitTimeoutMs: 60_000 });
  const child = new Child('peer');
  await child.ask({ op: 'consume', pool: name, options: { delivery: 'all' } });
  await child.kill();
  for (let k = 0; k < 2000; k++) producer.put(frameOf(k));
  assert.is(producer.nextSequence, 2000);
});

test('onNewData and events: every frame, and the event loop keeps its turns', async () => {
  const name = poolName('events');
  using producer = TensorProducer.fromSample(name, frameOf(0), { historyLen: 64 });
  const seen: number[] = [];
  using consumer = TensorConsumer.attach<Float64Array>(name, {
    delivery: 'all',
    onNewData: (frame) => seen.push(frame.sequence),
  });
  assert.ok(consumer.connected);
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < 50; i++) producer.put(frameOf(i));
    await until(() => seen.length === (round + 1) * 50, `all of round ${round}`);
  }
  assert.equal(
    seen,
    Array.from({ length: 1000 }, (_, k) => k),
  );
});

test('putAsync waits for readers of this very process', async () => {
  const name = poolName('async');
  using producer = TensorProducer.fromSample(name, frameOf(0), { historyLen: 2, waitTimeoutMs: 60_000 });
  using consumer = TensorConsumer.attach<Float64Array>(name, { delivery: 'all' });
  const writing = (async () => {
    for (let k = 0; k < 500; k++) assert.is(await producer.putAsync(frameOf(k)), k);
  })();
  for (let k = 0; k < 500; k++) assert.is((await consumer.next())?.data[1], k);
  await writing;
  // Calls that overlap keep their order.
  const order = Promise.all(Array.from({ length: 20 }, (_, i) => producer.putAsync(frameOf(500 + i))));
  for (let k = 500; k < 520; k++) assert.is((await consumer.next())?.data[1], k);
  assert.equal(
    await order,
    Array.from({ length: 20 }, (_, i) => 500 + i),
  );
});

test('putAsync: errors at once, time-out, drop, close', async () => {
  const name = poolName('async-ends');
  const producer = TensorProducer.fromSample(name, frameOf(0), { historyLen: 2, waitTimeoutMs: 30 });
  using consumer = TensorConsumer.attach<Float64Array>(name, { delivery: 'all' });
  const codeOf = (promise: Promise<unknown>) =>
    promise.then(
      () => 'none',
      (error) => (error as { code: string }).code,
    );
  assert.is(await codeOf(producer.putAsync(new Float64Array(3))), 'SHAPE_MISMATCH');
  let code = 'none';
  let put = 0;
  while (code === 'none') code = await codeOf(producer.putAsync(frameOf(put++)));
  assert.is(code, 'PIN_TIMEOUT');
  assert.is((await consumer.next())?.sequence, 0);
  assert.is(await producer.putAsync(frameOf(put - 1)), put - 1);
  const pending = codeOf(producer.putAsync(frameOf(0)));
  producer.cleanup();
  assert.is(await pending, 'CLOSED');
});

test('waitSync, spin and tryNext take every frame in a loop without an event loop', () => {
  const name = poolName('sync');
  using producer = TensorProducer.fromSample(name, frameOf(0), { historyLen: 4 });
  using all = TensorConsumer.attach<Float64Array>(name, { delivery: 'all' });
  using latest = TensorConsumer.attach<Float64Array>(name);
  for (let k = 0; k < 90; k += 3) {
    for (let i = 0; i < 3; i++) producer.put(frameOf(k + i));
    assert.ok(all.waitSync(0));
    assert.is(all.tryNext()?.data[0], k);
    assert.ok(all.spin(0));
    {
      using view = all.tryNext({ borrow: true });
      assert.is(view?.data[0], k + 1);
    }
    assert.is(all.tryNext()?.sequence, k + 2);
    assert.is(all.tryNext(), null);
    assert.is(all.waitSync(0), false);
    assert.is(all.spin(0), false);
    assert.is(latest.tryNext()?.sequence, k + 2);
    assert.is(latest.tryNext(), null);
  }
});

test('one producer, lossless and latest readers of different speeds at once, against a model', async () => {
  const random = new Random(3);
  const name = poolName('mixed');
  using producer = TensorProducer.fromSample(name, frameOf(0), { historyLen: 4, onPinned: 'drop' });
  const readers = Array.from({ length: 6 }, () => ({
    consumer: TensorConsumer.attach<Float64Array>(name, { delivery: 'all' }),
    next: 0,
  }));
  using latest = TensorConsumer.attach<Float64Array>(name);
  let published = 0;
  for (let step = 0; step < 5000; step++) {
    if (random.next() < 0.4) {
      if (producer.put(frameOf(published)) === published) published += 1;
    } else if (random.next() < 0.1) {
      assert.is(latest.get()?.sequence ?? -1, published - 1);
    } else {
      const reader = random.pick(readers);
      if (reader.next === published) continue;
      const frame = await reader.consumer.next();
      assert.equal([frame?.sequence, frame?.data[511]], [reader.next, reader.next]);
      reader.next += 1;
    }
  }
  assert.ok(published > 100 && producer.stats().framesRefused > 0);
  for (const { consumer } of readers) consumer.cleanup();
});

test.run();
