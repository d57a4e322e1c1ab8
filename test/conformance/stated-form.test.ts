// What a consumer states of a pool that it knows by name is checked at run time, when it joins and when the pool comes back.

import {
  type AttachOptions,
  type Frame,
  PoolMetadata,
  TensorConsumer,
  TensorIpcError,
  type TensorIpcErrorCode,
  TensorProducer,
} from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Child, hasCode, poolName, until } from '../support/child';

const test = suite('the form that a consumer states');

const rgb = { data: new Uint8Array(12), shape: [2, 2, 3] };
const depth = { data: new Uint16Array(4), shape: [2, 2] };

/** Codes of a consumer's errors, and its other events. */
function eventsOf(consumer: TensorConsumer): string[] {
  const events: string[] = [];
  consumer.on('connect', () => events.push('connect'));
  consumer.on('disconnect', (reason) => events.push(reason));
  consumer.on('error', (error) => events.push(error instanceof TensorIpcError ? error.code : String(error)));
  return events;
}

async function rejects(promise: Promise<unknown>, code: TensorIpcErrorCode): Promise<void> {
  await promise.then(
    () => assert.unreachable(`expected ${code}`),
    (error) => assert.ok(hasCode(code)(error), String(error)),
  );
}

test('a pool of another form is refused when the consumer is made: what was expected, what was found, what to do', () => {
  const plain = poolName('plain');
  using _plain = TensorProducer.fromSample(plain, depth);
  const record = poolName('record');
  using _record = TensorProducer.fromSample(record, { rgb, depth });
  const varying = poolName('varying');
  using _varying = TensorProducer.fromSample(varying, { data: new Float32Array(6), shape: [2, 3], maxLength: 10 });
  const refused: [string, AttachOptions, TensorIpcErrorCode, string][] = [
    [plain, { dtype: 'uint8' }, 'DTYPE_MISMATCH', "expected dtype uint8, found uint16: state { dtype: 'uint16' }, or nothing"],
    [plain, { shape: [4] }, 'SHAPE_MISMATCH', 'expected shape [4], found [2, 2]: state the shape that the pool has, or none'],
    [plain, { dtype: 'uint16', shape: [2, 3] }, 'SHAPE_MISMATCH', 'expected shape [2, 3], found [2, 2]'],
    [plain, { fields: { depth: 'uint16' } }, 'FIELDS_MISMATCH', 'expected fields depth, found one plain tensor'],
    [
      record,
      { dtype: 'uint8' },
      'FIELDS_MISMATCH',
      'expected one plain tensor, found fields rgb, depth: state { fields }, or nothing',
    ],
    [
      record,
      { fields: { rgb: 'uint8', dpeth: 'uint16' } },
      'FIELDS_MISMATCH',
      'expected fields rgb, dpeth, found fields rgb, depth',
    ],
    [record, { fields: { depth: 'float32' } }, 'DTYPE_MISMATCH', 'field depth: expected dtype float32, found uint16'],
    [
      record,
      { fields: { depth: { dtype: 'uint16', shape: [4] } } },
      'SHAPE_MISMATCH',
      'field depth: expected shape [4], found [2, 2]',
    ],
    [varying, { shape: [10, 3] }, 'SHAPE_MISMATCH', 'expected shape [10, 3], found [≤10, 3]'],
  ];
  for (const [name, options, code, says] of refused) {
    try {
      TensorConsumer.attach(name, options).close();
      assert.unreachable(`${JSON.stringify(options)} was accepted`);
    } catch (error) {
      assert.ok(error instanceof TensorIpcError && error.code === code, String(error));
      assert.ok(error.message.includes(says) && error.message.includes(`pool '${name}'`), error.message);
    }
  }
});

test('a pool of the form that is stated is joined, and gives the arrays that were stated', async () => {
  const name = poolName('right');
  using producer = TensorProducer.fromSample(name, { rgb, depth });
  producer.put({ rgb, depth: { ...depth, data: Uint16Array.of(1, 2, 3, 4) } });
  using whole = TensorConsumer.attach(name, { fields: { rgb: 'uint8', depth: { dtype: 'uint16', shape: [2, 2] } } });
  using part = TensorConsumer.attach(name, { fields: { depth: 'uint16' } });
  for (const consumer of [whole, part]) {
    const frame = consumer.get();
    assert.ok(frame);
    const { data }: { data: Uint16Array } = frame.fields.depth;
    assert.equal(data, Uint16Array.of(1, 2, 3, 4));
    assert.equal(frame.at(0, 'depth'), Uint16Array.of(1, 2), 'the first axis of a single frame');
  }
  using opened = await TensorConsumer.open(name, { fields: { rgb: 'uint8' }, onProgress: () => {} });
  assert.is(opened.get()?.fields.rgb.data.length, 12);
  await rejects(TensorConsumer.open(name, { dtype: 'uint8' }), 'FIELDS_MISMATCH');
  using shared = TensorConsumer.fromShared(producer.share(), { fields: { depth: 'uint16' } });
  assert.is(shared.get()?.fields.depth.data[3], 4);
});

test('before the pool: the error is an event, every call throws it, and the right pool is joined afterwards', async () => {
  const name = poolName('late');
  using consumer = TensorConsumer.attach(name, { dtype: 'float32', shape: [3] });
  const events = eventsOf(consumer);
  const waiting = consumer.next();
  {
    using _wrong = TensorProducer.fromSample(name, new Float64Array(3));
    await rejects(waiting, 'DTYPE_MISMATCH');
    await until(() => events.length > 0, 'it is told');
    assert.throws(() => consumer.get(), hasCode('DTYPE_MISMATCH'));
    assert.throws(() => consumer.borrow(), hasCode('DTYPE_MISMATCH'));
    assert.throws(() => consumer.peek(), hasCode('DTYPE_MISMATCH'));
    await rejects(consumer.ready(), 'DTYPE_MISMATCH');
  }
  assert.equal(events, ['DTYPE_MISMATCH']);
  using producer = TensorProducer.fromSample(name, new Float32Array(3));
  producer.put(Float32Array.of(1, 2, 3));
  assert.equal((await consumer.next())?.data, Float32Array.of(1, 2, 3));
  assert.equal(events, ['DTYPE_MISMATCH', 'connect']);
});

/** What each consumer makes of a pool whose producer is killed and whose next one has another form. */
const RETURNS: readonly (readonly [string, AttachOptions, string[]])[] = [
  ['a stated dtype', { dtype: 'float64' }, ['connect', 'died', 'DTYPE_MISMATCH']],
  ['the form of the first pool', { sameForm: true }, ['connect', 'died', 'DTYPE_MISMATCH']],
  ['nothing stated', {}, ['connect', 'died', 'connect']],
];

for (const [what, options, expected] of RETURNS) {
  test(`a pool that comes back in another form, ${what}`, async () => {
    const name = poolName('back');
    const child = new Child('peer');
    await child.ask({ op: 'produce', pool: name, elements: 8 });
    await child.ask({ op: 'put', value: 1 });
    using consumer = TensorConsumer.attach(name, options);
    const events = eventsOf(consumer);
    const frames: Frame[] = [];
    consumer.on('frame', (frame) => frames.push(frame));
    assert.instance(consumer.get()?.data, Float64Array);
    await until(() => frames.length === 1, 'its frame is delivered');
    await child.kill();
    await until(() => events.includes('died'), 'its end is noticed');
    using producer = TensorProducer.fromSample(name, new Float32Array(8));
    producer.put(new Float32Array(8));
    await until(() => events.length === expected.length, 'the new pool is met');
    assert.equal(events, expected);
    const follows = expected.at(-1) === 'connect';
    if (follows) {
      await until(() => frames.length === 2, 'it follows');
      assert.instance(frames[1]?.data, Float32Array);
    } else {
      assert.throws(() => consumer.get(), hasCode('DTYPE_MISMATCH'));
      assert.is(frames.length, 1, 'no frame of the other form');
    }
    producer.close();
    // The form that it had: every consumer goes on.
    using again = TensorProducer.fromSample(name, new Float64Array(8));
    again.put(new Float64Array(8).fill(3));
    await until(() => consumer.connected, 'joined again');
    assert.equal(consumer.get()?.data, new Float64Array(8).fill(3));
  });
}

test('sameForm holds for shapes and fields, too; the history may be another', async () => {
  const name = poolName('same');
  using consumer = TensorConsumer.attach(name, { sameForm: true });
  const events = eventsOf(consumer);
  const meet = async (sample: Parameters<typeof TensorProducer.fromSample>[1], historyLen: number, event: string) => {
    const before = events.length;
    using _producer = TensorProducer.fromSample(name, sample, { historyLen });
    await until(() => events.length > before, event);
    assert.is(events.at(-1), event);
    _producer.close();
    if (event === 'connect') await until(() => events.at(-1) === 'closed', 'it is over');
  };
  await meet({ rgb, depth }, 2, 'connect');
  await meet({ rgb, depth: { ...depth, shape: [4] } }, 2, 'SHAPE_MISMATCH');
  await meet({ rgb }, 2, 'FIELDS_MISMATCH');
  await meet({ rgb, depth }, 5, 'connect');
});

test('attach takes the name of a pool, and says so', () => {
  for (const wrong of [undefined, null, 7, { name: 'camera' }, ['camera']])
    assert.throws(
      () => TensorConsumer.attach(wrong as never),
      hasCode('INVALID_ARGUMENT', /expected the name of a pool, such as 'camera', found/),
    );
});

test('statements that contradict themselves, or say nothing, are refused', () => {
  const name = poolName('wrong');
  const refused: [object, RegExp][] = [
    [{ dtype: 'uint99' }, /dtype must be one of bool .* found "uint99"/],
    [{ dtype: 7 }, /dtype must be one of .* found number/],
    [{ shape: [0] }, /at least 1, found 0/],
    [{ shape: 4 }, /shape must be an array/],
    [{ fields: {} }, /fields is an object such as/],
    [{ fields: [] }, /fields is an object such as/],
    [{ fields: { a: 'uint99' } }, /field a: dtype must be one of/],
    [{ fields: { a: { shape: [3] } } }, /field a is a dtype, or \{ dtype, shape\? \}/],
    [{ fields: { a: null } }, /field a is a dtype, .* found null/],
    [{ fields: { data: 'uint8' } }, /are plain tensors: state \{ dtype \}/],
    [{ fields: { a: 'uint8' }, dtype: 'uint8' }, /not both/],
    [{ sameForm: 'yes' }, /sameForm is true or false, found string/],
    [{ dtpye: 'uint8' }, /did you mean dtype\?/],
  ];
  for (const [options, says] of refused)
    assert.throws(
      () => TensorConsumer.attach(name, options as AttachOptions),
      hasCode('INVALID_ARGUMENT', says),
      JSON.stringify(options),
    );
  // What metadata describes is not stated once more.
  const metadata = new PoolMetadata({ name, fields: [{ name: 'data', dtype: 'uint8', shape: [1] }] });
  const stated = { dtype: 'uint8' } as object;
  assert.throws(() => new TensorConsumer(metadata, stated), hasCode('INVALID_ARGUMENT', /unknown option 'dtype'/));
});

test('copies lie over an ArrayBuffer, views and slots over a SharedArrayBuffer, that of a refused frame included', async () => {
  const name = poolName('memory');
  using producer = TensorProducer.fromSample(name, { rgb, depth }, { onPinned: 'drop' });
  using consumer = TensorConsumer.fromSample(name, { rgb, depth });
  producer.put({ rgb, depth });
  const frame = consumer.get();
  assert.ok(frame);
  for (const { buffer } of [frame.data, frame.fields.depth.data, frame.at(0, 'rgb')]) assert.instance(buffer, ArrayBuffer);
  assert.is((await crypto.subtle.digest('SHA-256', frame.data)).byteLength, 32);
  assert.is(new Blob([frame.fields.depth.data]).size, 8);
  const views = [];
  let slot = producer.loan();
  while (!slot.refused) {
    assert.instance(slot.fields.depth.data.buffer, SharedArrayBuffer);
    slot.commit();
    views.push(consumer.borrow());
    slot = producer.loan();
  }
  assert.instance(slot.data.buffer, SharedArrayBuffer);
  assert.instance(slot.fields.depth.data.buffer, SharedArrayBuffer);
  slot.release();
  for (const view of views) {
    assert.instance(view?.fields.depth.data.buffer, SharedArrayBuffer);
    view?.release();
  }
});

test.run();
