// Frames and views in scijs ndarray, which indexes any strided typed array; and ndarrays, also cropped or transposed, in put.
//
//   node scripts/run.mjs examples/05-ndarray.ts

import assert from 'node:assert/strict';
import ndarray from 'ndarray';
import { TensorConsumer, TensorProducer } from 'tensor-ipc';

const name = `example-ndarray-${process.pid}`;

// A 6 x 8 picture, of which every pixel holds 10 * row + column.
const picture = ndarray(new Float32Array(6 * 8), [6, 8]);
for (let row = 0; row < 6; row++) for (let column = 0; column < 8; column++) picture.set(row, column, 10 * row + column);

// The pool takes a 4 x 3 crop, transposed: put gathers any strides into a dense frame.
const crop = picture.lo(1, 2).hi(3, 4).transpose(1, 0);
using producer = TensorProducer.fromSample(name, crop, { historyLen: 2 });
using consumer = TensorConsumer.attach<Float32Array>(name);
producer.put(crop);

const frame = consumer.get();
assert.ok(frame);
const copied = ndarray(frame.data, frame.shape, frame.strides, frame.offset);
assert.deepEqual(copied.shape, [4, 3]);
assert.equal(copied.get(0, 0), 12);
assert.equal(copied.get(3, 2), 35);
console.log(`a crop of rows 1 to 3 and columns 2 to 5, transposed, arrived as ${copied.shape.join(' x ')}`);

// A window of history without a copy. Its first stride is negative (newest first), which ndarray does not mind.
picture.set(1, 2, 99);
producer.put(crop);
using view = consumer.borrow({ historyLen: 2 });
assert.ok(view);
const history = ndarray(view.data, view.shape, view.strides, view.offset);
assert.equal(history.get(0, 0, 0), 99);
assert.equal(history.get(1, 0, 0), 12);
console.log(`pixel (0, 0) is ${history.get(0, 0, 0)} in the newest frame and ${history.get(1, 0, 0)} in the one before`);
