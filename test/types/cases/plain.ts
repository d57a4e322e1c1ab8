// Frames of one tensor.

import { TensorConsumer, TensorProducer } from 'tensor-ipc';

const image = { data: new Uint8Array(12), shape: [2, 2, 3], encoding: 'rgb8' } as const;
const producer = TensorProducer.fromSample('image', image, { historyLen: 3 });
producer.put(image);
producer.put(Buffer.alloc(12));
producer.put({ data: new Uint8ClampedArray(12), shape: [2, 2, 3] });
// wrong: TS2345 is not assignable to parameter of type 'SampleTensor<ByteArray>'
producer.put(new Float32Array(12));
// wrong: TS2322 is not assignable to type 'ByteArray'
producer.put({ data: new Float32Array(12), shape: [2, 2, 3] });
// wrong: TS2345 is not assignable to parameter of type 'SampleTensor<ByteArray>'
producer.put('hello');
// wrong: TS2345 is not assignable to parameter of type 'Sample'
TensorProducer.fromSample('image', 'hello');
// wrong: TS2322 Type '"panic"' is not assignable to type 'OnPinned | undefined'
TensorProducer.fromSample('image', image, { onPinned: 'panic' });

const slot = producer.loan();
slot.data.set(image.data);
const bytes: Uint8Array = slot.data;

// What a Buffer or Uint8ClampedArray holds comes back in a Uint8Array.
const clamped: Uint8Array | undefined = TensorConsumer.fromSample('image', new Uint8ClampedArray(12)).get()?.data;
const buffered: Uint8Array | undefined = TensorConsumer.fromSample('image', Buffer.alloc(12)).get()?.data;

// A stated dtype says more than the array.
const flags = TensorConsumer.fromSample('flags', { data: new Int8Array(4), shape: [4], dtype: 'bool' });
const flag: Uint8Array | undefined = flags.get()?.data;
// wrong: TS2322 is not assignable to type 'Int8Array
const signed: Int8Array | undefined = flags.get()?.data;

// An array that is not known before it is there.
function relay(data: Float32Array | Float64Array): void {
  const either = TensorProducer.fromSample('either', data);
  either.put(data);
  // wrong: TS2345 is not assignable to parameter of type
  either.put(new Uint8Array(3));
}

// The type alone.
const typed: TensorConsumer<Float64Array> = TensorConsumer.attach<Float64Array>('states', {
  onNewData: ({ data }) => data.fill(0),
});
const state: Float64Array | undefined = typed.get()?.data;
// wrong: TS2322 is not assignable to type 'TensorConsumer<Uint8Array
const other: TensorConsumer<Uint8Array> = typed;

export { buffered, bytes, clamped, flag, other, relay, signed, state };
