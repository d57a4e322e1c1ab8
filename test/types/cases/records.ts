// Frames of several tensors: what a sample says of them, everywhere.

import { type Frame, type Slot, TensorConsumer, TensorProducer, type View } from 'tensor-ipc';

const rgb = { data: new Uint8Array(12), shape: [2, 2, 3] };
const depth = { data: new Uint16Array(4), shape: [2, 2] };
const producer = TensorProducer.fromSample('rgbd', { rgb, depth }, { historyLen: 4, onPinned: 'drop' });

// The producer's side.
const slot = producer.loan();
const lent: Uint16Array = slot.fields.depth.data;
slot.fields.rgb.data.fill(7);
slot.data.set(new Uint8Array(4));
// wrong: TS2551 'dpeth' does not exist on type
slot.fields.dpeth;
// wrong: TS2322 is not assignable to type 'Uint8Array
const asBytes: Uint8Array = slot.fields.depth.data;

producer.put({ rgb, depth });
producer.put({ rgb: new Uint8ClampedArray(12), depth: new Uint16Array(4) }, { timestampNs: 5n });
producer.putAsync({ rgb: { ...rgb, strides: [6, 3, 1] }, depth }).then((sequence) => sequence.toFixed());
// wrong: TS2345|TS2561 'dpeth' does not exist in type '{ readonly rgb: SampleTensor<ByteArray>; readonly depth: SampleTensor<Uint16Array
producer.put({ rgb, dpeth: depth });
// wrong: TS2345|TS2741 Property 'depth' is missing in type
producer.put({ rgb });
// wrong: TS2322 is not assignable to type 'SampleTensor<Uint16Array
producer.put({ rgb, depth: new Float32Array(4) });
// wrong: TS2322 is not assignable to type 'Uint16Array
producer.put({ rgb, depth: { data: new Float32Array(4), shape: [2, 2] } });
// wrong: TS2322 is not assignable to type 'SampleTensor<ByteArray>'
producer.putAsync({ rgb: new Uint16Array(12), depth });
// wrong: TS2345|TS2739 is missing the following properties from type
producer.put(new Uint8Array(12));

// The consumer's side, each way to read.
const consumer = TensorConsumer.fromSample('rgbd', { rgb, depth }, { historyLen: 4, onNewData: onFrame });
consumer.on('frame', onFrame);
consumer.on('frame', (frame) => frame.fields.rgb.data.length);
// wrong: TS2551 'dpeth' does not exist
consumer.once('frame', (frame) => frame.fields.dpeth);

function onFrame(frame: Frame<{ rgb: Uint8Array; depth: Uint16Array }>): void {
  const copied: Uint16Array = frame.fields.depth.data;
  const bytes: Uint8Array = frame.data;
  const one: Uint16Array = frame.at(1, 'depth');
  copied.set(one);
  bytes.set(frame.at(0, 'rgb'));
  // wrong: TS2769 '"dpeth"' is not assignable to parameter of type
  frame.at(1, 'dpeth');
  // wrong: TS2322 is not assignable to type 'Uint8Array
  const wrong: Uint8Array = frame.at(1, 'depth');
  wrong.fill(0);
}

async function readAll(): Promise<void> {
  const got = consumer.get({ historyLen: 2 });
  const peeked = consumer.peek();
  const next = await consumer.next({ timeoutMs: 1000 });
  const tried = consumer.tryNext();
  for (const frame of [got, peeked, next, tried]) if (frame !== null) onFrame(frame);
  const view = consumer.borrow();
  const triedView = consumer.tryNext({ borrow: true });
  for (const borrowed of [view, triedView]) if (borrowed !== null) onView(borrowed);
  for await (const frame of consumer) onFrame(frame);
  for await (const frame of consumer.frames()) onFrame(frame);
  for await (const borrowed of consumer.frames({ borrow: true })) onView(borrowed);
  // wrong: TS2551 'dpeth' does not exist
  consumer.borrow()?.fields.dpeth;
  // wrong: TS2551 'dpeth' does not exist
  (await consumer.next())?.fields.dpeth;
}

function onView(view: View<{ rgb: Uint8Array; depth: Uint16Array }>): void {
  const there: Uint16Array = view.fields.depth.data;
  const one: Uint16Array = view.at(0, 'depth');
  there.subarray(0, one.length);
  // wrong: TS2769 '"dpeth"' is not assignable to parameter of type
  view.at(0, 'dpeth');
}

// Copies and views alike.
function both(read: Frame<{ rgb: Uint8Array; depth: Uint16Array }> | View<{ rgb: Uint8Array; depth: Uint16Array }>): number {
  return read.fields.depth.data.length + read.at(0, 'depth').length;
}

// A known form is also any form.
function any(frame: Frame, lentView: View, lentSlot: Slot, from: TensorConsumer, to: TensorProducer): void {
  to.put({ rgb, depth });
  console.log(frame.data.length, lentView.dtype, lentSlot.sequence, from.connected);
}
const frame = consumer.get();
const view = consumer.borrow();
if (frame !== null && view !== null) any(frame, view, slot, consumer, producer);

// A record of one field, and names that are no identifiers.
const odd = TensorProducer.fromSample('odd', { 'camera/left': new Float32Array(3) });
odd.put({ 'camera/left': new Float32Array(3) });
// wrong: TS2322 is not assignable to type 'SampleTensor<Float32Array
odd.put({ 'camera/left': new Float64Array(3) });

void TensorProducer.create('rgbd', { rgb, depth }, { onProgress: (part) => part.toFixed() }).then((made) => {
  made.put({ rgb, depth });
  // wrong: TS2345|TS2741 Property 'depth' is missing in type
  made.put({ rgb });
});

export { asBytes, both, lent, readAll };
