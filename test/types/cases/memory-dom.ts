// What takes copies and refuses shared memory: from TypeScript 5.9 on, web APIs among it.

import { TensorConsumer } from 'tensor-ipc';

const image = { data: new Uint8ClampedArray(16), shape: [2, 2, 4] };
const consumer = TensorConsumer.fromSample('memory', image);
const frame = consumer.get();
const view = consumer.borrow();
if (frame !== null && view !== null) {
  new ImageData(new Uint8ClampedArray(frame.data.buffer, frame.data.byteOffset, frame.data.length), 2, 2);
  void crypto.subtle.digest('SHA-256', frame.data);
  new Blob([frame.data]);
  // wrong: TS2769|TS2345 is not assignable to parameter of type
  new ImageData(new Uint8ClampedArray(view.data.buffer, view.data.byteOffset, view.data.length), 2, 2);
  // wrong: TS2345 is not assignable to parameter of type 'BufferSource'
  void crypto.subtle.digest('SHA-256', view.data);
  // wrong: TS2322 is not assignable to type 'BlobPart'
  new Blob([view.data]);
  // wrong: TS2322 is not assignable to type 'Uint8Array<ArrayBuffer>'
  const own: Uint8Array<ArrayBuffer> = view.data;
  // wrong: TS2322 is not assignable to type 'ArrayBuffer'
  const memory: ArrayBuffer = view.data.buffer;
  console.log(own, memory);
}
