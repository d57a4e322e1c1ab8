// Consumers used as Node's EventEmitters are, and many readers on one AbortSignal.

import { type EventEmitter, getEventListeners, on, once } from 'node:events';
import { type Frame, TensorConsumer, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hasCode, poolName, until } from '../support/child';

const test = suite('emitter');

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
    // Node's types of these functions ask for emit(), which is the consumer's own business.
    emitter: consumer as object as EventEmitter,
    [Symbol.dispose]() {
      consumer.cleanup();
      producer.cleanup();
    },
  };
}

test('events.once gives the event, and leaves no listener', async () => {
  using p = pair('once');
  const waiting = once(p.emitter, 'frame');
  p.producer.put(frameOf(7));
  const [frame] = (await waiting) as [Frame<Float64Array>];
  assert.is(frame.data[0], 7);
  assert.equal(p.consumer.eventNames(), []);
});

test('events.once with a signal: aborts, and leaves no listener', async () => {
  using p = pair('once-abort');
  const control = new AbortController();
  const waiting = once(p.emitter, 'frame', { signal: control.signal });
  assert.equal(p.consumer.eventNames(), ['frame', 'error']);
  control.abort();
  await waiting.then(
    () => assert.unreachable(),
    (error) => assert.is(error.name, 'AbortError'),
  );
  assert.equal(p.consumer.eventNames(), []);
});

test('events.once rejects with the event error', async () => {
  const name = poolName('once-error');
  using producer = TensorProducer.fromSample(name, frameOf(0));
  using consumer = TensorConsumer.fromSample(poolName('other'), frameOf(0));
  using late = TensorConsumer.fromSample(`${name}-late`, new Float32Array(2));
  const waiting = once(late as object as EventEmitter, 'frame');
  using wrong = TensorProducer.fromSample(`${name}-late`, frameOf(0));
  await waiting.then(
    () => assert.unreachable(),
    (error) => assert.is(error.code, 'DTYPE_MISMATCH'),
  );
  assert.ok(producer.name !== consumer.name && wrong.name === late.name);
});

test('events.on iterates frames; its end leaves no listener', async () => {
  using p = pair('on');
  const seen: number[] = [];
  const frames = on(p.emitter, 'frame');
  p.producer.put(frameOf(0));
  for await (const [frame] of frames) {
    seen.push((frame as Frame<Float64Array>).sequence);
    if (seen.length === 5) break;
    p.producer.put(frameOf(seen.length));
  }
  assert.equal(seen, [0, 1, 2, 3, 4]);
  assert.equal(p.consumer.eventNames(), []);
});

test('addListener, prepend, once, off, removeListener: in order, as often as added', async () => {
  using p = pair('order');
  const { consumer } = p;
  const heard: string[] = [];
  const twice = () => heard.push('twice');
  const gone = () => heard.push('gone');
  const single = () => heard.push('once');
  assert.is(consumer.addListener('frame', twice), consumer);
  consumer.on('frame', twice).prependListener('frame', () => heard.push('first'));
  consumer.once('frame', single).prependOnceListener('frame', () => heard.push('once first'));
  consumer.once('frame', gone).on('frame', gone).removeListener('frame', gone).off('frame', gone);
  assert.is(consumer.listenerCount('frame'), 5);
  assert.is(consumer.listenerCount('frame', twice), 2);
  assert.equal(consumer.listeners('frame').slice(2), [twice, twice, single]);
  p.producer.put(frameOf(1));
  await until(() => heard.length >= 5, 'the first frame was heard');
  assert.equal(heard, ['once first', 'first', 'twice', 'twice', 'once']);
  heard.length = 0;
  consumer.off('frame', twice);
  p.producer.put(frameOf(2));
  await until(() => heard.length >= 2, 'the second frame was heard');
  assert.equal(heard, ['first', 'twice']);
});

test('a listener may be removed while it is called, and added again by itself', async () => {
  using p = pair('again');
  let calls = 0;
  const again = () => {
    calls += 1;
    p.consumer.once('frame', again);
  };
  p.consumer.once('frame', again);
  for (let k = 1; k <= 4; k++) {
    p.producer.put(frameOf(k));
    await until(() => calls === k, `call ${k}`);
    assert.is(p.consumer.listenerCount('frame'), 1);
  }
});

test('removeAllListeners: of one event, and of all', () => {
  using p = pair('all');
  const { consumer } = p;
  const listener = () => {};
  consumer
    .on('frame', listener)
    .on('lag', listener)
    .on('connect', listener)
    .on('connect', () => {});
  assert.equal(consumer.eventNames(), ['frame', 'lag', 'connect']);
  assert.equal(consumer.removeAllListeners('connect').eventNames(), ['frame', 'lag']);
  assert.equal(getEventListeners(p.emitter, 'lag'), [listener]);
  assert.equal(consumer.removeAllListeners().eventNames(), []);
  assert.is(consumer.listenerCount('frame'), 0);
});

test('the name of an event may be any, and a listener is a function', () => {
  using p = pair('names');
  for (const name of ['constructor', '__proto__', 'toString']) {
    assert.is(p.emitter.listenerCount(name), 0);
    p.emitter.on(name, () => {});
    assert.is(p.emitter.listenerCount(name), 1);
  }
  for (const wrong of [undefined, null, 'frame', {}]) {
    assert.throws(() => p.emitter.on('frame', wrong as () => void), hasCode('INVALID_ARGUMENT'));
  }
});

test('a hundred consumers, loops and calls on one signal: no warning, and all of them end', async () => {
  using p = pair('signal');
  const control = new AbortController();
  const { signal } = control;
  const warnings: string[] = [];
  const warned = (warning: Error) => warnings.push(`${warning.name}: ${warning.message}`);
  process.on('warning', warned);
  const consumers = Array.from({ length: 20 }, () => TensorConsumer.attach<Float64Array>(p.name, { signal }));
  const calls = Array.from({ length: 40 }, () =>
    p.consumer.next({ signal }).then(
      () => 'frame',
      (error: Error) => error.name,
    ),
  );
  const loops = Array.from({ length: 40 }, async () => {
    for await (const _ of p.consumer.frames({ signal })) assert.unreachable();
  });
  // A warning comes in a turn of its own.
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setTimeout(resolve, 1));
  control.abort();
  await Promise.all(loops);
  assert.equal(new Set(await Promise.all(calls)), new Set(['AbortError']));
  assert.ok(consumers.every(({ closed }) => closed));
  await new Promise((resolve) => setTimeout(resolve, 1));
  process.off('warning', warned);
  assert.equal(warnings, []);
});

test('a signal that outlives its readers keeps no listener of theirs', async () => {
  using p = pair('left');
  const control = new AbortController();
  const { signal } = control;
  let listeners = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    listeners += 1;
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    listeners -= 1;
    removeEventListener.apply(signal, args);
  };
  const consumer = TensorConsumer.attach(p.name, { signal });
  assert.is(await p.consumer.next({ signal, timeoutMs: 1 }), null);
  assert.is(await p.consumer.next({ signal, timeoutMs: 1 }), null);
  const waiting = p.consumer.next({ signal });
  p.producer.put(frameOf(1));
  assert.is((await waiting)?.sequence, 0);
  assert.is(listeners, 1, 'the consumer’s');
  consumer.close();
  assert.is(listeners, 0);
});

test.run();
