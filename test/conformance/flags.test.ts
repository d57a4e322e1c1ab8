// Waiting for a producer, loops that end with it, and a look at what a producer left.

import { chmodSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { type Frame, inspect, MetadataCreator, TensorConsumer, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Child, hasCode, leftovers, poolName, sleep, until } from '../support/child';

const test = suite('flags of waiting');

const frameOf = (value: number) => new Float64Array(8).fill(value);
const produce = (name: string, historyLen = 4) => TensorProducer.fromSample(name, frameOf(0), { historyLen });

/** Runs a loop to its end: first values of its frames. */
async function read(loop: AsyncIterable<{ readonly data: Float64Array; release(): void }>): Promise<number[]> {
  const values: number[] = [];
  for await (const frame of loop) {
    values.push(frame.data[0] as number);
    frame.release();
  }
  return values;
}

for (const delivery of ['latest', 'all'] as const) {
  for (const [what, loopOf] of [
    ['copies', (consumer: TensorConsumer<Float64Array>) => consumer.frames({ endOnClose: true })],
    ['views', (consumer: TensorConsumer<Float64Array>) => consumer.frames({ endOnClose: true, borrow: true })],
    ['the consumer itself', (consumer: TensorConsumer<Float64Array>) => consumer],
  ] as const) {
    test(`endOnClose: the last frame, and the end, whoever comes next; ${delivery}, ${what}`, async () => {
      const name = poolName('end');
      using consumer = TensorConsumer.attach<Float64Array>(name, { delivery, endOnClose: what === 'the consumer itself' });
      // It waits for its first producer.
      const waiting = read(loopOf(consumer));
      const first = produce(name);
      assert.ok(await consumer.ready());
      first.put(frameOf(1));
      first.close();
      using second = produce(name);
      second.put(frameOf(2));
      assert.equal(await waiting, [1]);
      // One that is busy when the producer closes.
      await until(() => consumer.connected, 'the next one is found');
      const busy = loopOf(consumer)[Symbol.asyncIterator]();
      second.put(frameOf(3));
      (await busy.next()).value?.release();
      second.put(frameOf(4));
      second.close();
      using third = produce(name);
      await until(() => consumer.connected, 'the third one is found');
      const rest = await read({ [Symbol.asyncIterator]: () => busy });
      assert.is(rest.at(-1), 4);
      assert.ok(!rest.includes(5));
      third.put(frameOf(5));
      assert.equal(await busy.next(), { done: true, value: undefined });
    });
  }
}

test('endOnClose: a producer that dies has not said goodbye; without the option, none ends a loop', async () => {
  const name = poolName('stay');
  using consumer = TensorConsumer.attach<Float64Array>(name, { endOnClose: true });
  const seen: string[] = [];
  const follow = async (which: string, loop: AsyncIterable<Frame<Float64Array>>) => {
    for await (const frame of loop) seen.push(`${which} ${frame.data[0]}`);
    seen.push(`${which} ends`);
  };
  const loops = [follow('a', consumer), follow('b', consumer.frames({ endOnClose: false }))];
  const child = new Child('last-peer', [name, '1', 'kill']);
  await child.receive();
  assert.ok(await consumer.ready());
  child.send('go');
  await child.ended;
  await until(() => seen.length === 2 && !consumer.connected, 'its frame is read, its death is noticed');
  await sleep(50);
  assert.equal([...seen].sort(), ['a 1', 'b 1']);
  const heir = produce(name);
  assert.ok(await consumer.ready());
  heir.put(frameOf(2));
  await until(() => seen.length === 4, 'both go on');
  heir.close();
  await until(() => seen.length === 5, 'one ends');
  using other = produce(name);
  assert.ok(await consumer.ready());
  other.put(frameOf(3));
  await until(() => seen.length === 6, 'the other goes on');
  assert.equal(seen.slice(4), ['a ends', 'b 3']);
  consumer.close();
  await Promise.all(loops);
});

test('endOnClose: without a last frame', async () => {
  const name = poolName('empty');
  const producer = produce(name);
  using consumer = TensorConsumer.attach<Float64Array>(name);
  const loops = [read(consumer.frames({ endOnClose: true })), read(consumer.frames({ endOnClose: true, borrow: true }))];
  await sleep(5);
  producer.close();
  assert.equal(await Promise.all(loops), [[], []]);
});

test('ready: now, later, again, in vain', async () => {
  const name = poolName('ready');
  using consumer = TensorConsumer.attach(name);
  assert.is(await consumer.ready({ timeoutMs: 0 }), false);
  assert.is(await consumer.ready({ timeoutMs: 30 }), false);
  const waiting = [consumer.ready(), consumer.ready({ timeoutMs: 600_000 })];
  const first = produce(name);
  assert.equal(await Promise.all(waiting), [true, true]);
  assert.ok(consumer.connected);
  assert.is(await consumer.ready({ timeoutMs: 0 }), true, 'before any frame');
  first.close();
  assert.is(await consumer.ready({ timeoutMs: 0 }), false, 'it has closed');
  const again = consumer.ready();
  using second = produce(name);
  assert.is(await again, true);
  second.close();
  const abort = new AbortController();
  const aborted = consumer.ready({ signal: abort.signal });
  const reason = new Error('enough');
  abort.abort(reason);
  for (const ready of [() => aborted, () => consumer.ready({ signal: abort.signal })]) {
    await ready().then(
      () => assert.unreachable(),
      (error) => assert.is(error, reason),
    );
  }
  const closed = consumer.ready();
  consumer.close();
  assert.is(await closed, false);
  assert.is(await consumer.ready(), false);
});

test('ready: a dead producer is none, though nobody has looked since', async () => {
  const name = poolName('dead');
  const child = new Child('peer');
  await child.ask({ op: 'produce', pool: name, elements: 8 });
  using consumer = TensorConsumer.attach(name);
  assert.ok(consumer.connected);
  await child.kill();
  assert.is(await consumer.ready({ timeoutMs: 0 }), false);
  using _ = TensorProducer.fromSample(name, frameOf(0));
  assert.is(await consumer.ready(), true);
});

test('ready: a pool of another form is an error', async () => {
  const name = poolName('other');
  using consumer = TensorConsumer.fromSample(name, new Float32Array(8));
  consumer.on('error', () => {});
  const waiting = consumer.ready();
  using _ = produce(name);
  for (const ready of [() => waiting, () => consumer.ready()]) {
    await ready().then(
      () => assert.unreachable(),
      (error) => assert.ok(hasCode('DTYPE_MISMATCH')(error)),
    );
  }
});

test('ready keeps the process alive', async () => {
  const name = poolName('alive');
  const child = new Child('flags-peer', ['ready', name]);
  assert.is(await child.receive(), 'waiting');
  await sleep(250);
  using _ = produce(name);
  assert.equal(await child.receive(), { ready: true });
  assert.equal(await child.ended, { code: 0, signal: null });
});

/** Bytes and times of an object, atime aside. */
function trace(name: string): string {
  const { mtimeNs, ctimeNs, size } = statSync(`/dev/shm/tensoripc.${name}`, { bigint: true });
  return `${size} ${mtimeNs} ${ctimeNs} ${readFileSync(`/dev/shm/tensoripc.${name}`).toString('base64')}`;
}

test('peek: what a live producer published last, without taking part', () => {
  const name = poolName('peek');
  using consumer = TensorConsumer.attach<Float64Array>(name);
  assert.is(consumer.peek(), null, 'no pool');
  using producer = produce(name, 3);
  assert.is(consumer.peek(), null, 'no frame');
  for (let k = 0; k < 20; k++) {
    producer.put(frameOf(k), { timestampNs: BigInt(k) });
    const before = trace(name);
    const frame = consumer.peek();
    assert.equal([frame?.sequence, frame?.timestampNs, frame?.epoch, frame?.missed], [k, BigInt(k), 1, 0]);
    assert.equal(frame?.data, frameOf(k));
    assert.ok((frame as Frame).ageMs() >= 0);
    const into = new Float64Array(24);
    const window = consumer.peek({ historyLen: 3, latestFirst: k % 2 === 0, into });
    assert.is(window?.data, into);
    const expected = [k, k - 1, k - 2].map((value) => Math.max(0, value));
    assert.equal(
      [0, 1, 2].map((i) => window?.at(i)[0]),
      k % 2 === 0 ? expected : expected.reverse(),
    );
    assert.is(window?.padded, Math.max(0, 2 - k));
    assert.is(trace(name), before, 'nothing is written');
  }
  assert.not.ok(consumer.connected, 'it has not connected');
  assert.equal(inspect(name)?.consumers, []);
  assert.is(consumer.peek({ maxAgeMs: 600_000 })?.data[0], 19);
  assert.is(consumer.tryNext()?.data[0], 19, 'what was peeked at is still new');
  assert.throws(() => consumer.peek({ historyLen: 4 }), hasCode('HISTORY_TOO_LONG'));
  consumer.close();
  assert.throws(() => consumer.peek(), hasCode('CLOSED'));
});

test('peek: what a dead producer left', async () => {
  const name = poolName('left');
  const child = new Child('peer');
  await child.ask({ op: 'produce', pool: name, elements: 8, options: { historyLen: 2 } });
  await child.ask({ op: 'put', value: 1, count: 5 });
  await child.kill();
  using consumer = TensorConsumer.attach<Float64Array>(name);
  const before = trace(name);
  const frame = consumer.peek({ historyLen: 2 });
  assert.equal([frame?.sequence, frame?.at(0)[0], frame?.at(1)[0]], [4, 5, 4]);
  await sleep(20);
  assert.is(consumer.peek({ maxAgeMs: 10 }), null);
  assert.is(trace(name), before);
  assert.not.ok(consumer.connected);
  assert.is(consumer.get(), null);
  produce(name).close();
  assert.is(consumer.peek(), null, 'the object is gone');
  assert.equal(leftovers(name), []);
});

test('peek: records, and frames of varying length', () => {
  const name = poolName('varying');
  const sample = {
    points: { data: new Float32Array(3), shape: [1, 3], maxLength: 50 },
    id: { data: new BigUint64Array(1), shape: [1] },
  };
  using producer = TensorProducer.fromSample(name, sample, { historyLen: 2 });
  using consumer = TensorConsumer.attach(name);
  for (const length of [50, 0, 7]) {
    const points = Float32Array.from({ length: 3 * length }, (_, i) => length + i);
    producer.put({ points: { data: points, shape: [length, 3] }, id: { data: BigUint64Array.of(BigInt(length)), shape: [1] } });
    for (const frame of [consumer.peek(), consumer.get()]) {
      assert.equal(frame?.fields?.['points']?.shape, [length, 3]);
      assert.equal([...(frame?.fields?.['points']?.data as Float32Array)], [...points]);
      assert.equal([...(frame?.fields?.['id']?.data as BigUint64Array)], [BigInt(length)]);
    }
  }
  const window = consumer.peek({ historyLen: 2 });
  assert.equal(window?.fields?.['points']?.lengths, [7, 0]);
  assert.equal([...(window?.at(0, 'points') ?? [])], [...(consumer.get({ historyLen: 2 })?.at(0, 'points') ?? [])]);
});

test('peek: whose pool it is and what is in it is checked as for any consumer', () => {
  const name = poolName('trust');
  const path = `/dev/shm/tensoripc.${name}`;
  using producer = produce(name);
  producer.put(frameOf(1));
  using consumer = TensorConsumer.attach(name);
  chmodSync(path, 0o666);
  assert.throws(() => consumer.peek(), hasCode('UNSAFE_MODE'));
  using trusting = TensorConsumer.attach<Float64Array>(name, { trust: 'any' });
  assert.is(trusting.peek()?.data[0], 1);
  chmodSync(path, 0o600);
  const absent = poolName('absent');
  using other = TensorConsumer.fromSample(absent, new Float32Array(8));
  using long = TensorConsumer.fromSample(absent, frameOf(0), { historyLen: 9 });
  using same = new TensorConsumer(MetadataCreator.fromSample(absent, frameOf(0), { historyLen: 4 }));
  const file = `/dev/shm/tensoripc.${absent}`;
  const made = produce(absent);
  made.put(frameOf(2));
  assert.throws(() => other.peek(), hasCode('DTYPE_MISMATCH'));
  assert.throws(() => long.peek(), hasCode('HISTORY_MISMATCH'));
  assert.is(same.peek()?.data[0], 2);
  made.close();
  writeFileSync(file, 'something else', { mode: 0o600 });
  assert.throws(() => same.peek(), hasCode('FOREIGN_OBJECT'));
  truncateSync(file, 0);
  assert.is(same.peek(), null, 'under construction');
  writeFileSync(file, Buffer.alloc(65536, 7), { mode: 0o600 });
  assert.throws(() => same.peek(), hasCode('FOREIGN_OBJECT'));
  truncateSync(file, 0);
  using _ = TensorProducer.fromSample(absent, frameOf(0));
});

test('peek: never torn, however fast the producer is', async () => {
  const name = poolName('torn');
  const child = new Child('peer');
  await child.ask({ op: 'produce', pool: name, elements: 4096, options: { historyLen: 2 } });
  await child.ask({ op: 'put', value: 0 });
  using consumer = TensorConsumer.attach<Float64Array>(name);
  child.send({ op: 'put', value: 1, count: 40_000 });
  let looks = 0;
  for (; looks < 300; looks++) {
    const frame = consumer.peek();
    const first = frame?.data[0];
    assert.ok(
      frame?.data.every((value) => value === first),
      `frame ${frame?.sequence}`,
    );
    // Frame n + 1 has value n + 1: the number is the frame's own.
    if (frame !== null) assert.is(first, frame.sequence);
  }
  await child.kill();
});

test.run();
