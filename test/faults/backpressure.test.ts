// What producers do while readers are in their way: whom they count, and what else in the process goes on.

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { inspect, TensorConsumer, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Child, leftovers, poolName, sleep } from '../support/child';

const test = suite('backpressure');

/** Longer than a producer takes the word of a view in its way. */
const REAPED_MS = 60;

const frame = () => new Float64Array(512);

test("'overwrite' counts no frame over the views of a process that was killed", async () => {
  const name = poolName('overrun-dead');
  using producer = TensorProducer.fromSample(name, frame(), { onPinned: 'overwrite' });
  await using child = new Child('peer');
  await child.ask({ op: 'consume', pool: name });
  producer.put(frame());
  await child.ask({ op: 'borrow' });
  const slots = inspect(name)?.slotCapacity as number;
  for (let k = 0; k < slots + 10; k++) producer.put(frame());
  const alive = producer.stats().framesOverrun;
  assert.ok(alive > 0, 'frames over a live view are counted');
  await child.kill();
  await sleep(REAPED_MS);
  for (let k = 0; k < 200; k++) producer.put(frame());
  assert.is(producer.stats().framesOverrun, alive, 'after the kill none is counted');
});

test("'overwrite' counts with putAsync as with put", async () => {
  const name = poolName('overrun-async');
  using producer = TensorProducer.fromSample(name, frame(), { onPinned: 'overwrite' });
  using consumer = TensorConsumer.attach(name);
  producer.put(frame());
  using view = consumer.borrow();
  const slots = inspect(name)?.slotCapacity as number;
  for (let k = 1; k < slots; k++) await producer.putAsync(frame());
  assert.is(producer.stats().framesOverrun, 0);
  assert.ok(view?.valid);
  for (let k = 0; k < 5; k++) await producer.putAsync(frame());
  assert.is(producer.stats().framesOverrun, 5);
  assert.not.ok(view?.valid);
});

test('putAsync: the reader’s release wakes the producer, in this process and in another', async () => {
  const name = poolName('async-wake');
  using producer = TensorProducer.fromSample(name, frame());
  const slots = inspect(name)?.slotCapacity as number;
  await using child = new Child('peer');
  await child.ask({ op: 'consume', pool: name });
  using near = TensorConsumer.attach(name);
  producer.put(frame());
  const waitsMs: number[] = [];
  for (let round = 0; round < 30; round++) {
    const far = round % 2 === 0;
    const view = far ? null : near.borrow();
    if (far) await child.ask({ op: 'borrow' });
    for (let k = 1; k < slots; k++) await producer.putAsync(frame());
    const waits = producer.stats().waits;
    const put = producer.putAsync(frame());
    await sleep(2);
    assert.is(producer.stats().waits, waits + 1, 'it waits');
    const released = performance.now();
    if (far) child.send({ op: 'release' });
    else view?.release();
    await put;
    waitsMs.push(performance.now() - released);
    if (far) await child.receive();
  }
  waitsMs.sort((a, b) => a - b);
  // The look for the dead comes every 50 ms: a producer that is rung does not wait for it.
  assert.ok((waitsMs[15] as number) < 40, `median ${waitsMs[15]} ms`);
  near.cleanup();
  await child.ask({ op: 'close' });
  producer.cleanup();
  assert.equal(leftovers(name), []);
});

test('a put that blocks while a putAsync waits: both are published, and neither waits for ever', async () => {
  const name = poolName('both');
  using producer = TensorProducer.fromSample(name, frame(), { waitTimeoutMs: 60_000 });
  const slots = inspect(name)?.slotCapacity as number;
  await using child = new Child('peer');
  await child.ask({ op: 'consume', pool: name });
  producer.put(frame());
  await child.ask({ op: 'borrow' });
  for (let k = 1; k < slots; k++) producer.put(frame());
  const waiting = producer.putAsync(frame());
  await sleep(20);
  child.send({ op: 'release' });
  const sequence = producer.put(frame());
  assert.equal([sequence, await waiting].sort(), [slots, slots + 1]);
});

test('closing ends a putAsync that waits', async () => {
  const name = poolName('close');
  const producer = TensorProducer.fromSample(name, frame(), { waitTimeoutMs: Infinity });
  using consumer = TensorConsumer.attach(name);
  producer.put(frame());
  using _view = consumer.borrow();
  const slots = inspect(name)?.slotCapacity as number;
  for (let k = 1; k < slots; k++) producer.put(frame());
  const outcome = producer.putAsync(frame()).then(
    () => 'published',
    (error) => error.code,
  );
  await sleep(10);
  producer.cleanup();
  assert.is(await outcome, 'CLOSED');
  consumer.cleanup();
  assert.equal(leftovers(name), []);
});

test('a successor takes the doorbell of a producer that was killed while it waited', async () => {
  const name = poolName('successor');
  const child = new Child('peer');
  await child.ask({ op: 'produce', pool: name, elements: 512 });
  await child.kill();
  // What a kill during a wait leaves: the file that bears the pool's id, which nobody reads.
  const poolId = inspect(name)?.poolId as bigint;
  const file = `/dev/shm/tensoripc-bell.${name}.${poolId.toString(16).padStart(16, '0')}`;
  execFileSync('mkfifo', ['-m', '600', file]);
  using producer = TensorProducer.fromSample(name, frame());
  using consumer = TensorConsumer.attach(name);
  producer.put(frame());
  const view = consumer.borrow();
  const slots = inspect(name)?.slotCapacity as number;
  for (let k = 1; k < slots; k++) producer.put(frame());
  const put = producer.putAsync(frame());
  await sleep(10);
  assert.equal(inspect(name)?.doorbells, [], "the producer's own is no consumer's");
  view?.release();
  assert.is(await put, slots);
  consumer.cleanup();
  producer.cleanup();
  assert.equal(leftovers(name), []);
});

test("eight producers that wait leave the runtime's threads to the program", async () => {
  const name = poolName('threads');
  const path = fileURLToPath(import.meta.url);
  await using child = new Child('backpressure-peer', [], { UV_THREADPOOL_SIZE: '1' });
  await child.ask({ op: 'wait', pool: name, count: 8 });
  const times: number[] = [];
  for (let k = 0; k < 5; k++) times.push((await child.ask<{ value: number }>({ op: 'read file', path })).value);
  times.sort((a, b) => a - b);
  // Opening, looking, reading and closing, each behind eight sleeps of 50 ms, would take more than a second.
  assert.ok((times[2] as number) < 400, `median ${times[2]} ms`);
  const { value } = await child.ask<{ value: unknown[] }>({ op: 'release' });
  assert.equal(new Set(value), new Set([3]));
});

test('three hundred producers may wait at once', async () => {
  const name = poolName('many');
  await using child = new Child('backpressure-peer');
  await child.ask({ op: 'wait', pool: name, count: 300 });
  const { value } = await child.ask<{ value: unknown[] }>({ op: 'release' });
  assert.is(value.length, 300);
  assert.equal(new Set(value), new Set([3]));
});

test.run();
