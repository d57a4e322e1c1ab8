// Worker threads: pools of their own, and the mapped pages of another thread.

import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { inspect, type SharedPool, TensorConsumer, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ThreadRequest } from '../programs/thread-peer';
import { hasCode, leftovers, poolName, sleep, until } from '../support/child';

const test = suite('threads');

const ELEMENTS = 4096;
const frameOf = (value: number) => new Float64Array(ELEMENTS).fill(value);

/** A worker thread, one answer to each request. */
class Thread {
  readonly #worker = new Worker(new URL('./thread-peer.mjs', import.meta.url));
  readonly ended = new Promise((resolve) => this.#worker.once('exit', resolve));

  async ask<T = unknown>(request: ThreadRequest): Promise<T> {
    const answer = new Promise<{ value: T } | { error: { message: string; code: string } }>((resolve, reject) => {
      this.#worker.once('message', resolve);
      this.#worker.once('error', reject);
      this.#worker.once('messageerror', reject);
    });
    this.#worker.postMessage(request);
    const result = await answer;
    this.#worker.removeAllListeners('error').removeAllListeners('messageerror');
    if ('error' in result) throw Object.assign(new Error(result.error.message), { code: result.error.code });
    return result.value;
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.terminate();
  }
}

/** How many maps of the pool's object this process has. */
function mapsOf(pool: string): number {
  return readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .filter((line) => line.includes(`tensoripc.${pool}`)).length;
}

test('a consumer in a worker attaches by name', async () => {
  const name = poolName('thread');
  using producer = TensorProducer.fromSample(name, frameOf(0), { historyLen: 3 });
  await using thread = new Thread();
  assert.is(await thread.ask({ op: 'attach', pool: name }), true);
  const next = thread.ask({ op: 'next' });
  producer.put(frameOf(5));
  assert.equal(await next, { sequence: 0, first: 5 });
  await thread.ask({ op: 'close' });
});

test('a worker waits for its producer, hears that frames are late, and ends with it', async () => {
  const name = poolName('follow');
  await using thread = new Thread();
  const following = thread.ask<string[]>({ op: 'follow', pool: name });
  await until(() => leftovers(name).length > 0, 'it waits');
  await sleep(300);
  const producer = TensorProducer.fromSample(name, frameOf(0));
  await until(() => inspect(name)?.consumers.length === 1, 'it has come');
  // Many at a pace within the deadline: on a busy machine a single one may be late as well.
  for (const last of [20, 40]) {
    for (let value = last - 19; value <= last; value++) {
      producer.put(frameOf(value));
      await sleep(10);
    }
    await until(() => inspect(name)?.consumers[0]?.lastSequence === last - 1, 'it has read');
    if (last === 20) await sleep(300);
  }
  producer.close();
  const log = await following;
  const frames = log.filter((line) => !/^(stall|resume)/.test(line));
  assert.is(frames[0], 'ready true');
  assert.ok(frames.includes('frame 20') && frames.at(-1) === 'frame 40', log.join(', '));
  const numbers = frames.slice(1).map((line) => Number(line.slice('frame '.length)));
  assert.ok(
    numbers.every((value, at) => at === 0 || value > (numbers[at - 1] as number)),
    log.join(', '),
  );
  const [before, between, after] = ['stall null', 'stall 19', 'frame 40'].map((line) => log.indexOf(line)) as [
    number,
    number,
    number,
  ];
  const resumes = log.flatMap((line, at) => (line.startsWith('resume') ? [at] : []));
  assert.ok(before >= 0 && before < between && between < after, log.join(', '));
  for (const [from, to] of [
    [before, between],
    [between, log.length],
  ] as const) {
    assert.ok(
      resumes.some((at) => at > from && at < to),
      log.join(', '),
    );
  }
});

test('a worker looks at what a producer has put, and takes no part', async () => {
  const name = poolName('thread');
  await using thread = new Thread();
  await thread.ask({ op: 'attach', pool: name });
  assert.is(await thread.ask({ op: 'peek' }), null);
  using producer = TensorProducer.fromSample(name, frameOf(0));
  producer.put(frameOf(4));
  assert.is(await thread.ask({ op: 'peek' }), 4);
  await thread.ask({ op: 'close' });
});

test('a producer in a worker', async () => {
  const name = poolName('thread');
  await using thread = new Thread();
  assert.is(await thread.ask({ op: 'produce', pool: name, elements: ELEMENTS }), 0);
  using consumer = TensorConsumer.attach<Float64Array>(name);
  const next = consumer.next();
  await thread.ask({ op: 'put', value: 3 });
  assert.equal((await next)?.data, frameOf(3));
  await thread.ask({ op: 'close' });
  assert.is(consumer.get(), null);
  consumer.close();
  assert.equal(leftovers(name), []);
});

for (const [who, open] of [
  ['producer', (name: string) => ({ pool: null, share: TensorProducer.prototype.share, name })],
  ['consumer', (name: string) => ({ pool: TensorConsumer.attach(name), share: TensorConsumer.prototype.share, name })],
] as const) {
  test(`a ${who} shares its pages: the worker maps nothing`, async () => {
    const name = poolName('shared');
    using producer = TensorProducer.fromSample(name, frameOf(0), { historyLen: 3 });
    const { pool } = open(name);
    for (let value = 0; value < 4; value++) producer.put(frameOf(value));
    const maps = mapsOf(name);
    assert.ok(maps > 0);
    await using thread = new Thread();
    const shared = (pool ?? producer).share() as SharedPool;
    assert.is(shared.name, name);
    assert.is(await thread.ask({ op: 'adopt', shared }), true);
    assert.is(mapsOf(name), maps, 'nothing is mapped twice');
    assert.equal(await thread.ask({ op: 'get' }), { sequence: 3, shape: [ELEMENTS], values: [3] });
    assert.equal(await thread.ask({ op: 'get', historyLen: 3 }), { sequence: 3, shape: [3, ELEMENTS], values: [3, 2, 1] });
    const next = thread.ask({ op: 'next' });
    producer.put(frameOf(9));
    assert.equal(await next, { sequence: 4, first: 9 });
    producer.put(frameOf(10));
    assert.is(await thread.ask({ op: 'waitSync' }), true);
    const consumers = inspect(name)?.consumers.length;
    assert.is(consumers, pool === null ? 1 : 2, 'it is a consumer of its own');
    await thread.ask({ op: 'close' });
    pool?.close();
    assert.is(inspect(name)?.consumers.length, 0);
  });
}

test('a lossless reader in a worker', async () => {
  const name = poolName('shared');
  using producer = TensorProducer.fromSample(name, frameOf(0), { historyLen: 3 });
  await using thread = new Thread();
  await thread.ask({ op: 'adopt', shared: producer.share(), options: { delivery: 'all', from: 'oldest' } });
  for (let value = 0; value < 20; value++) {
    await producer.putAsync(frameOf(value));
    assert.equal(await thread.ask({ op: 'next' }), { sequence: value, first: value });
  }
  await thread.ask({ op: 'close' });
});

test('frames of varying length, put by one worker and read by another on shared pages, and by name', async () => {
  const name = poolName('varying-thread');
  await using writer = new Thread();
  await writer.ask({ op: 'produceVarying', pool: name, maxLength: ELEMENTS });
  using consumer = TensorConsumer.attach<Float64Array>(name);
  const maps = mapsOf(name);
  await using shared = new Thread();
  await using named = new Thread();
  assert.is(await shared.ask({ op: 'adopt', shared: consumer.share() as SharedPool }), true);
  assert.is(mapsOf(name), maps, 'nothing is mapped twice');
  assert.is(await named.ask({ op: 'attach', pool: name }), true);
  const sizes = [7, 0, ELEMENTS, 100, 1];
  for (const [value, length] of sizes.entries()) {
    assert.is(await writer.ask({ op: 'putVarying', length, value, loan: value % 2 === 1 }), value);
    const last = [value, value - 1, value - 2].map((k) => sizes[k] ?? 0);
    const expected = {
      shape: [length],
      windowShape: [3, ELEMENTS],
      lengths: last,
      values: last.map((size, i) => (size === 0 ? [] : [value - i])),
    };
    for (const thread of [shared, named]) assert.equal(await thread.ask({ op: 'lengths', historyLen: 3 }), expected);
    assert.equal(
      [...(consumer.get()?.data ?? [])],
      Array.from({ length }, () => value),
    );
  }
  for (const thread of [shared, named, writer]) await thread.ask({ op: 'close' });
  consumer.close();
  assert.equal(leftovers(name), []);
});

test('a view that is out in a worker outlives the thread that mapped it; the last one unmaps', async () => {
  const name = poolName('shared');
  const producer = TensorProducer.fromSample(name, frameOf(0), { historyLen: 2 });
  producer.put(frameOf(7));
  await using one = new Thread();
  await using two = new Thread();
  await one.ask({ op: 'adopt', shared: producer.share() });
  await two.ask({ op: 'adopt', shared: producer.share() });
  assert.equal(await one.ask({ op: 'borrow' }), { sequence: 0, first: 7 });
  producer.close();
  assert.equal(leftovers(name), [], 'the name is free at once');
  assert.is(await one.ask({ op: 'seen' }), 7);
  assert.is(await one.ask({ op: 'get' }), null, 'the pool is closed');
  assert.is(await one.ask({ op: 'seen' }), 7, 'the view is not');
  await two.ask({ op: 'close' });
  assert.is.not(mapsOf(name), 0);
  await one.ask({ op: 'release' });
  await one.ask({ op: 'close' });
  assert.is(mapsOf(name), 0);
  // The address space is used again.
  using again = TensorProducer.fromSample(poolName('shared'), frameOf(0), { historyLen: 2 });
  assert.is(again.put(frameOf(1)), 0);
});

test('when the pool ends, the reader attaches to the next one under the name', async () => {
  const name = poolName('shared');
  const first = TensorProducer.fromSample(name, frameOf(0), { historyLen: 2 });
  await using thread = new Thread();
  await thread.ask({ op: 'adopt', shared: first.share() });
  first.put(frameOf(1));
  assert.equal(await thread.ask({ op: 'next' }), { sequence: 0, first: 1 });
  const next = thread.ask({ op: 'next' });
  first.close();
  using second = TensorProducer.fromSample(name, frameOf(0), { historyLen: 2 });
  await until(() => (inspect(name)?.consumers.length ?? 0) > 0, 'the worker has come back');
  second.put(frameOf(2));
  assert.equal(await next, { sequence: 0, first: 2 });
  await thread.ask({ op: 'close' });
});

test('each is for one reader, while its pool is open', async () => {
  const name = poolName('shared');
  const producer = TensorProducer.fromSample(name, frameOf(0));
  const shared = producer.share();
  const late = producer.share();
  await using thread = new Thread();
  await thread.ask({ op: 'adopt', shared });
  const refused = (given: SharedPool) => assert.throws(() => TensorConsumer.fromShared(given), hasCode('CLOSED'));
  refused(shared);
  await thread.ask({ op: 'close' });
  refused(shared);
  producer.close();
  refused(late);
  assert.is(mapsOf(name), 0, 'an offer that nobody took holds nothing');
});

test('what a reader was given it cannot share on', () => {
  using producer = TensorProducer.fromSample(poolName('shared'), frameOf(0));
  using reader = TensorConsumer.fromShared(producer.share());
  assert.throws(() => reader.share(), hasCode('INVALID_ARGUMENT'));
});

test('without a producer there is nothing to share', () => {
  using consumer = TensorConsumer.attach(poolName('shared'));
  assert.is(consumer.share(), null);
});

test('what is no shared pool of this process is refused', () => {
  using producer = TensorProducer.fromSample(poolName('shared'), frameOf(0));
  const shared = producer.share();
  const wrong: unknown[] = [
    JSON.parse(JSON.stringify(shared)),
    { ...shared, kind: 'pool' },
    { kind: shared.kind, name: shared.name },
    { ...shared, parts: { ...(shared as { parts?: object }).parts, pid: 1 } },
    null,
    undefined,
    producer,
  ];
  for (const value of wrong) assert.throws(() => TensorConsumer.fromShared(value as SharedPool), hasCode('INVALID_ARGUMENT'));
});

test('a view posted to a worker is the same memory', async () => {
  const name = poolName('shared');
  using producer = TensorProducer.fromSample(name, frameOf(0));
  await using thread = new Thread();
  using slot = producer.loan();
  assert.is(await thread.ask({ op: 'write', view: slot.data as Float64Array, value: 42 }), ELEMENTS);
  slot.commit();
  using consumer = TensorConsumer.attach<Float64Array>(name);
  assert.equal(consumer.get()?.data, frameOf(42));
});

test('a worker that is terminated with a pool open', async () => {
  const name = poolName('terminated');
  using producer = TensorProducer.fromSample(name, frameOf(0), { historyLen: 2 });
  producer.put(frameOf(1));
  const thread = new Thread();
  await thread.ask({ op: 'adopt', shared: producer.share() });
  await thread.ask({ op: 'borrow' });
  await thread.terminate();
  // Bun leaves a thread's descriptors open: the entry is held until the process ends.
  if ('bun' in process.versions) {
    console.log('note: terminate() leaves what the worker had open until the process ends');
    return;
  }
  await until(() => inspect(name)?.consumers[0]?.alive === false, 'its lock is gone');
  for (let value = 2; value < 8; value++) assert.ok(producer.put(frameOf(value)) > 0, 'its view holds nothing');
});

test('a worker that ends by itself leaves nothing', async () => {
  const name = poolName('ended');
  const source = `
    const { parentPort } = require('node:worker_threads');
    import(${JSON.stringify(new URL('./thread-peer.mjs', import.meta.url).href)}).then(() => {
      parentPort.on('message', ({ op }) => op === 'get' && setTimeout(() => process.exit(0), 20));
    });`;
  const worker = new Worker(source, { eval: true });
  const ended = new Promise((resolve) => worker.once('exit', resolve));
  const answer = () => new Promise((resolve) => worker.once('message', resolve));
  worker.postMessage({ op: 'produce', pool: name, elements: 8 });
  assert.equal(await answer(), { value: 0 });
  assert.equal(leftovers(name), [`tensoripc.${name}`]);
  worker.postMessage({ op: 'get' });
  await ended;
  assert.equal(leftovers(name), []);
});

test.run();
