// How old frames are, and how late: periods that producers state, readers that want fresh frames only, deadlines.

import { unlinkSync } from 'node:fs';
import {
  type ConsumerOptions,
  type GetOptions,
  inspect,
  MetadataCreator,
  type ProducerOptions,
  TensorConsumer,
  TensorProducer,
} from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Child, hasCode, poolName, sleep, until } from '../support/child';

const test = suite('ages');

const frameOf = (value: number) => new Float64Array(4).fill(value);
const produce = (name: string, options: ProducerOptions & { historyLen?: number } = {}) =>
  TensorProducer.fromSample(name, frameOf(0), options);

/** Far more than a test takes. */
const LONG_MS = 600_000;

test('a period is stated, by each producer for itself', async () => {
  const name = poolName('period');
  const first = new Child('peer');
  await first.ask({ op: 'produce', pool: name, elements: 4, options: { periodMs: 33.3 } });
  assert.is(inspect(name)?.producer.periodMs, 33.3);
  await first.kill();
  assert.is(inspect(name)?.producer.periodMs, 33.3, 'the dead one said so');
  const second = new Child('peer');
  await second.ask({ op: 'produce', pool: name, elements: 4, options: {} });
  const after = inspect(name)?.producer;
  assert.equal([after?.periodMs, after?.epoch], [null, 2], 'it goes on, and states none');
  await second.kill();
  using third = produce(name, { periodMs: 1e-6 });
  assert.is(inspect(name)?.producer.periodMs, 1e-6);
  third.put(frameOf(1));
  const age = inspect(name)?.ageMs;
  assert.ok(typeof age === 'number' && age >= 0);
});

test('what is no period, no age and no deadline is refused', async () => {
  const metadata = MetadataCreator.fromSample(poolName('none'), frameOf(0));
  for (const periodMs of [0, -1, Number.NaN, Infinity, 1e-7, 1e300, '33', 33n, null]) {
    const options = { periodMs } as ProducerOptions;
    assert.throws(() => new TensorProducer(metadata, options), hasCode('INVALID_ARGUMENT', /periodMs/), String(periodMs));
  }
  assert.is(inspect(metadata.name), null, 'and makes no pool');
  const wire = { wire: 'tensor-ipc', periodMs: 33 } as const;
  assert.throws(() => new TensorProducer(metadata, wire), hasCode('INVALID_ARGUMENT', /periodMs/));
  for (const deadlineMs of [0, -1, Number.NaN, Infinity, '33', 33n, null]) {
    const options = { deadlineMs } as ConsumerOptions;
    assert.throws(() => new TensorConsumer(metadata, options), hasCode('INVALID_ARGUMENT', /deadlineMs/), String(deadlineMs));
  }
  // Whether or not there is a pool.
  using consumer = new TensorConsumer(metadata);
  for (const producer of [null, new TensorProducer(metadata)]) {
    using _ = producer;
    producer?.put(frameOf(1));
    for (const maxAgeMs of [-1, Number.NaN, '33', 33n, null]) {
      const options = { maxAgeMs } as GetOptions;
      const refused = hasCode('INVALID_ARGUMENT', /maxAgeMs/);
      assert.throws(() => consumer.get(options), refused, `get ${maxAgeMs}`);
      assert.throws(() => consumer.borrow(options), refused, `borrow ${maxAgeMs}`);
      assert.throws(() => consumer.tryNext(options), refused, `tryNext ${maxAgeMs}`);
      assert.throws(() => consumer.frames(options), refused, `frames ${maxAgeMs}`);
      assert.throws(() => consumer.peek(options), refused, `peek ${maxAgeMs}`);
      await consumer.next(options).then(
        () => assert.unreachable(),
        (error) => assert.ok(refused(error)),
      );
    }
  }
});

test('get and borrow: a frame that is too old is none, is not copied, and is not pinned', async () => {
  const name = poolName('stale');
  using producer = produce(name, { historyLen: 3 });
  using consumer = TensorConsumer.attach<Float64Array>(name);
  producer.put(frameOf(1));
  producer.put(frameOf(2));
  await sleep(30);
  const into = frameOf(-1);
  for (const maxAgeMs of [0, 1, 20]) {
    assert.is(consumer.get({ maxAgeMs }), null);
    assert.is(consumer.get({ maxAgeMs, into }), null);
    assert.is(consumer.get({ maxAgeMs, historyLen: 3 }), null);
    assert.is(consumer.borrow({ maxAgeMs }), null);
  }
  assert.equal(into, frameOf(-1));
  const [entry] = inspect(name)?.consumers ?? [];
  assert.equal([entry?.holdsViews, entry?.holdsFrames, entry?.framesTaken], [false, false, 0]);
  for (const maxAgeMs of [LONG_MS, Infinity, undefined]) {
    const options = (maxAgeMs === undefined ? {} : { maxAgeMs }) as GetOptions;
    using frame = consumer.get({ ...options, historyLen: 2 });
    assert.equal([frame?.sequence, frame?.at(0)[0], frame?.at(1)[0]], [1, 2, 1], 'of a window the newest counts');
    using view = consumer.borrow(options);
    assert.is(view?.data[0], 2);
  }
});

test('the frame of a producer that died is told from a fresh one', async () => {
  const name = poolName('dead');
  const child = new Child('peer');
  await child.ask({ op: 'produce', pool: name, elements: 4 });
  await child.ask({ op: 'put', value: 5 });
  using consumer = TensorConsumer.attach(name);
  await child.kill();
  await sleep(20);
  // Right after its death, before anybody has noticed.
  assert.is(consumer.get({ maxAgeMs: 10 }), null);
  assert.is(consumer.borrow({ maxAgeMs: 10 }), null);
});

test('borrow, and nothing else: it notices that a producer without a fresh frame has died', async () => {
  for (const [what, frames, maxAgeMs] of [
    ['no frame', 0, LONG_MS],
    ['no fresh frame', 1, 1],
  ] as const) {
    const name = poolName('busy');
    const child = new Child('peer');
    await child.ask({ op: 'produce', pool: name, elements: 4 });
    if (frames > 0) await child.ask({ op: 'put', value: 5 });
    using consumer = TensorConsumer.attach<Float64Array>(name);
    await child.kill();
    await sleep(20);
    // Nobody closes the dead one's pool.
    unlinkSync(`/dev/shm/tensoripc.${name}`);
    using heir = produce(name, { historyLen: 7 });
    const watchdog = Date.now() + 60_000;
    let found: number | undefined;
    // No turn of the event loop in here.
    while (found === undefined && Date.now() < watchdog) {
      heir.put(frameOf(6));
      using view = consumer.borrow({ maxAgeMs: consumer.metadata?.historyLen === 7 ? LONG_MS : maxAgeMs });
      found = view?.data[0];
    }
    assert.is(found, 6, what);
  }
});

for (const delivery of ['latest', 'all'] as const) {
  for (const borrow of [false, true]) {
    test(`next and loops wait for a fresh frame, and count those that were too old: ${delivery}, ${borrow ? 'views' : 'copies'}`, async () => {
      const name = poolName('fresh');
      using producer = produce(name, { historyLen: 8 });
      using consumer = TensorConsumer.attach<Float64Array>(name, { delivery });
      producer.put(frameOf(0));
      const loop = borrow ? consumer.frames({ borrow: true, maxAgeMs: 100 }) : consumer.frames({ maxAgeMs: 100 });
      // Until one is read in time: this may be a busy machine.
      const next = async () => {
        const waiting = loop.next();
        let done = false;
        const result = waiting.finally(() => {
          done = true;
        });
        while (!done) {
          await sleep(5);
          if (!done) producer.put(frameOf(0));
        }
        const { value: frame } = await result;
        frame?.release();
        return { sequence: frame?.sequence as number, missed: frame?.missed as number };
      };
      const first = await next();
      for (let k = 0; k < 4; k++) producer.put(frameOf(1));
      await sleep(150);
      const old = producer.nextSequence - 1;
      const before = consumer.stats();
      assert.is(await consumer.next({ maxAgeMs: 100, timeoutMs: 20 }), null, 'what is there is too old');
      assert.is(consumer.tryNext({ maxAgeMs: 100 }), null);
      assert.is(consumer.stats().framesTaken, before.framesTaken, 'and is not taken');
      const second = await next();
      assert.ok(second.sequence > old, 'a newer one is');
      assert.is(second.missed, second.sequence - first.sequence - 1);
      const { framesTaken, framesMissed, lastSequence } = consumer.stats();
      assert.equal([framesTaken, lastSequence], [before.framesTaken + 1, second.sequence]);
      assert.is(framesTaken + framesMissed, second.sequence - (first.sequence - before.framesTaken - before.framesMissed));
      await loop.return?.();
    });
  }
}

test('waiting for a fresh frame while an old one is there does not keep a core busy', async () => {
  const name = poolName('idle');
  using producer = produce(name);
  using consumer = TensorConsumer.attach(name);
  producer.put(frameOf(1));
  await sleep(20);
  const before = process.cpuUsage();
  assert.is(await consumer.next({ maxAgeMs: 10, timeoutMs: 400 }), null);
  const { user, system } = process.cpuUsage(before);
  assert.ok(user + system < 250_000, `${user + system} µs of 400 ms`);
});

test('a lossless reader lets go of frames that are too old: its producer goes on', async () => {
  const name = poolName('go');
  using producer = produce(name, { onPinned: 'drop' });
  using consumer = TensorConsumer.attach(name, { delivery: 'all' });
  let last = 0;
  for (let sequence = 0; sequence >= 0; sequence = producer.put(frameOf(1))) last = sequence;
  await sleep(30);
  assert.is(consumer.tryNext({ maxAgeMs: 10 }), null);
  assert.is(producer.put(frameOf(2)), last + 1);
  const frame = consumer.tryNext();
  assert.equal([frame?.sequence, consumer.stats().framesTaken], [last + 1, 1]);
});

test('the last frame of a pool that is over may be too old, the next pool is read all the same', async () => {
  const name = poolName('over');
  using consumer = TensorConsumer.attach<Float64Array>(name);
  const first = produce(name);
  assert.ok(await consumer.ready());
  first.put(frameOf(1));
  await sleep(30);
  first.close();
  assert.is(await consumer.next({ maxAgeMs: 10, timeoutMs: 50 }), null);
  using second = produce(name);
  second.put(frameOf(2));
  assert.is((await consumer.next({ maxAgeMs: LONG_MS }))?.data[0], 2);
});

/** A consumer with a deadline, and what it was told. */
function timed(name: string, deadlineMs: number) {
  const consumer = TensorConsumer.attach<Float64Array>(name, { deadlineMs });
  const log: (readonly [event: string, ms: number, sequence: number | null])[] = [];
  consumer.on('stall', ({ lateMs, sequence }) => log.push(['stall', lateMs, sequence]));
  consumer.on('resume', ({ gapMs, sequence }) => log.push(['resume', gapMs, sequence]));
  return { consumer, log, told: () => log.map(([event, , sequence]) => [event, sequence]) };
}

test('a stall is told once, and its end, though nobody waits: no producer, one that rests, one that dies, one that closes', async () => {
  const name = poolName('stall');
  const { consumer, log, told } = timed(name, 60);
  using _ = consumer;
  await until(() => log.length === 1, 'there is no producer');
  await sleep(200);
  assert.equal(told(), [['stall', null]], 'once');
  const child = new Child('peer');
  await child.ask({ op: 'produce', pool: name, elements: 4, options: { historyLen: 2 } });
  await sleep(100);
  assert.is(log.length, 1, 'a producer is no frame');
  await child.ask({ op: 'put', value: 1 });
  // It rests.
  await until(() => log.length === 3, 'it comes, and rests');
  assert.equal(told().slice(1), [
    ['resume', 0],
    ['stall', 0],
  ]);
  const [, gapMs] = log[1] as [string, number, number];
  assert.ok(gapMs >= 260, `${gapMs} ms: since the consumer is there`);
  await child.ask({ op: 'put', value: 2 });
  await until(() => log.length === 5, 'it goes on, and rests');
  await child.kill();
  await sleep(200);
  assert.is(log.length, 5, 'it is the same stall');
  const heir = new Child('peer');
  await heir.ask({ op: 'produce', pool: name, elements: 4, options: { historyLen: 2 } });
  await heir.ask({ op: 'put', value: 3 });
  await until(() => log.length === 7, 'a successor goes on');
  assert.equal(told().slice(3), [
    ['resume', 1],
    ['stall', 1],
    ['resume', 2],
    ['stall', 2],
  ]);
  await heir[Symbol.asyncDispose]();
  using other = produce(name);
  other.put(frameOf(4));
  await until(() => log.length === 9, 'another pool');
  assert.equal(told().slice(7), [
    ['resume', 0],
    ['stall', 0],
  ]);
  for (const [event, ms] of log) assert.ok(event === 'stall' ? ms >= 0 : ms >= 60, `${event} ${ms}`);
  consumer.close();
  other.put(frameOf(5));
  await sleep(150);
  assert.is(log.length, 9, 'closed is closed');
});

test('frames that come in time are nothing to tell of', async () => {
  const name = poolName('time');
  using producer = produce(name);
  const { consumer, log } = timed(name, 20_000);
  using _ = consumer;
  for (let k = 0; k < 20; k++) {
    producer.put(frameOf(k));
    await sleep(10);
  }
  assert.equal(log, []);
});

test('whoever comes late is told how late the newest frame is', async () => {
  const name = poolName('late');
  using producer = produce(name);
  for (let k = 0; k < 3; k++) producer.put(frameOf(k));
  await sleep(120);
  const { consumer, log } = timed(name, 20);
  using _ = consumer;
  await until(() => log.length === 1, 'it is told');
  const [event, lateMs, sequence] = log[0] as [string, number, number];
  assert.equal([event, sequence], ['stall', 2]);
  assert.ok(lateMs >= 100, `${lateMs} ms`);
});

test('deadlines do not go by the globals, which test runners fake', async () => {
  const { setTimeout: real, setInterval: repeat } = globalThis;
  const name = poolName('fake');
  const consumer = TensorConsumer.attach(name, { deadlineMs: 30 });
  const stalled = new Promise<void>((resolve) => consumer.once('stall', () => resolve()));
  Object.assign(globalThis, { setTimeout: () => 0, setInterval: () => 0 });
  const alive = repeat(() => {}, 1000);
  try {
    await stalled;
  } finally {
    Object.assign(globalThis, { setTimeout: real, setInterval: repeat });
    clearInterval(alive);
    consumer.close();
  }
});

test('a deadline does not keep the process alive, stalled or not', async () => {
  const name = poolName('ends');
  using producer = produce(name);
  producer.put(frameOf(1));
  for (const deadlineMs of [LONG_MS, 1]) {
    const child = new Child('flags-peer', ['deadline', name, String(deadlineMs)]);
    assert.equal(await child.ended, { code: 0, signal: null }, child.stderr);
  }
});

test.run();
