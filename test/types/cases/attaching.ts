// Consumers that know a pool by name: what they state types what they read.

import { type Frame, type SharedPool, type StatedFields, TensorConsumer, type TypedArray } from 'tensor-ipc';

// Nothing: frames of any form.
const dynamic = TensorConsumer.attach('x');
const frame: Frame<TypedArray> | null = dynamic.get();
const any: Frame | null = frame;
frame?.data.length;
frame?.fields?.['depth']?.shape.length;
const found = dynamic.borrow()?.fields?.['depth']?.data;
if (found instanceof Uint16Array) found.fill(0);
dynamic.get()?.at(0, 'depth').length;
// wrong: TS2322 is not assignable to type 'Uint8Array
const bytes: Uint8Array | undefined = dynamic.get()?.data;

// A dtype.
const plain = TensorConsumer.attach('x', { dtype: 'uint16', shape: [480, 640], onNewData: (news) => news.data.fill(0) });
const elements: Uint16Array | undefined = plain.get()?.data;
// wrong: TS2322 is not assignable to type 'Float32Array
const floats: Float32Array | undefined = plain.get()?.data;
TensorConsumer.attach('x', {
  dtype: 'float32',
  onNewData: (news) => {
    // wrong: TS2322 is not assignable to type 'Uint8Array
    const wrong: Uint8Array = news.data;
    wrong.fill(0);
  },
});
const bfloats: Uint16Array | undefined = TensorConsumer.attach('x', { dtype: 'bfloat16' }).get()?.data;
const flags: Uint8Array | undefined = TensorConsumer.attach('x', { dtype: 'bool' }).get()?.data;
const counts: BigInt64Array | undefined = TensorConsumer.attach('x', { dtype: 'int64' }).get()?.data;
// wrong: TS2769 Type '"uint99"' is not assignable to type
TensorConsumer.attach('x', { dtype: 'uint99' });

// Fields.
const record = TensorConsumer.attach('x', {
  fields: { rgb: 'uint8', depth: { dtype: 'uint16', shape: [480, 640] } },
  onNewData: ({ fields }) => fields.depth.data.fill(0),
});
const depth: Uint16Array | undefined = record.get()?.fields.depth.data;
// wrong: TS2551 'dpeth' does not exist on type
record.get()?.fields.dpeth;
record.on('frame', ({ fields }) => fields.rgb.data.fill(0));
// wrong: TS2769 Type '"uint99"' is not assignable to type
TensorConsumer.attach('x', { fields: { rgb: 'uint99' } });

// open and fromShared the same.
void TensorConsumer.open('x', { fields: { rgb: 'uint8' }, onProgress: (part) => part.toFixed() }).then((consumer) => {
  consumer.get()?.fields.rgb.data.fill(0);
  // wrong: TS2339 'depth' does not exist on type
  consumer.get()?.fields.depth;
});
declare const shared: SharedPool;
const opened: Float64Array | undefined = TensorConsumer.fromShared(shared, { dtype: 'float64', trust: 'group' }).get()?.data;

// The type first: what is stated beside it agrees with it.
type Rgbd = { rgb: Uint8Array; depth: Uint16Array };
const given = TensorConsumer.attach<Rgbd>('x', { fields: { rgb: 'uint8', depth: 'uint16' }, sameForm: true });
given.get()?.fields.depth.data.fill(0);
TensorConsumer.attach<Rgbd>('x').get()?.fields.rgb.data.fill(0);
TensorConsumer.attach<Uint8Array>('x', { dtype: 'bool' }).get()?.data.fill(1);
// wrong: TS2322 Type '"float32"' is not assignable to type
TensorConsumer.attach<Uint8Array>('x', { dtype: 'float32' });
// wrong: TS2322 Type '"uint8"' is not assignable to type
TensorConsumer.attach<Rgbd>('x', { fields: { rgb: 'uint8', depth: 'uint8' } });

// Statements that are not known before they are there.
function attachTo(fields: StatedFields): Frame<TypedArray> | null {
  return TensorConsumer.attach('x', { fields }).get();
}

export { any, attachTo, bfloats, bytes, counts, depth, elements, flags, floats, opened };
