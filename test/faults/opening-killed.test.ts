// Producers that end while they create or take over a pool in turns, and what the next one finds; page tables after a take-over.

import { readdirSync, statSync } from 'node:fs';
import { inspect, TensorConsumer, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Child, leftovers, poolName } from '../support/child';

const test = suite('opening, killed');

const BYTES = 64 << 20;

/** A child that has come so far with a pool of BYTES, and is stopped there. */
async function halfWay(name: string): Promise<Child> {
  const child = new Child('opening-peer', [name, String(BYTES)]);
  assert.type(await child.receive(), 'number');
  child.signal('SIGSTOP');
  return child;
}

const reserved = (name: string) => statSync(`/dev/shm/tensoripc.${name}`).blocks * 512;

for (const how of ['create', 'constructor'] as const) {
  test(`kill -9 in the middle leaves what the next ${how} cleans away`, async () => {
    const name = poolName(`killed-${how}`);
    using waiting = TensorConsumer.attach<Uint8Array>(name);
    const next = waiting.next();
    const child = await halfWay(name);
    assert.ok(reserved(name) > 0, 'pages are reserved');
    assert.not.ok(waiting.connected);
    await child.kill();
    assert.equal(leftovers(name).length, 2, 'the object, and the doorbell of the one that waits');
    const frame = new Uint8Array(1000);
    using producer = how === 'create' ? await TensorProducer.create(name, frame) : TensorProducer.fromSample(name, frame);
    producer.put(frame.fill(4));
    assert.is((await next)?.data[999], 4);
    assert.ok(reserved(name) < BYTES, 'the pages of the dead one are gone');
  });
}

for (const [way, end] of [
  ['process.exit', (child: Child) => child.send('exit')],
  ['an error that nobody handles', (child: Child) => child.send('throw')],
  ['SIGTERM', (child: Child) => child.signal('SIGTERM')],
] as const) {
  test(`${way} in the middle leaves nothing`, async () => {
    const name = poolName('ended');
    const child = await halfWay(name);
    assert.equal(leftovers(name).length, 1);
    end(child);
    child.signal('SIGCONT');
    await child.ended;
    assert.equal(leftovers(name), []);
  });
}

test('a pool that is under construction is kept from others, and seen as what it is', async () => {
  const name = poolName('seen');
  const child = await halfWay(name);
  try {
    assert.is(inspect(name), null);
    assert.ok(readdirSync('/dev/shm').includes(`tensoripc.${name}`));
  } finally {
    await child.kill();
  }
  using producer = await TensorProducer.create(name, new Uint8Array(8));
  assert.is(inspect(name)?.framesPublished, 0);
  producer.close();
});

const FRAME_BYTES = 1 << 22;
const PAGES = FRAME_BYTES / 4096;

/** A dead producer's pool of so many frames. */
async function deadPool(name: string, historyLen: number): Promise<void> {
  const child = new Child('peer');
  await child.ask({ op: 'produce', pool: name, elements: FRAME_BYTES / 8, options: { historyLen } });
  await child.ask({ op: 'put', value: 1, count: 2 * historyLen });
  await child.kill();
}

/** Page faults of writing one element of each page of `count` frames. */
function faultsOf(producer: TensorProducer<Float64Array>, count: number): number {
  const before = process.resourceUsage().minorPageFault;
  for (let i = 0; i < count; i++) {
    using slot = producer.loan();
    for (let page = 0; page < PAGES; page++) slot.data[page * 512] = page;
    slot.commit();
  }
  return process.resourceUsage().minorPageFault - before;
}

for (const how of ['create', 'constructor'] as const) {
  test(`the first lap after a take-over by ${how} meets no page that is not mapped`, async () => {
    const name = poolName('lap');
    await deadPool(name, 16);
    const sample = new Float64Array(FRAME_BYTES / 8);
    using producer =
      how === 'create'
        ? await TensorProducer.create<Float64Array>(name, sample, { historyLen: 16 })
        : TensorProducer.fromSample<Float64Array>(name, sample, { historyLen: 16 });
    assert.is(producer.nextSequence, 32);
    const capacity = inspect(name)?.slotCapacity ?? 0;
    const faults = faultsOf(producer, capacity);
    assert.ok(faults < (capacity * PAGES) / 4, `${faults} faults for ${capacity * PAGES} pages`);
  });
}

test('a take-over that is aborted leaves the pool to the next producer, with its numbers', async () => {
  const name = poolName('left');
  await deadPool(name, 4);
  const sample = new Float64Array(FRAME_BYTES / 8);
  const abort = new AbortController();
  const onProgress = () => abort.abort(new Error('enough'));
  let error: unknown = null;
  try {
    await TensorProducer.create(name, sample, { historyLen: 4, signal: abort.signal, onProgress });
  } catch (thrown) {
    error = thrown;
  }
  assert.is(error, abort.signal.reason);
  using producer = TensorProducer.fromSample(name, sample, { historyLen: 4 });
  assert.is(producer.nextSequence, 8);
});

test.run();
