// Copies lie over an ArrayBuffer, views and slots over a SharedArrayBuffer: from TypeScript 5.7 on, whose typed arrays say so.

import { TensorConsumer, TensorProducer } from 'tensor-ipc';

const image = { data: new Uint8Array(16), shape: [2, 2, 4] };
const producer = TensorProducer.fromSample('memory', image);
const consumer = TensorConsumer.fromSample('memory', image);
const records = TensorConsumer.attach('memory', { fields: { depth: 'uint16' } });
const unknown = TensorConsumer.attach('memory');

async function copies(): Promise<void> {
  const frame = await consumer.next();
  const record = await records.next();
  const any = await unknown.next();
  if (frame === null || record === null || any === null) return;
  const own: Uint8Array<ArrayBuffer> = frame.data;
  const field: Uint16Array<ArrayBuffer> = record.fields.depth.data;
  const raw: Uint8Array<ArrayBuffer> = record.data;
  const one: Uint8Array<ArrayBuffer> = frame.at(0);
  const oneField: Uint16Array<ArrayBuffer> = record.at(0, 'depth');
  await crypto.subtle.digest('SHA-256', frame.data);
  await crypto.subtle.digest('SHA-256', record.fields.depth.data);
  await crypto.subtle.digest('SHA-256', any.data);
  new Blob([frame.data, record.data, any.data]);
  structuredClone(frame.data.buffer, { transfer: [frame.data.buffer] });
  console.log(own, field, raw, one, oneField);
}

function views(): void {
  const view = consumer.borrow();
  const record = records.borrow();
  if (view === null || record === null) return;
  const shared: Uint8Array<SharedArrayBuffer> = view.data;
  const field: Uint16Array<SharedArrayBuffer> = record.fields.depth.data;
  const one: Uint16Array<SharedArrayBuffer> = record.at(0, 'depth');
  const part: Uint8Array<SharedArrayBuffer> = view.data.subarray(1);
  const copy: Uint8Array<ArrayBuffer> = view.data.slice();
  const buffer: SharedArrayBuffer = producer.loan().data.buffer;
  producer.put(view.data);
  Atomics.load(view.data, 0);
  console.log(shared, field, one, part, copy, buffer);
}

export { copies, views };
