// Loops take the frame at the ring and settle next() themselves: what becomes of it when the loop ends at that moment, and what keeps the
// process alive.

import { inspect, TensorConsumer, TensorProducer, type View } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Child, poolName, sleep, until } from '../support/child';

const test = suite('loops');

const frameOf = (value: number) => new Float64Array(8).fill(value);

function pair(label: string, options: { delivery?: 'latest' | 'all' } = {}) {
  const name = poolName(label);
  const producer = TensorProducer.fromSample(name, frameOf(0), { historyLen: 2 });
  const consumer = TensorConsumer.attach<Float64Array>(name, options);
  return {
    name,
    producer,
    consumer,
    [Symbol.dispose]() {
      consumer.cleanup();
      producer.cleanup();
    },
  };
}

const pinned = (name: string) => inspect(name)?.consumers.filter(({ holdsViews }) => holdsViews).length;

for (const delivery of ['latest', 'all'] as const) {
  for (const how of ['return', 'abort', 'close'] as const) {
    test(`${delivery}: a view that came before ${how} is the caller's, and one that would come after is nobody's`, async () => {
      for (let hops = 0; hops < 6; hops++) {
        using p = pair('ends', { delivery });
        const control = new AbortController();
        const loop = p.consumer.frames({ borrow: true, signal: control.signal });
        const end = () => {
          if (how === 'return') void loop.return?.();
          else if (how === 'abort') control.abort();
          else p.consumer.close();
        };
        let first: IteratorResult<View<Float64Array>> | null = null;
        const waiting = loop.next().then((result) => {
          first = result;
        });
        const second = loop.next();
        // In the same turn as the ring, some microtasks behind it.
        p.producer.put(frameOf(1));
        const interrupt = async () => {
          await waiting;
          for (let hop = 0; hop < hops; hop++) await null;
          end();
        };
        await interrupt();
        const given = first as IteratorResult<View<Float64Array>> | null;
        assert.is(given?.done, false);
        const view = given?.value as View<Float64Array>;
        assert.is(view.data[0], 1, 'it is whole, although the loop is over');
        assert.equal(await second, { done: true, value: undefined });
        p.producer.put(frameOf(2));
        assert.equal(await loop.next(), { done: true, value: undefined });
        view.release();
        assert.is(pinned(p.name) ?? 0, 0, 'nothing is held');
        // Once around the ring: a frame that is held would stop it.
        if (how !== 'close') for (let k = 0; k < 8 && delivery === 'latest'; k++) p.producer.put(frameOf(k));
      }
    });
  }
}

test('an abort in the turn of the ring: the loop is over or gives the frame, and nothing stays pinned', async () => {
  for (let round = 0; round < 50; round++) {
    using p = pair('race');
    const control = new AbortController();
    const loop = p.consumer.frames({ borrow: true, signal: control.signal });
    const result = loop.next();
    await sleep(0);
    p.producer.put(frameOf(1));
    if (round % 2 === 0) await new Promise(setImmediate);
    control.abort();
    const { done, value } = await result;
    if (!done) value.release();
    assert.is(pinned(p.name), 0);
  }
});

test('frames that are there go to overlapping calls of one loop in one go', async () => {
  using p = pair('several', { delivery: 'all' });
  const loop = p.consumer.frames();
  const calls = [loop.next(), loop.next(), loop.next()];
  await sleep(5);
  for (let k = 0; k < 3; k++) await p.producer.putAsync(frameOf(k));
  const results = await Promise.all(calls);
  assert.equal(
    results.map(({ value }) => value?.sequence),
    [0, 1, 2],
  );
});

test('loops, calls and listeners of one consumer all have the frame of one ring', async () => {
  using p = pair('all');
  const seen: string[] = [];
  const loop = async (label: string) => {
    for await (const { sequence } of p.consumer.frames()) seen.push(`${label} ${sequence}`);
  };
  void loop('one');
  void loop('two');
  p.consumer.on('frame', ({ sequence }) => seen.push(`listener ${sequence}`));
  for (let k = 0; k < 20; k++) {
    const call = p.consumer.next().then((frame) => seen.push(`next ${frame?.sequence}`));
    await sleep(k % 2);
    p.producer.put(frameOf(k));
    await call;
    await until(() => seen.length === 4, `everybody had frame ${k}: ${seen}`);
    assert.equal(seen.splice(0).sort(), [`listener ${k}`, `next ${k}`, `one ${k}`, `two ${k}`]);
  }
});

test('a signal is listened to once for a loop, not once for a frame', async () => {
  using p = pair('signal');
  const control = new AbortController();
  let added = 0;
  const { signal } = control;
  const add = signal.addEventListener.bind(signal);
  Object.defineProperty(signal, 'addEventListener', {
    value: (...args: Parameters<typeof add>) => {
      added += 1;
      add(...args);
    },
  });
  let seen = -1;
  const over = (async () => {
    for await (const { sequence } of p.consumer.frames({ signal })) seen = sequence;
  })();
  for (let k = 0; k < 30; k++) {
    await sleep(0);
    p.producer.put(frameOf(k));
    await until(() => seen === k, `frame ${k} came`);
  }
  control.abort();
  await over;
  assert.is(added, 1);
});

for (const [what, exits] of [
  ['a loop that waits', false],
  ['a loop that is dropped with its frame', true],
  ['next that has its frame', true],
] as const) {
  test(`${what} ${exits ? 'lets the process end' : 'keeps the process alive'}`, async () => {
    const name = poolName('alive');
    using producer = TensorProducer.fromSample(name, frameOf(0));
    await using child = new Child('loop-peer', [name, what]);
    assert.is(await child.receive(), 'waits');
    producer.put(frameOf(0));
    if (exits) {
      assert.is((await child.ended).code, 0);
      return;
    }
    assert.is(await child.receive(), 'frame 0');
    await sleep(300);
    producer.put(frameOf(1));
    assert.is(await child.receive(), 'frame 1');
  });
}

test.run();
