import { type Frame, TensorConsumer, TensorIpcError, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Child, hasCode, leftovers, poolName, sleep, until } from '../support/child';

const test = suite('waiting');

function frameOf(value: number): Float64Array {
  return new Float64Array(8).fill(value);
}

function pair(label: string) {
  const name = poolName(label);
  const producer = TensorProducer.fromSample(name, frameOf(0), { historyLen: 4 });
  const consumer = TensorConsumer.attach<Float64Array>(name);
  return {
    name,
    producer,
    consumer,
    [Symbol.dispose]() {
      consumer.cleanup();
      producer.cleanup();
      assert.equal(leftovers(name), []);
    },
  };
}

test('next: at once when there is a newer frame, later when there is not', async () => {
  using p = pair('next');
  p.producer.put(frameOf(1));
  assert.is((await p.consumer.next())?.sequence, 0);
  const waiting = p.consumer.next();
  await sleep(20);
  p.producer.put(frameOf(2));
  assert.is((await waiting)?.data[7], 2);
  p.producer.put(frameOf(3));
  p.consumer.get();
  assert.is(await p.consumer.next({ timeoutMs: 20 }), null, 'get has seen that one');
});

test('next: every frame once when the reader keeps up', async () => {
  using p = pair('each');
  for (let k = 0; k < 500; k++) {
    const waiting = p.consumer.next();
    if (k % 3 === 0) await sleep(0);
    p.producer.put(frameOf(k));
    const frame = await waiting;
    assert.is(frame?.sequence, k);
    assert.is(frame?.missed, 0);
  }
});

test('next: timeout is null, abort rejects, cleanup is null, bad timeouts are errors', async () => {
  using p = pair('ends');
  assert.is(await p.consumer.next({ timeoutMs: 0 }), null);
  assert.is(await p.consumer.next({ timeoutMs: 5 }), null);
  const reason = new Error('enough');
  const control = new AbortController();
  const aborted = p.consumer.next({ signal: control.signal });
  control.abort(reason);
  await aborted.then(
    () => assert.unreachable(),
    (error) => assert.is(error, reason),
  );
  await p.consumer.next({ signal: AbortSignal.abort(reason) }).then(
    () => assert.unreachable(),
    (error) => assert.is(error, reason),
  );
  await p.consumer.next({ timeoutMs: -1 }).then(
    () => assert.unreachable(),
    (error) => assert.is(error.code, 'INVALID_ARGUMENT'),
  );
  const pending = p.consumer.next();
  p.consumer.cleanup();
  assert.is(await pending, null);
});

test('several waiters get a frame each, in the order of their calls', async () => {
  using p = pair('several');
  const waiters = [p.consumer.next(), p.consumer.next(), p.consumer.next()];
  for (const [k, waiting] of waiters.entries()) {
    await sleep(5);
    p.producer.put(frameOf(9 + k));
    const frame = await waiting;
    assert.equal([frame?.sequence, frame?.data[3]], [k, 9 + k]);
  }
});

test('for await: in order, with the missed ones counted; a break ends it', async () => {
  using p = pair('loop');
  const lags: number[] = [];
  p.consumer.on('lag', ({ missed }) => lags.push(missed));
  setTimeout(() => p.producer.put(frameOf(0)), 1);
  let delivered = 0;
  let missed = 0;
  for await (const frame of p.consumer) {
    delivered += 1;
    missed += frame.missed;
    assert.is(delivered + missed, frame.sequence + 1);
    if (frame.sequence >= 60) break;
    for (let burst = 0; burst < 1 + (frame.sequence % 4); burst++) p.producer.put(frameOf(p.producer.nextSequence));
  }
  assert.ok(missed > 0);
  assert.is(
    lags.reduce((a, b) => a + b, 0),
    missed,
  );
});

test('for await with borrow: views, released at the end of each turn', async () => {
  using p = pair('loop-borrow');
  let last: { valid: boolean } | null = null;
  setTimeout(() => p.producer.put(frameOf(0)), 1);
  for await (using view of p.consumer.frames({ borrow: true })) {
    assert.is(view.data[0], view.sequence);
    assert.ok(view.valid);
    assert.not.ok(last?.valid);
    last = view;
    if (view.sequence === 20) break;
    p.producer.put(frameOf(view.sequence + 1));
  }
});

test('two loops and next have each their own place', async () => {
  using p = pair('cursors');
  const seen: number[][] = [[], []];
  const loops = seen.map(async (list) => {
    for await (const frame of p.consumer.frames()) {
      list.push(frame.sequence);
      if (frame.sequence === 30) return;
    }
  });
  for (let k = 0; k <= 30; k++) {
    p.producer.put(frameOf(k));
    await until(() => seen.every((list) => list.at(-1) === k), `both loops saw ${k}`);
    if (k % 5 === 0) p.consumer.get();
  }
  await Promise.all(loops);
  assert.equal(
    seen[0],
    Array.from({ length: 31 }, (_, k) => k),
  );
  assert.equal(seen[1], seen[0]);
});

test('a loop that is always behind leaves the event loop its turns', async () => {
  using p = pair('starve');
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  p.producer.put(frameOf(0));
  for await (const frame of p.consumer) {
    // There is a newer frame every time: the loop never really waits.
    p.producer.put(frameOf(frame.sequence + 1));
    if (ticks >= 10) break;
  }
  clearInterval(timer);
  assert.ok(ticks >= 10);
});

test('a signal ends a loop', async () => {
  using p = pair('signal');
  const control = new AbortController();
  setTimeout(() => control.abort(), 20);
  for await (const _ of p.consumer.frames({ signal: control.signal })) assert.unreachable();
  assert.ok(control.signal.aborted);
});

test('onNewData and frame events: the latest, in order, also with several at once', async () => {
  const name = poolName('events');
  using producer = TensorProducer.fromSample(name, frameOf(0));
  const called: number[] = [];
  const heard: number[] = [];
  using consumer = TensorConsumer.fromSample(name, frameOf(0), { onNewData: (frame) => called.push(frame.data[0] as number) });
  const listener = (frame: Frame<Float64Array>) => heard.push(frame.sequence);
  consumer.on('frame', listener);
  for (let k = 0; k < 50; k++) {
    producer.put(frameOf(k));
    await until(() => called.at(-1) === k, `frame ${k} was announced`);
  }
  consumer.off('frame', listener);
  producer.put(frameOf(50));
  await until(() => called.at(-1) === 50, 'the callback goes on alone');
  assert.is(called.length, 51);
  assert.is(heard.length, 50);
});

test('an exception in a callback is the caller’s, and does not stop the others', async () => {
  using p = pair('throws');
  const uncaught: unknown[] = [];
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => uncaught.push(error));
  const seen: number[] = [];
  p.consumer.on('frame', () => {
    throw new Error('mine');
  });
  p.consumer.on('frame', (frame) => seen.push(frame.sequence));
  for (let k = 0; k < 3; k++) {
    p.producer.put(frameOf(k));
    await until(() => seen.at(-1) === k, `frame ${k}`);
  }
  await until(() => uncaught.length === 3, 'the errors surfaced');
  process.removeAllListeners('uncaughtException');
  for (const listener of listeners) process.on('uncaughtException', listener);
  assert.equal(
    uncaught.map((error) => (error as Error).message),
    ['mine', 'mine', 'mine'],
  );
});

test('waitSync and spin: true for a newer frame, false when the time is over', async () => {
  using p = pair('sync');
  assert.is(p.consumer.waitSync(5), false);
  assert.is(p.consumer.spin(50), false);
  p.producer.put(frameOf(1));
  assert.is(p.consumer.waitSync(), true);
  assert.is(p.consumer.spin(), true);
  p.consumer.get();
  assert.is(p.consumer.waitSync(0), false);
  assert.is(p.consumer.spin(0), false);
  assert.throws(() => p.consumer.waitSync(Number.NaN), hasCode('INVALID_ARGUMENT'));
});

test('waitSync and spin wake for a frame of another process', async () => {
  const name = poolName('sync-far');
  await using child = new Child('peer');
  await child.ask({ op: 'produce', pool: name, elements: 8 });
  using consumer = TensorConsumer.attach<Float64Array>(name);
  for (let k = 0; k < 20; k++) {
    child.send({ op: 'put', value: k });
    assert.ok(k % 2 === 0 ? consumer.waitSync(60_000) : consumer.spin(60_000_000));
    assert.is(consumer.get()?.data[0], k);
    await child.receive();
  }
  // A loop that waits on the event loop is still served after the thread was blocked.
  const waiting = consumer.next();
  assert.is(consumer.waitSync(1), false);
  await child.ask({ op: 'put', value: 99 });
  assert.is((await waiting)?.data[0], 99);
});

test('waitSync waits for a producer that is not there yet', async () => {
  const name = poolName('sync-before');
  using consumer = TensorConsumer.attach<Float64Array>(name);
  assert.is(consumer.waitSync(10), false);
  await using child = new Child('peer');
  await child.ask({ op: 'cpu' });
  child.send({ op: 'produce', pool: name, elements: 8 });
  child.send({ op: 'put', value: 3 });
  assert.ok(consumer.waitSync(60_000));
  assert.is(consumer.get()?.data[0], 3);
});

test('a waiting consumer costs no processor time', async () => {
  const name = poolName('idle');
  using _producer = TensorProducer.fromSample(name, frameOf(0));
  await using child = new Child('peer');
  await child.ask({ op: 'consume', pool: name });
  const used = async () => {
    const { value } = await child.ask<{ value: NodeJS.CpuUsage }>({ op: 'cpu' });
    return value.user + value.system;
  };
  await sleep(300);
  const before = await used();
  await sleep(2000);
  const spentUs = (await used()) - before;
  // A busy loop would be two seconds; the watch timer is a few hundred microseconds.
  assert.ok(spentUs < 200_000, `${spentUs} µs of processor time in 2 s`);
});

test('stats: what was taken, missed, and how far behind', () => {
  using p = pair('stats');
  assert.equal(p.consumer.stats(), { connected: true, lastSequence: null, lag: 0, framesTaken: 0, framesMissed: 0 });
  for (let k = 0; k < 5; k++) p.producer.put(frameOf(k));
  assert.equal(p.consumer.stats(), { connected: true, lastSequence: null, lag: 5, framesTaken: 0, framesMissed: 0 });
  p.consumer.get();
  p.consumer.get();
  assert.equal(p.consumer.stats(), { connected: true, lastSequence: 4, lag: 0, framesTaken: 1, framesMissed: 0 });
  for (let k = 5; k < 9; k++) p.producer.put(frameOf(k));
  p.consumer.borrow()?.release();
  p.producer.put(frameOf(9));
  assert.equal(p.consumer.stats(), { connected: true, lastSequence: 8, lag: 1, framesTaken: 2, framesMissed: 3 });
  p.producer.cleanup();
  p.consumer.get();
  assert.is(p.consumer.stats().connected, false);
});

test('closed: everything says so', async () => {
  using p = pair('closed');
  p.consumer.cleanup();
  p.consumer.close();
  for (const use of [() => p.consumer.get(), () => p.consumer.borrow(), () => p.consumer.waitSync(1), () => p.consumer.spin(1)]) {
    assert.throws(use, hasCode('CLOSED'));
  }
  await p.consumer.next().then(
    (frame) => assert.is(frame, null),
    (error) => assert.ok(error instanceof TensorIpcError),
  );
  for await (const _ of p.consumer) assert.unreachable();
});

test.run();
