// One array put again and again, as control loops do: each frame is what the array holds then, bit by bit, however it lies in its buffer.

import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { poolName } from '../support/child';
import { Random } from '../support/random';

const test = suite('an array put again and again');

const ARRAYS = [
  Int8Array,
  Uint8Array,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
] as const;

/** Below, at and above what is copied word by word; also of no whole words. */
const SIZES = [1, 2, 3, 4, 7, 8, 16, 28, 29, 64, 128, 129, 136, 256];

for (const View of ARRAYS) {
  test(`${View.name}: every size, every place in a buffer`, () => {
    const random = new Random(View.BYTES_PER_ELEMENT);
    const item = View.BYTES_PER_ELEMENT;
    for (const bytes of SIZES.filter((size) => size % item === 0)) {
      for (const offset of [0, item, 3 * item]) {
        const memory = new Uint8Array(512);
        const make = (from: number) => new View(memory.buffer, from, bytes / item);
        const array = make(offset);
        const other = make(256);
        const name = poolName('repeated');
        using producer = TensorProducer.fromSample(name, array, { historyLen: 2 });
        using consumer = TensorConsumer.attach(name);
        const capacity = 70;
        for (let i = 0; i < capacity; i++) {
          // NaNs of all kinds among them: bytes of any value.
          for (let at = 0; at < memory.length; at++) memory[at] = random.next() * 256;
          const put = i % 9 < 6 ? array : other;
          assert.is(producer.put(put), i);
          const frame = consumer.get();
          const wanted = new Uint8Array(memory.buffer, put.byteOffset, bytes);
          const found = frame && new Uint8Array(frame.data.buffer, frame.data.byteOffset, bytes);
          assert.equal(found, wanted, `${bytes} bytes at ${put.byteOffset}, frame ${i}`);
        }
      }
    }
  });
}

test('an array whose memory was given away is no frame', () => {
  const name = poolName('given-away');
  const array = new Uint32Array(7).fill(5);
  using producer = TensorProducer.fromSample(name, array);
  using consumer = TensorConsumer.attach<Uint32Array>(name);
  for (let i = 0; i < 3; i++) producer.put(array);
  structuredClone(array.buffer, { transfer: [array.buffer] });
  assert.is(array.length, 0);
  assert.throws(() => producer.put(array), /expected shape \[7\], found \[0\]/);
  assert.equal([...(consumer.get()?.data ?? [])], [5, 5, 5, 5, 5, 5, 5]);
});

test.run();
