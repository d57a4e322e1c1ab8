import { unlinkSync } from 'node:fs';
import { inspect, MetadataCreator, TensorConsumer, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Child, hasCode, leftovers, poolName, sleep, until } from '../support/child';

const test = suite('coming and going');

function frameOf(value: number): Float64Array {
  return new Float64Array(8).fill(value);
}

/** A consumer that notes its events. */
function watched(name: string) {
  const consumer = TensorConsumer.attach<Float64Array>(name);
  const events: string[] = [];
  consumer.on('connect', () => events.push('connect'));
  consumer.on('disconnect', (reason) => events.push(reason));
  consumer.on('error', (error) => events.push((error as { code: string }).code));
  return { consumer, events };
}

test('a consumer may be there first: at get, while waiting, and by itself', async () => {
  const name = poolName('first');
  const { consumer, events } = watched(name);
  using _ = consumer;
  assert.not.ok(consumer.connected);
  assert.is(consumer.get(), null);
  assert.is(consumer.borrow(), null);
  const waiting = consumer.next();
  using producer = TensorProducer.fromSample(name, frameOf(0));
  await until(() => consumer.connected, 'it connects without being asked');
  producer.put(frameOf(5));
  assert.is((await waiting)?.data[0], 5);
  assert.equal(events, ['connect']);
  const late = TensorConsumer.attach<Float64Array>(name);
  assert.is(late.get()?.data[0], 5, 'a late joiner of an idle producer has the latest frame at once');
  late.cleanup();
});

test('closing: consumers disconnect, get gives null, nothing is left', async () => {
  const name = poolName('close');
  const producer = TensorProducer.fromSample(name, frameOf(0));
  const { consumer, events } = watched(name);
  using _ = consumer;
  producer.put(frameOf(1));
  assert.is(consumer.get()?.sequence, 0);
  const waiting = consumer.next({ timeoutMs: 100 });
  producer.cleanup();
  producer.cleanup();
  assert.is(consumer.get(), null);
  assert.is(await waiting, null);
  assert.equal(events, ['connect', 'closed']);
  consumer.cleanup();
  assert.equal(leftovers(name), []);
});

test('dying: the same within the watch interval, and the successor takes the pool over where it stood', async () => {
  const name = poolName('die');
  const { consumer, events } = watched(name);
  using _ = consumer;
  let expected = 0;
  for (let round = 0; round < 3; round++) {
    const child = new Child('peer');
    assert.equal(await child.ask({ op: 'produce', pool: name, elements: 8, options: { historyLen: 4 } }), { value: expected });
    await child.ask({ op: 'put', value: 0, count: 10 });
    expected += 10;
    await until(() => consumer.get()?.sequence === expected - 1, 'it is connected and up to date');
    // Dies with a loan in hand: half-way through a frame.
    await child.ask({ op: 'loan', value: -1 });
    await child.kill();
    await until(() => !consumer.connected, 'the death is noticed');
    assert.is(consumer.get(), null);
  }
  using producer = TensorProducer.fromSample(name, frameOf(0), { historyLen: 4 });
  assert.is(producer.put(frameOf(77)), 30);
  await until(() => consumer.connected, 'it reconnects');
  const window = consumer.get({ historyLen: 4 });
  assert.equal(
    [0, 1, 2, 3].map((k) => window?.at(k)[0]),
    [77, 9, 8, 7],
    'the half-written frame never shows',
  );
  assert.equal(events, ['connect', 'died', 'connect', 'died', 'connect', 'died', 'connect']);
});

test('a successor of other form replaces the pool; a consumer that expected the old form is told', async () => {
  const name = poolName('replace');
  const child = new Child('peer');
  await child.ask({ op: 'produce', pool: name, elements: 8 });
  const strict = TensorConsumer.fromSample(name, frameOf(0));
  const errors: string[] = [];
  strict.on('error', (error) => errors.push((error as { code: string }).code));
  const { consumer } = watched(name);
  using _ = consumer;
  await child.ask({ op: 'put', value: 1 });
  assert.is(consumer.get()?.data.length, 8);
  await child.kill();
  using producer = TensorProducer.fromSample(name, new Float64Array(16));
  assert.is(producer.put(new Float64Array(16).fill(2)), 0, 'a new pool counts from 0');
  await until(() => consumer.get()?.data.length === 16, 'the other consumer follows');
  await until(() => errors.length > 0, 'the strict one reports');
  assert.equal(errors, ['SHAPE_MISMATCH']);
  assert.throws(() => strict.get(), hasCode('SHAPE_MISMATCH'));
  await strict.next().then(
    () => assert.unreachable(),
    (error) => assert.is(error.code, 'SHAPE_MISMATCH'),
  );
  strict.cleanup();
});

test('one producer a pool, in this process and in others', async () => {
  const name = poolName('second');
  await using child = new Child('peer');
  {
    using _producer = TensorProducer.fromSample(name, frameOf(0));
    assert.throws(() => TensorProducer.fromSample(name, frameOf(0)), hasCode('PRODUCER_EXISTS'));
    const answer = await child.ask<{ error: { code: string } }>({ op: 'produce', pool: name, elements: 8 });
    assert.is(answer.error.code, 'PRODUCER_EXISTS');
  }
  assert.equal(await child.ask({ op: 'produce', pool: name, elements: 8 }), { value: 0 });
  assert.throws(() => TensorProducer.fromSample(name, frameOf(0)), hasCode('PRODUCER_EXISTS'));
});

test('producers that race for a name: one wins, whoever it is', async () => {
  const children = Array.from({ length: 4 }, () => new Child('peer'));
  try {
    for (let round = 0; round < 25; round++) {
      const name = poolName('race');
      const answers = await Promise.all(
        children.map((child) => child.ask<{ error?: { code: string } }>({ op: 'produce', pool: name, elements: 8 })),
      );
      assert.is(answers.filter(({ error }) => error === undefined).length, 1, JSON.stringify(answers));
      assert.ok(answers.every(({ error }) => error === undefined || error.code === 'PRODUCER_EXISTS'));
      await Promise.all(children.map((child) => child.ask({ op: 'close' })));
      assert.equal(leftovers(name), []);
    }
  } finally {
    await Promise.all(children.map((child) => child.kill()));
  }
});

test('consumers come and go by the hundred, and sixty-four at once', () => {
  const name = poolName('many');
  using producer = TensorProducer.fromSample(name, frameOf(0));
  producer.put(frameOf(1));
  for (let i = 0; i < 300; i++) {
    using consumer = TensorConsumer.attach(name);
    assert.is(consumer.get()?.data[0], 1);
  }
  const consumers = Array.from({ length: 64 }, () => TensorConsumer.attach(name));
  assert.throws(() => TensorConsumer.attach(name), hasCode('TOO_MANY_CONSUMERS'));
  consumers.pop()?.cleanup();
  consumers.push(TensorConsumer.attach(name));
  for (const consumer of consumers) assert.is(consumer.get()?.data[0], 1);
  for (const consumer of consumers) consumer.cleanup();
});

test('sixty-four waiters are all woken', async () => {
  const name = poolName('doorbells');
  using producer = TensorProducer.fromSample(name, frameOf(0));
  const consumers = Array.from({ length: 64 }, () => TensorConsumer.attach<Float64Array>(name));
  for (let k = 0; k < 5; k++) {
    const waiting = consumers.map((consumer) => consumer.next());
    await sleep(5);
    producer.put(frameOf(k));
    const frames = await Promise.all(waiting);
    assert.ok(frames.every((frame) => frame?.sequence === k));
  }
  for (const consumer of consumers) consumer.cleanup();
  assert.equal(leftovers(name), [`tensoripc.${name}`]);
});

// How a process can end, and with what.
const ENDINGS: [string, (child: Child) => Promise<unknown>, { code: number | null; signal: string | null }][] = [
  ['process.exit', (child) => child.ask({ op: 'exit', code: 3 }), { code: 3, signal: null }],
  ['an uncaught exception', (child) => child.ask({ op: 'throw' }), { code: 1, signal: null }],
  ['SIGINT', async (child) => child.signal('SIGINT'), { code: null, signal: 'SIGINT' }],
  ['SIGTERM', async (child) => child.signal('SIGTERM'), { code: null, signal: 'SIGTERM' }],
  ['SIGHUP', async (child) => child.signal('SIGHUP'), { code: null, signal: 'SIGHUP' }],
  [
    'a handler of its own that exits',
    async (child) => {
      await child.ask({ op: 'handle', signal: 'SIGINT', exitCode: 7 });
      child.signal('SIGINT');
    },
    { code: 7, signal: null },
  ],
];

for (const [how, end, expected] of ENDINGS) {
  test(`${how} unlinks what the process owns`, async () => {
    const name = poolName('ending');
    const other = poolName('ending');
    using _producer = TensorProducer.fromSample(other, frameOf(0));
    const child = new Child('peer');
    await child.ask({ op: 'produce', pool: name, elements: 8 });
    await child.ask({ op: 'consume', pool: other, options: {} });
    assert.equal(leftovers(name), [`tensoripc.${name}`]);
    await end(child);
    assert.equal(await child.ended, expected);
    assert.equal(leftovers(name), []);
    assert.equal(leftovers(other), [`tensoripc.${other}`]);
  });
}

/** What a consumer did before its process ended, and whether that takes signals: without a doorbell it leaves nothing that is worth it. */
const READERS: [string, (child: Child) => Promise<unknown>, takesSignals: boolean][] = [
  ['that looks', (child) => child.ask({ op: 'get' }), false],
  ['that listens', (child) => child.ask({ op: 'listen' }), true],
  ['with a view', (child) => child.ask({ op: 'borrow' }), false],
];

for (const [how, end, expected] of ENDINGS) {
  test(`${how}: a consumer leaves the table`, async () => {
    const name = poolName('leaving');
    using producer = TensorProducer.fromSample(name, frameOf(0));
    for (const [kind, read, takesSignals] of READERS) {
      producer.put(frameOf(1));
      const child = new Child('peer');
      await child.ask({ op: 'consume', pool: name });
      await read(child);
      assert.equal(inspect(name)?.consumers.length, 1);
      await end(child);
      assert.equal(await child.ended, expected);
      const left = inspect(name)?.consumers.map(({ alive }) => alive);
      assert.equal(left, expected.signal === null || takesSignals ? [] : [false], kind);
      // Whatever it held is free again.
      for (let i = 0; i < 10; i++) producer.put(frameOf(i));
    }
  });
}

test('a consumer that only blocks is ended by Ctrl-C at once', async () => {
  const name = poolName('blocked');
  using producer = TensorProducer.fromSample(name, frameOf(0));
  producer.put(frameOf(1));
  const child = new Child('peer');
  await child.ask({ op: 'consume', pool: name });
  await child.ask({ op: 'get' });
  await child.ask({ op: 'block' });
  child.signal('SIGINT');
  assert.equal(await child.ended, { code: null, signal: 'SIGINT' });
});

test('a consumer whose handler of a signal goes on stays in the table', async () => {
  const name = poolName('staying');
  using producer = TensorProducer.fromSample(name, frameOf(0));
  producer.put(frameOf(5));
  await using child = new Child('peer');
  await child.ask({ op: 'consume', pool: name });
  await child.ask({ op: 'borrow' });
  await child.ask({ op: 'handle', signal: 'SIGINT', exitCode: null });
  child.signal('SIGINT');
  assert.is(await child.receive(), 'handled');
  const [consumer] = inspect(name)?.consumers ?? [];
  assert.is(consumer?.alive, true);
  assert.is(consumer?.holdsViews, true);
  assert.equal(await child.ask({ op: 'get' }), { value: { sequence: 0, first: 5 } });
});

test('a signal handler that goes on is left in charge', async () => {
  const name = poolName('handled');
  await using child = new Child('peer');
  await child.ask({ op: 'produce', pool: name, elements: 8 });
  await child.ask({ op: 'handle', signal: 'SIGINT', exitCode: null });
  for (let i = 0; i < 2; i++) {
    child.signal('SIGINT');
    assert.is(await child.receive(), 'handled');
  }
  assert.equal(await child.ask({ op: 'put', value: 1 }), { value: 0 }, 'the pool is still there');
});

test('what a killed consumer leaves behind goes with the producer, or when its place is taken', async () => {
  const name = poolName('litter');
  const producer = TensorProducer.fromSample(name, frameOf(0));
  const kill = async () => {
    const child = new Child('peer');
    await child.ask({ op: 'consume', pool: name });
    await child.ask({ op: 'listen' });
    assert.is(leftovers(name).length, 2, 'the object and the doorbell');
    await child.kill();
  };
  await kill();
  assert.is(leftovers(name).length, 2);
  TensorConsumer.attach(name).cleanup();
  assert.equal(leftovers(name), [`tensoripc.${name}`]);
  await kill();
  producer.cleanup();
  assert.equal(leftovers(name), []);
});

test('a pool removed by hand: the producer goes on, and does not remove its successor’s', () => {
  const name = poolName('removed');
  const metadata = MetadataCreator.fromSample(name, frameOf(0));
  const first = new TensorProducer(metadata);
  first.put(frameOf(1));
  unlinkSync(`/dev/shm/tensoripc.${name}`);
  const second = new TensorProducer(metadata);
  first.cleanup();
  assert.equal(leftovers(name), [`tensoripc.${name}`]);
  second.cleanup();
  assert.equal(leftovers(name), []);
});

test.run();
