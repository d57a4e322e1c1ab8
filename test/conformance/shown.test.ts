// What console.log shows of frames, views, slots and both ends of a pool: what they are, in a line, and never their elements. And JSON.

import { inspect as nodeInspect } from 'node:util';
import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { poolName } from '../support/child';

const test = suite('what console.log shows');

type Inspect = (value: unknown) => string;
const { Deno, Bun } = globalThis as { Deno?: { inspect: Inspect }; Bun?: { inspect: Inspect } };
/** What the runtime's own console.log uses, too. */
const INSPECTS: readonly Inspect[] = [
  nodeInspect,
  ...(Deno === undefined ? [] : [Deno.inspect]),
  ...(Bun === undefined ? [] : [Bun.inspect]),
];

function assertShown(value: unknown, line: RegExp): void {
  for (const inspect of INSPECTS) {
    const shown = inspect(value);
    assert.match(shown, line);
    assert.not.match(shown, '\n');
    assert.ok(shown.length < 320, shown);
    // Also inside of something else.
    const age = / \d+\.\d ms old/;
    assert.ok(inspect({ value }).replace(age, '').includes(shown.replace(age, '')), inspect({ value }));
  }
}

const image = () => ({ data: new Uint8Array(4 * 6 * 3).fill(7), shape: [4, 6, 3] });

test('frames and views, and those that are released or overwritten', () => {
  const name = poolName('shown');
  using producer = TensorProducer.fromSample(name, image(), { historyLen: 2, onPinned: 'overwrite' });
  using consumer = TensorConsumer.attach(name);
  producer.put(image(), { timestampNs: 12_345_678_901_234_567n });
  const rest = 'timestampNs 12345678901234567, \\d+\\.\\d ms old';
  const frame = consumer.get();
  assertShown(frame, new RegExp(`^Frame of '${name}': uint8 \\[4, 6, 3\\], sequence 0, ${rest}$`));
  frame?.release();
  assertShown(frame, new RegExp(`^Frame \\(released\\) of '${name}': uint8 `));
  using window = consumer.borrow({ historyLen: 2 });
  assertShown(window, new RegExp(`^View of '${name}': uint8 \\[2, 4, 6, 3\\], sequence 0, ${rest}, 1 padded$`));
  while (window?.valid) producer.put(image());
  assertShown(window, new RegExp(`^View \\(overwritten\\) of '${name}': uint8 \\[2, 4, 6, 3\\], sequence 0,`));
  window?.release();
  assertShown(window, new RegExp(`^View \\(released\\) of '${name}': uint8 \\[2, 4, 6, 3\\], sequence 0,`));
  const newest = producer.put(image());
  assertShown(consumer.get(), new RegExp(`, sequence ${newest}, .*, ${newest - 1} missed$`));
});

test('slots: loaned, committed, and refused', () => {
  const name = poolName('shown');
  using producer = TensorProducer.fromSample(name, image(), { onPinned: 'drop' });
  const slot = producer.loan();
  assertShown(slot, new RegExp(`^Slot of '${name}': uint8 \\[4, 6, 3\\], sequence 0$`));
  slot.commit();
  assertShown(slot, new RegExp(`^Slot \\(committed or released\\) of '${name}': uint8 \\[4, 6, 3\\], sequence 0$`));
  using consumer = TensorConsumer.attach(name);
  using view = consumer.borrow();
  assert.ok(view !== null);
  while (producer.put(image()) >= 0);
  using refused = producer.loan();
  assertShown(refused, new RegExp(`^Slot \\(refused\\) of '${name}': uint8 `));
});

test('records: every field, the first six of many', () => {
  const name = poolName('shown');
  const record = { rgb: image(), depth: { data: new Uint16Array(24), shape: [4, 6] } };
  using producer = TensorProducer.fromSample(name, record);
  using consumer = TensorConsumer.attach(name);
  producer.put(record);
  assertShown(consumer.get(), /^Frame of '[\w-]+': \{ rgb: uint8 \[4, 6, 3\], depth: uint16 \[4, 6\] \}, sequence 0, /);
  const many = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`f${i}`, new Float64Array(1)]));
  const other = poolName('shown');
  using wide = TensorProducer.fromSample(other, many);
  assertShown(wide.loan(), /: \{ f0: float64 \[1\], .*, f5: float64 \[1\], and 3 more \}, sequence 0$/);
});

test('both ends, from before the pool to after it', () => {
  const name = poolName('shown');
  const consumer = TensorConsumer.attach(name);
  assertShown(consumer, new RegExp(`^TensorConsumer \\(waiting for a producer\\) of '${name}': any form$`));
  const producer = TensorProducer.fromSample(name, image(), { historyLen: 5 });
  producer.put(image());
  consumer.get();
  const form = 'uint8 \\[4, 6, 3\\], history 5';
  assertShown(producer, new RegExp(`^TensorProducer of '${name}': ${form}, nextSequence 1$`));
  assertShown(consumer, new RegExp(`^TensorConsumer \\(connected\\) of '${name}': ${form}, sequence 0 was the last$`));
  producer.close();
  consumer.close();
  assertShown(producer, new RegExp(`^TensorProducer \\(closed\\) of '${name}': ${form}, nextSequence 1$`));
  assertShown(consumer, new RegExp(`^TensorConsumer \\(closed\\) of '${name}': `));
});

test('the classes and their prototypes can be shown, too', () => {
  for (const inspect of INSPECTS)
    assert.type(inspect([TensorConsumer.prototype, TensorProducer.prototype, TensorProducer]), 'string');
});

test('JSON.stringify: what a frame is, without elements, also where those are bigints', () => {
  const name = poolName('json');
  using producer = TensorProducer.fromSample(name, new BigInt64Array(3));
  using consumer = TensorConsumer.attach(name);
  producer.put(BigInt64Array.of(1n, 2n, 3n), { timestampNs: 9_007_199_254_740_993n });
  const expected = {
    sequence: 0,
    timestampNs: '9007199254740993',
    epoch: 1,
    missed: 0,
    padded: 0,
    dtype: 'int64',
    shape: [3],
  };
  assert.equal(JSON.parse(JSON.stringify(consumer.get())), expected);
  const view = consumer.borrow();
  assert.equal(JSON.parse(JSON.stringify({ view })), { view: expected });
  view?.release();
  assert.equal(JSON.parse(JSON.stringify(view)), expected);
});

test('JSON.stringify of a record names its fields', () => {
  const name = poolName('json');
  const record = { points: { data: new Float32Array(6), shape: [2, 3] }, ids: new BigUint64Array(2) };
  using producer = TensorProducer.fromSample(name, record);
  using consumer = TensorConsumer.attach(name);
  producer.put(record);
  assert.equal(JSON.parse(JSON.stringify(consumer.get())).fields, {
    points: { dtype: 'float32', shape: [2, 3] },
    ids: { dtype: 'uint64', shape: [2] },
  });
});

test.run();
