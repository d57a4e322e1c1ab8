// What a program drops without close(): collected and closed, with a warning; and what it drops that somebody still waits for: kept.

import { readdirSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { inspect, TensorConsumer, TensorProducer, type View } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { leftovers, poolName, sleep, until } from '../support/child';
import { CONSERVATIVE, collectUntil, warnings } from '../support/collect';

const test = suite('dropped');

const COUNT = 20;
/** Of COUNT: how many are to be collected for certain. */
const ENOUGH = CONSERVATIVE ? COUNT - 8 : COUNT;

function frameOf(value: number): Float64Array {
  return new Float64Array(8).fill(value);
}

const places = (name: string) => inspect(name)?.consumers.length ?? 0;
const dropped = (messages: readonly string[], name: string) =>
  messages.filter((message) => message.startsWith(`pool '${name}': `) && message.includes('was dropped without close()')).length;

/** Uses a consumer in every way that leaves something behind, and forgets it. Functions of their own, whose frames are gone. */
async function useAndForget(name: string): Promise<void> {
  const consumer = TensorConsumer.attach<Float64Array>(name, { signal: new AbortController().signal });
  const listener = () => {};
  consumer.on('frame', listener).once('connect', listener);
  await consumer.next({ timeoutMs: 1 });
  await consumer.next({ timeoutMs: 0, signal: new AbortController().signal });
  consumer.get()?.release();
  consumer.borrow()?.release();
  consumer.spin(1);
  const loop = consumer.frames();
  const waiting = loop.next();
  await loop.return?.();
  await waiting;
  consumer.removeAllListeners();
}

test('consumers: their places, doorbells and descriptors are free again, and each is told of once', async () => {
  const name = poolName('consumers');
  using warned = warnings();
  using producer = TensorProducer.fromSample(name, frameOf(0), { historyLen: 2 });
  producer.put(frameOf(1));
  const descriptors = readdirSync('/proc/self/fd').length;
  await Promise.all(Array.from({ length: COUNT }, () => useAndForget(name)));
  assert.is(places(name), COUNT);
  await collectUntil(() => dropped(warned.messages, name) === COUNT);
  assert.ok(dropped(warned.messages, name) >= ENOUGH, `${dropped(warned.messages, name)} of ${COUNT} are collected`);
  await until(() => places(name) <= COUNT - ENOUGH, 'their places are free');
  if (CONSERVATIVE) return;
  assert.equal(leftovers(name), [`tensoripc.${name}`]);
  await until(() => readdirSync('/proc/self/fd').length <= descriptors + 1, 'their descriptors are closed');
  assert.is(new Set(warned.messages).size, 1);
});

test('consumers that wait for a pool which never comes', async () => {
  const name = poolName('nothing');
  using warned = warnings();
  await Promise.all(
    Array.from({ length: COUNT }, async () => {
      await TensorConsumer.attach(name).next({ timeoutMs: 1 });
    }),
  );
  await collectUntil(() => dropped(warned.messages, name) === COUNT);
  assert.ok(dropped(warned.messages, name) >= ENOUGH);
  if (!CONSERVATIVE) assert.equal(leftovers(name), []);
});

test('whatever somebody listens to or waits for is kept', async () => {
  const name = poolName('kept');
  using warned = warnings();
  const control = new AbortController();
  const heard = { frame: 0, onNewData: 0, connect: 0, next: 0, loop: 0 };
  const { signal } = control;
  const open = () => {
    TensorConsumer.attach(name, { signal }).on('frame', () => heard.frame++);
    TensorConsumer.attach(name, { signal, onNewData: () => heard.onNewData++ });
    TensorConsumer.attach(name, { signal })
      .once('connect', () => heard.connect++)
      .on('disconnect', () => {});
    TensorConsumer.attach(name, { signal })
      .next()
      .then((frame) => {
        if (frame !== null) heard.next += 1;
      });
    (async () => {
      for await (const _ of TensorConsumer.attach(name, { signal })) heard.loop += 1;
    })();
  };
  open();
  assert.not.ok(await collectUntil(() => dropped(warned.messages, name) > 0, 40));
  using producer = TensorProducer.fromSample(name, frameOf(0));
  await until(() => places(name) === 5, 'all have found the pool');
  assert.not.ok(await collectUntil(() => dropped(warned.messages, name) > 0, 40));
  producer.put(frameOf(1));
  await until(() => Object.values(heard).every((count) => count === 1), `all have heard: ${JSON.stringify(heard)}`);
  control.abort();
  assert.is(places(name), 0);
  assert.equal(warned.messages, []);
});

test('a view outlives its dropped consumer', async () => {
  const name = poolName('view');
  using warned = warnings();
  using producer = TensorProducer.fromSample(name, frameOf(0), { historyLen: 2 });
  producer.put(frameOf(5));
  const lend = () => TensorConsumer.attach<Float64Array>(name).borrow() as View<Float64Array>;
  const views = Array.from({ length: COUNT }, lend);
  await collectUntil(() => dropped(warned.messages, name) === COUNT);
  assert.ok(dropped(warned.messages, name) >= ENOUGH);
  assert.is(places(name), COUNT, 'their views are out');
  for (const view of views) {
    assert.ok(view.valid && view.data[7] === 5);
    view.release();
  }
  assert.ok(places(name) <= COUNT - ENOUGH);
});

test('producers: their pools are closed, and readers have the last frame before they are told', async () => {
  using warned = warnings();
  const names = Array.from({ length: COUNT }, () => poolName('producers'));
  const readers = names.map((name) => {
    const log: string[] = [];
    const consumer = TensorConsumer.attach<Float64Array>(name, { onNewData: (frame) => log.push(`frame ${frame.data[0]}`) });
    consumer.on('disconnect', (reason) => log.push(reason));
    return { consumer, log };
  });
  const publish = (name: string) => void TensorProducer.fromSample(name, frameOf(0)).put(frameOf(3));
  for (const name of names) publish(name);
  const gone = () => names.filter((name) => dropped(warned.messages, name) === 1).length;
  await collectUntil(() => gone() === COUNT);
  assert.ok(gone() >= ENOUGH);
  for (const [i, name] of names.entries()) {
    if (dropped(warned.messages, name) === 0) continue;
    assert.equal(inspect(name), null);
    const { log } = readers[i] as (typeof readers)[number];
    await until(() => log.includes('closed'), 'the end is told');
    assert.equal(log, ['frame 3', 'closed']);
  }
  for (const { consumer } of readers) consumer.close();
});

test('a producer is kept by a loan that is out, and by a putAsync that waits', async () => {
  using warned = warnings();
  const lent = poolName('lent');
  const slot = (() => TensorProducer.fromSample(lent, frameOf(0)).loan())();
  const waiting = poolName('waiting');
  const put = (() => {
    const producer = TensorProducer.fromSample(waiting, frameOf(0), { historyLen: 1, waitTimeoutMs: 60_000 });
    const reader = TensorConsumer.attach<Float64Array>(waiting, { delivery: 'all' });
    const puts = Array.from({ length: 100 }, (_, k) => producer.putAsync(frameOf(k)));
    return { reader, last: puts.at(-1) as Promise<number>, rest: Promise.all(puts) };
  })();
  using reader = put.reader;
  assert.not.ok(await collectUntil(() => warned.messages.length > 0, 40));
  slot.data.fill(8);
  assert.is(slot.commit(), 0);
  for (let k = 0; k < 100; k++) assert.is((await reader.next())?.data[0], k);
  assert.is(await put.last, 99);
  await put.rest;
});

test('what is closed is not told of', async () => {
  const name = poolName('closed');
  using warned = warnings();
  const openAndClose = () => {
    using producer = TensorProducer.fromSample(name, frameOf(0));
    using consumer = TensorConsumer.attach(name);
    assert.is(consumer.get(), null);
    assert.is(producer.nextSequence, 0);
  };
  for (let i = 0; i < COUNT; i++) openAndClose();
  assert.not.ok(await collectUntil(() => dropped(warned.messages, name) > 0, 40));
});

test('in a worker thread', async () => {
  const pool = poolName('thread');
  const worker = new Worker(new URL('./drop-thread.mjs', import.meta.url));
  const answer = new Promise<{ consumers: number; producers: number }>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  worker.postMessage({ pool, count: COUNT });
  const { consumers, producers } = await answer;
  assert.ok(consumers >= ENOUGH, `${consumers} of ${COUNT}`);
  if (!CONSERVATIVE) {
    assert.is(producers, 1);
    assert.equal(leftovers(pool), []);
  }
  await worker.terminate();
  await sleep(5);
});

test.run();
