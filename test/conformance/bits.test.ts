// Nothing is ever converted: whatever bits a frame has, its readers get. NaNs tell, for an engine that reads an element as a number and
// writes it back sets their quiet bit, or makes every NaN the same one.

import { type Dtype, type Frame, TensorConsumer, TensorProducer, type TypedArray } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { poolName } from '../support/child';

const test = suite('bits');

interface ArrayType {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): TypedArray;
  readonly BYTES_PER_ELEMENT: number;
}

const float16 = (globalThis as { Float16Array?: ArrayType }).Float16Array;

/** Bit patterns by the width of an element: signalling and quiet NaNs of both signs with payloads, infinities, -0, denormals. */
const PATTERNS: Readonly<Record<number, readonly bigint[]>> = {
  1: [0x00n, 0x01n, 0x7fn, 0x80n, 0xffn, 0x55n],
  2: [0x7d01n, 0xfd55n, 0x7e01n, 0xfeaan, 0x7c00n, 0x8000n, 0x0001n, 0x7f81n, 0xffc1n, 0x3c00n],
  4: [0x7f812345n, 0xff812345n, 0x7fc54321n, 0xffc00001n, 0x7f800001n, 0x80000000n, 0x00000001n, 0x7f800000n, 0x3f800000n],
  8: [
    0x7ff0000000000001n,
    0xfff4123456789abcn,
    0x7ff8000000000123n,
    0xfffc00000000ffffn,
    0x8000000000000000n,
    0x0000000000000001n,
    0x7ff0000000000000n,
    0x3ff0000000000000n,
  ],
};

/** Dtypes, and the arrays that carry them. */
const CARRIERS: readonly (readonly [Dtype, ArrayType])[] = [
  ['bool', Uint8Array],
  ['int8', Int8Array],
  ['uint8', Uint8Array],
  ['uint8', Uint8ClampedArray],
  ['int16', Int16Array],
  ['uint16', Uint16Array],
  ['int32', Int32Array],
  ['uint32', Uint32Array],
  ['int64', BigInt64Array],
  ['uint64', BigUint64Array],
  ['float16', Uint16Array],
  ...(float16 === undefined ? [] : [['float16', float16] as const]),
  ['bfloat16', Uint16Array],
  ['float32', Float32Array],
  ['float64', Float64Array],
];

/** Elements of a frame: loops, TypedArray.set and memcpy take turns between these. */
const SIZES = [1, 2, 7, 16, 17, 100, 300, 1500];

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** A frame whose elements take the patterns in turn, beginning with a different one for each seed. */
function frameOf(Type: ArrayType, elements: number, seed: number): TypedArray {
  const width = Type.BYTES_PER_ELEMENT;
  const view = new DataView(new ArrayBuffer(elements * width));
  const patterns = PATTERNS[width] as readonly bigint[];
  for (let i = 0; i < elements; i++) {
    const bits = patterns[(i + seed) % patterns.length] as bigint;
    for (let byte = 0; byte < width; byte++) view.setUint8(i * width + byte, Number((bits >> BigInt(8 * byte)) & 0xffn));
  }
  return new Type(view.buffer, 0, elements);
}

/** The elements in an array with gaps, backwards: what is put has stride -3. */
function strided(Type: ArrayType, frame: TypedArray): { data: TypedArray; offset: number } {
  const width = Type.BYTES_PER_ELEMENT;
  const data = new Type(new ArrayBuffer(frame.length * 3 * width), 0, frame.length * 3);
  const offset = (frame.length - 1) * 3;
  for (let i = 0; i < frame.length; i++) {
    const element = bytesOf(frame).subarray(i * width, (i + 1) * width);
    bytesOf(data).set(element, (offset - 3 * i) * width);
  }
  return { data, offset };
}

/** The frame somewhere in a longer array. */
function inside(Type: ArrayType, frame: TypedArray): { data: TypedArray; offset: number } {
  const width = Type.BYTES_PER_ELEMENT;
  const data = new Type(new ArrayBuffer((frame.length + 9) * width), 0, frame.length + 9);
  bytesOf(data).set(bytesOf(frame), 4 * width);
  return { data, offset: 4 };
}

const hex = (view: ArrayBufferView) => Buffer.from(bytesOf(view)).toString('hex');

function same(found: ArrayBufferView | undefined, frame: TypedArray, what: string): void {
  assert.is(found && hex(found), hex(frame), what);
}

for (const [dtype, Type] of CARRIERS) {
  test(`${dtype} in a ${Type.name}: every way in, every way out`, async () => {
    for (const elements of SIZES) {
      const name = poolName('bits');
      const what = (way: string) => `${dtype}, ${elements} elements, ${way}`;
      const shape = [elements];
      const tensor = (data: TypedArray) => ({ data, shape, dtype });
      using producer = TensorProducer.fromSample(name, tensor(frameOf(Type, elements, 0)), { historyLen: 3 });
      using consumer = TensorConsumer.attach(name);
      using waiter = TensorConsumer.attach(name);
      using lossless = TensorConsumer.attach(name, { delivery: 'all' });
      let seed = 0;
      const frames: TypedArray[] = [];
      const read = async (way: string) => {
        const frame = frames.at(-1) as TypedArray;
        same(consumer.get()?.data, frame, what(`${way}, get`));
        const into = frameOf(Type, elements, 99);
        consumer.get({ into: tensor(into) });
        same(into, frame, what(`${way}, get into`));
        {
          using view = consumer.borrow();
          same(view?.data, frame, what(`${way}, borrow`));
        }
        same((await waiter.next({ timeoutMs: 60_000 }))?.data, frame, what(`${way}, next`));
        same(lossless.tryNext()?.data, frame, what(`${way}, tryNext`));
        const count = Math.min(3, frames.length);
        for (const latestFirst of [true, false]) {
          const copied = consumer.get({ historyLen: count, latestFirst }) as Frame;
          using lent = consumer.borrow({ historyLen: count, latestFirst });
          for (let i = 0; i < count; i++) {
            const expected = frames.at(latestFirst ? -1 - i : i - count) as TypedArray;
            const at = (window: { at(index: number): TypedArray } | null) => (count === 1 ? undefined : window?.at(i));
            same(at(copied) ?? copied.data, expected, what(`${way}, window of copies`));
            same(at(lent) ?? lent?.data, expected, what(`${way}, window on the pages`));
          }
        }
      };
      const next = () => {
        seed += 1;
        const frame = frameOf(Type, elements, seed);
        frames.push(frame);
        return frame;
      };
      producer.put(tensor(next()));
      await read('put');
      await producer.putAsync(tensor(next()));
      await read('putAsync');
      producer.put({ ...tensor(next()), ...inside(Type, frames.at(-1) as TypedArray) });
      await read('put of a part');
      producer.put({ ...tensor(next()), ...strided(Type, frames.at(-1) as TypedArray), strides: [-3] });
      await read('put with strides');
      {
        using slot = producer.loan();
        bytesOf(slot.data).set(bytesOf(next()));
        slot.commit();
      }
      await read('loan');
    }
  });

  test(`${dtype} in a ${Type.name}: fields of a record`, () => {
    for (const elements of SIZES) {
      const name = poolName('bits');
      const what = (way: string) => `${dtype}, ${elements} elements, ${way}`;
      const shape = [elements];
      const sample = frameOf(Type, elements, 0);
      const record = (first: TypedArray, second: TypedArray) => ({
        one: { data: first, shape, dtype },
        two: { ...strided(Type, second), shape, dtype, strides: [-3] },
        three: { ...inside(Type, first), shape, dtype },
      });
      using producer = TensorProducer.fromSample(name, record(sample, sample), { historyLen: 2 });
      using consumer = TensorConsumer.attach(name);
      const [first, second] = [frameOf(Type, elements, 3), frameOf(Type, elements, 5)];
      producer.put(record(first, second));
      const copied = consumer.get()?.fields;
      using view = consumer.borrow();
      const lent = view?.fields;
      for (const [way, fields] of [
        ['copied', copied],
        ['lent', lent],
      ] as const) {
        same(fields?.['one']?.data, first, what(`dense, ${way}`));
        same(fields?.['two']?.data, second, what(`strided, ${way}`));
        same(fields?.['three']?.data, first, what(`part, ${way}`));
      }
    }
  });
}

test.run();
