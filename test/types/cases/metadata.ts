// Metadata carries the form to producers and consumers.

import { MetadataCreator, PoolMetadata, type PoolMetadataInit, TensorConsumer, TensorProducer } from 'tensor-ipc';

const rgb = { data: new Uint8Array(12), shape: [2, 2, 3] };
const depth = new Uint16Array(4);

// From samples.
const sampled = MetadataCreator.fromSample('rgbd', { rgb, depth }, { historyLen: 4 });
const ofSample = new TensorProducer(sampled, { onPinned: 'drop' });
ofSample.put({ rgb, depth });
// wrong: TS2345|TS2741 Property 'depth' is missing in type
ofSample.put({ rgb });
for (const metadata of [
  MetadataCreator.fromNumpySample('rgbd', { rgb, depth }),
  MetadataCreator.fromTorchSample('rgbd', { rgb, depth }, { historyLen: 2 }),
]) {
  new TensorConsumer(metadata).get()?.fields.depth.data.fill(0);
  // wrong: TS2551 'dpeth' does not exist
  new TensorConsumer(metadata).get()?.fields.dpeth;
}

// From literal fields.
const written = new PoolMetadata({
  name: 'rgbd',
  fields: [
    { name: 'rgb', dtype: 'uint8', shape: [2, 2, 3], encoding: 'rgb8' },
    { name: 'depth', dtype: 'uint16', shape: [2, 2] },
    { name: 'mask', dtype: 'bool', shape: [2, 2] },
    { name: 'stamp', dtype: 'uint64', shape: [] },
  ],
  historyLen: 4,
});
const slot = new TensorProducer(written).loan();
const stamps: BigUint64Array = slot.fields.stamp.data;
const mask: Uint8Array = slot.fields.mask.data;
// wrong: TS2551 'dpeth' does not exist
slot.fields.dpeth;
const read: Uint16Array | undefined = new TensorConsumer(written, { onNewData: ({ fields }) => fields.rgb }).get()?.fields.depth
  .data;
void TensorConsumer.open(written, { onProgress: () => {} }).then((consumer) => consumer.get()?.fields.depth.data.fill(0));
void TensorProducer.create(written).then((producer) => {
  // wrong: TS2345|TS2739 is missing the following properties from type
  producer.put({ rgb });
});

// One field called data is a plain tensor.
const plain = new TensorProducer(new PoolMetadata({ name: 'state', fields: [{ name: 'data', dtype: 'float32', shape: [3] }] }));
plain.put(new Float32Array(3));
// wrong: TS2345 is not assignable to parameter of type 'SampleTensor<Float32Array
plain.put(new Float64Array(3));

// A consumer's metadata has it, too.
new TensorConsumer(written).on('connect', (metadata) => new TensorProducer(metadata).loan().fields.mask);

// What is not literal may be anything.
declare const init: PoolMetadataInit;
new TensorProducer(new PoolMetadata(init)).put({ rgb, depth });
new TensorProducer(new PoolMetadata(init)).put(depth);
const asserted = new TensorProducer<Uint32Array>(new PoolMetadata(init));
// wrong: TS2345 is not assignable to parameter of type 'SampleTensor<Uint32Array
asserted.put(depth);

// Wrong metadata.
// wrong: TS2322 is not assignable to type 'Dtype'
new PoolMetadata({ name: 'x', fields: [{ name: 'a', dtype: 'uint99', shape: [] }] });
// wrong: TS2345|TS2561 'historyLength' does not exist in type 'PoolMetadataInit
new PoolMetadata({ name: 'x', fields: [{ name: 'a', dtype: 'uint8', shape: [] }], historyLength: 3 });
// wrong: TS2322|TS2375 is not assignable to type 'PoolMetadata<{
const mistaken: PoolMetadata<{ rgb: Uint8Array; dpeth: Uint16Array }> = sampled;

// Subclasses, and what was there before.
class Described extends PoolMetadata {
  readonly extra = 1;
}
const described = new Described({ name: 'x', fields: [] });
new TensorProducer(described).put(depth);
const copy: PoolMetadata = new PoolMetadata({ ...described, name: 'y' });
if (described instanceof PoolMetadata) described.assertMatches(copy, { ignoreHistory: true });

export { mask, mistaken, read, stamps };
