// An RGB-D camera: colour, depth and intrinsics are one record, published and read together.
// Both sides live in one process here to keep it short; nothing changes when they are two.
//
//   node scripts/run.mjs examples/04-rgbd.ts

import assert from 'node:assert/strict';
import { monotonicNs, TensorConsumer, TensorIpcError, TensorProducer } from 'tensor-ipc';

const name = `example-rgbd-${process.pid}`;
const [HEIGHT, WIDTH] = [240, 320];
const rgb = { data: new Uint8Array(HEIGHT * WIDTH * 3), shape: [HEIGHT, WIDTH, 3] };
const depth = { data: new Uint16Array(HEIGHT * WIDTH), shape: [HEIGHT, WIDTH] };
const intrinsics = { data: new Float64Array([300, 0, 160, 0, 300, 120, 0, 0, 1]), shape: [3, 3] };

using producer = TensorProducer.fromSample(name, { rgb, depth, intrinsics }, { historyLen: 3 });
// No sample on this side: the pool describes itself. What is stated of its fields is checked, and gives frames their types.
using consumer = TensorConsumer.attach(name, { fields: { rgb: 'uint8', depth: 'uint16', intrinsics: 'float64' } });
console.log(`the pool says: ${consumer.metadata}`);

// Filling a record by put …
rgb.data.fill(10);
depth.data.fill(1000);
producer.put({ rgb, depth, intrinsics });

// … or in place. The timestamp is the camera's own.
const exposedNs = monotonicNs();
{
  using slot = producer.loan();
  slot.fields.rgb.data.fill(11);
  slot.fields.depth.data.fill(1001);
  slot.fields.intrinsics.data.set(intrinsics.data);
  slot.commit({ timestampNs: exposedNs });
}

const frame = consumer.get();
assert.ok(frame);
assert.equal(frame.timestampNs, exposedNs);
const { rgb: colour, depth: distance, intrinsics: matrix } = frame.fields;
assert.ok(colour.data.every((value) => value === 11));
assert.ok(distance.data.every((value) => value === 1001));
const [fx, fy, cx, cy] = [0, 4, 2, 5].map((index) => matrix.data[index]);
console.log(`frame ${frame.sequence}: centre at ${distance.data[120 * WIDTH + 160]} mm, fx ${fx}, fy ${fy}, cx ${cx}, cy ${cy}`);

// A window of one field: [2, 240, 320], newest first. Strides count elements, so they span the whole record.
using pair = consumer.borrow({ historyLen: 2 });
const window = pair?.fields.depth;
assert.ok(window);
const centre = (index: number) => window.data[window.offset + index * (window.strides[0] ?? 0)];
assert.deepEqual([centre(0), centre(1)], [1001, 1000]);
console.log(`depth of the last two frames: ${centre(0)} mm, then ${centre(1)} mm`);

// What does not fit does not compile. In JavaScript, or where the form is not known, it is refused by name, and costs no frame.
try {
  (producer as TensorProducer).put({ rgb, depth });
  assert.fail('a record without intrinsics was accepted');
} catch (error) {
  assert.ok(error instanceof TensorIpcError && error.code === 'FIELDS_MISMATCH');
  console.log(`${error.code}: ${error.message}`);
}
assert.equal(producer.nextSequence, 2);
