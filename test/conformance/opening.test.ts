// Producers and consumers of large pools that are opened in turns of the event loop: what they are afterwards, what others see of the name
// in between, and that nothing is left of one that is ended half-way.

import { MetadataCreator, TensorConsumer, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hasCode, leftovers, poolName } from '../support/child';

const test = suite('opened in turns');

/** Large enough for several pieces, whatever the first one's size. */
const LARGE = new Uint8Array(12 << 20);
const SMALL = new Float64Array(4);

/** Counts the turns of the event loop, as a program's own work would take them. */
function countTurns(): { count: number; stop(): void } {
  let on = true;
  const turns = {
    count: 0,
    stop: () => {
      on = false;
    },
  };
  const next = () => {
    if (!on) return;
    turns.count += 1;
    setImmediate(next);
  };
  setImmediate(next);
  return turns;
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('was not rejected');
}

test('create gives what the constructor gives, and says how far it is while the event loop turns', async () => {
  const name = poolName('create');
  const turns = countTurns();
  const seen: { fraction: number; turn: number }[] = [];
  const onProgress = (fraction: number) => void seen.push({ fraction, turn: turns.count });
  using producer = await TensorProducer.create(name, LARGE, { historyLen: 3, onProgress });
  turns.stop();
  assert.ok(seen.length >= 4, `${seen.length} pieces`);
  for (const [i, { fraction, turn }] of seen.entries()) {
    const before = seen[i - 1];
    assert.ok(fraction > (before?.fraction ?? 0) && fraction <= 1, `${fraction} after ${before?.fraction}`);
    assert.ok(turn > (before?.turn ?? -1), 'the event loop turned between two pieces');
  }
  assert.is(seen.at(-1)?.fraction, 1);
  using consumer = await TensorConsumer.open<Uint8Array>(name);
  assert.ok(consumer.connected);
  producer.put(LARGE.fill(9));
  using view = consumer.borrow();
  assert.is(view?.data[LARGE.length - 1], 9);
  assert.equal(producer.metadata.historyLen, 3);
});

test('create takes metadata, too, and a small pool', async () => {
  const name = poolName('create-small');
  const metadata = MetadataCreator.fromSample(name, SMALL, { historyLen: 2 });
  using producer = await TensorProducer.create(metadata, { historyPad: 'fill' });
  assert.ok(producer instanceof TensorProducer);
  producer.put(SMALL.fill(5));
  using consumer = await TensorConsumer.open(metadata);
  assert.equal([...(consumer.get({ historyLen: 2 })?.data ?? [])], [5, 5, 5, 5, 5, 5, 5, 5]);
});

test('while it is created the name is taken and the pool is not there', async () => {
  const name = poolName('under-way');
  using early = TensorConsumer.attach(name);
  let looked = 0;
  const look = () => {
    looked += 1;
    assert.throws(() => TensorProducer.fromSample(name, SMALL), hasCode('PRODUCER_EXISTS'));
    assert.is(early.get(), null);
    assert.not.ok(early.connected);
  };
  const other = Promise.resolve().then(() => rejection(TensorProducer.create(name, LARGE)));
  using producer = await TensorProducer.create(name, LARGE, { onProgress: (part) => part < 0.7 && looked < 3 && look() });
  assert.ok(looked > 0);
  assert.ok(hasCode('PRODUCER_EXISTS')((await other) as Error));
  producer.put(LARGE);
  assert.is(early.get()?.sequence, 0);
});

test('an abort ends it, and leaves nothing', async () => {
  const name = poolName('abort');
  for (const at of [0, 0.3, 0.9]) {
    const abort = new AbortController();
    const reason = new Error('enough');
    let last = 0;
    const onProgress = (fraction: number) => {
      last = fraction;
      if (fraction > at) abort.abort(reason);
    };
    assert.is(await rejection(TensorProducer.create(name, LARGE, { signal: abort.signal, onProgress })), reason);
    assert.ok(last < 1 || at === 0.9, `went on to ${last}`);
    assert.equal(leftovers(name), []);
  }
  const aborted = await rejection(TensorProducer.create(name, LARGE, { signal: AbortSignal.abort('before') }));
  assert.is(aborted, 'before');
  using producer = TensorProducer.fromSample(name, LARGE);
  assert.is(producer.nextSequence, 0);
});

test('an error of onProgress ends it, and leaves nothing', async () => {
  const name = poolName('thrown');
  const error = new Error('of the program');
  const onProgress = () => {
    throw error;
  };
  assert.is(await rejection(TensorProducer.create(name, LARGE, { onProgress })), error);
  assert.equal(leftovers(name), []);
  using producer = TensorProducer.fromSample(name, LARGE);
  producer.put(LARGE);
  assert.is(await rejection(TensorConsumer.open(name, { onProgress })), error);
  using consumer = TensorConsumer.attach(name);
  assert.ok(consumer.connected, 'no place is kept');
});

test('open follows a large pool to its end, and an abort closes the consumer', async () => {
  const name = poolName('open');
  using producer = TensorProducer.fromSample(name, LARGE, { historyLen: 4 });
  producer.put(LARGE.fill(3));
  const parts: number[] = [];
  using consumer = await TensorConsumer.open(name, { onProgress: (part) => void parts.push(part) });
  assert.is(parts.at(-1), 1);
  assert.equal(
    parts,
    [...parts].sort((a, b) => a - b),
  );
  assert.is(consumer.get()?.data[5], 3);
  const abort = new AbortController();
  abort.abort('early');
  assert.is(await rejection(TensorConsumer.open(name, { signal: abort.signal })), 'early');
});

test('open without a pool gives a consumer that waits for one', async () => {
  const name = poolName('open-early');
  using consumer = await TensorConsumer.open<Float64Array>(name);
  assert.not.ok(consumer.connected);
  const next = consumer.next();
  using producer = await TensorProducer.create(name, SMALL);
  producer.put(SMALL.fill(8));
  assert.is((await next)?.data[3], 8);
});

test('a pool that is larger than what is free is refused before any of it is taken', async () => {
  const name = poolName('huge');
  let pieces = 0;
  const options = {
    historyLen: 100_000,
    onProgress: () => {
      pieces += 1;
    },
  };
  assert.ok(hasCode('SHM_FULL')((await rejection(TensorProducer.create(name, LARGE, options))) as Error));
  assert.is(pieces, 0);
  assert.throws(() => TensorProducer.fromSample(name, LARGE, { historyLen: 100_000 }), hasCode('SHM_FULL'));
  assert.equal(leftovers(name), []);
});

test('wrong options are refused by rejection, before there is an object', async () => {
  const name = poolName('wrong');
  const wrong = { onProgress: 5 as never };
  for (const promise of [
    TensorProducer.create(name, SMALL, wrong),
    TensorProducer.create(name, SMALL, { signal: {} as never }),
    TensorProducer.create(name, SMALL, { mode: 0o777 }),
    TensorProducer.create({} as never),
    TensorConsumer.open(name, wrong),
    TensorConsumer.open(name, { trust: 'nobody' as never }),
  ])
    assert.ok(hasCode('INVALID_ARGUMENT')((await rejection(promise)) as Error));
  assert.equal(leftovers(name), []);
});

test.run();
