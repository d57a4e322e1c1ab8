// scijs ndarray: frames, views and windows as ndarrays, and ndarrays of any strides in put.

import ndarray from 'ndarray';
import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { poolName } from '../support/child';
import { borrowed, CHANNELS, HEIGHT, PicturePool, picture, WIDTH } from './support/picture';

const at = (y: number, x: number, c: number) => (y * WIDTH + x) * CHANNELS + c;

test('a borrowed view is an ndarray on the same pages', () => {
  using pool = new PicturePool('ndarray-view');
  pool.publish(1);
  const expected = picture(1);
  using view = borrowed(pool.consumer);
  const pixels = ndarray(view.data, view.shape, view.strides, view.offset);
  assert.is(pixels.data.buffer, view.data.buffer);
  assert.ok(pixels.data.buffer instanceof SharedArrayBuffer);
  assert.equal(pixels.shape, [HEIGHT, WIDTH, CHANNELS]);
  assert.equal(pixels.stride, [WIDTH * CHANNELS, CHANNELS, 1]);
  for (const [y, x, c] of [
    [0, 0, 0],
    [7, 9, 2],
    [HEIGHT - 1, WIDTH - 1, CHANNELS - 1],
  ] as const) {
    assert.is(pixels.get(y, x, c), expected[at(y, x, c)]);
    assert.is(pixels.pick(y, null, c).get(x), expected[at(y, x, c)]);
    assert.is(pixels.transpose(2, 0, 1).get(c, y, x), expected[at(y, x, c)]);
    assert.is(pixels.step(-1, -1, 1).get(HEIGHT - 1 - y, WIDTH - 1 - x, c), expected[at(y, x, c)]);
  }
});

test('a view taken as an ndarray shows what is written to the pages; a copy does not', () => {
  using producer = TensorProducer.fromSample(poolName('ndarray-alias'), { data: new Float32Array(6), shape: [2, 3] });
  using consumer = TensorConsumer.attach<Float32Array>(producer.name);
  producer.put({ data: Float32Array.of(0, 1, 2, 3, 4, 5), shape: [2, 3] });
  const frame = consumer.get();
  using view = consumer.borrow();
  assert.ok(frame && view);
  const copy = ndarray(frame.data, frame.shape, frame.strides, frame.offset);
  const shared = ndarray(view.data, view.shape, view.strides, view.offset);
  assert.is(copy.get(1, 2), 5);
  view.data[5] = 50;
  assert.is(shared.get(1, 2), 50);
  assert.is(copy.get(1, 2), 5);
});

test('windows of history, newest first (negative stride) and oldest first', () => {
  using producer = TensorProducer.fromSample(poolName('ndarray-window'), new Int32Array(4), { historyLen: 3 });
  using consumer = TensorConsumer.attach<Int32Array>(producer.name);
  // More frames than slots, so that windows wrap.
  for (let k = 0; k < 2000; k++) producer.put(Int32Array.of(k, k + 1, k + 2, k + 3));
  for (const latestFirst of [true, false]) {
    using view = consumer.borrow({ historyLen: 3, latestFirst });
    assert.ok(view);
    const window = ndarray(view.data, view.shape, view.strides, view.offset);
    assert.equal(window.shape, [3, 4]);
    assert.is((window.stride[0] as number) < 0, latestFirst);
    for (let i = 0; i < 3; i++) {
      for (let j = 0; j < 4; j++) assert.is(window.get(i, j), (latestFirst ? 1999 - i : 1997 + i) + j);
    }
  }
});

test('ndarrays with gaps, transposed, reversed and broadcast go into put', () => {
  const source = ndarray(
    Float64Array.from({ length: 60 }, (_, i) => i),
    [6, 10],
  );
  const cases = {
    crop: source.lo(1, 2).hi(3, 4),
    'transposed crop': source.lo(1, 2).hi(3, 4).transpose(1, 0),
    'every second, backwards': source.step(-2, 3),
    'one column': source.pick(null, 7),
    'a broadcast row': ndarray(source.data, [4, 10], [0, 1], 20),
  };
  for (const [what, tensor] of Object.entries(cases)) {
    using producer = TensorProducer.fromSample(poolName('ndarray-put'), tensor);
    using consumer = TensorConsumer.attach<Float64Array>(producer.name);
    producer.put(tensor);
    using view = consumer.borrow();
    assert.ok(view, what);
    assert.equal(view.shape, tensor.shape, what);
    const arrived = ndarray(view.data, view.shape, view.strides, view.offset);
    const [rows = 1, columns] = tensor.shape;
    for (let i = 0; i < rows; i++) {
      if (columns === undefined) assert.is(arrived.get(i), tensor.get(i), what);
      else for (let j = 0; j < columns; j++) assert.is(arrived.get(i, j), tensor.get(i, j), `${what} ${i} ${j}`);
    }
  }
});

test('a borrowed view of one pool, transposed, goes into another', () => {
  using pool = new PicturePool('ndarray-relay');
  pool.publish(5);
  using view = borrowed(pool.consumer);
  const planar = ndarray(view.data, view.shape, view.strides, view.offset).transpose(2, 0, 1);
  using producer = TensorProducer.fromSample(poolName('ndarray-planar'), planar);
  using consumer = TensorConsumer.attach<Uint8Array>(producer.name);
  producer.put(planar);
  const frame = consumer.get();
  assert.equal(frame?.shape, [CHANNELS, HEIGHT, WIDTH]);
  const expected = picture(5);
  for (let c = 0; c < CHANNELS; c++) {
    for (let y = 0; y < HEIGHT; y++) {
      for (let x = 0; x < WIDTH; x++) assert.is(frame?.data[(c * HEIGHT + y) * WIDTH + x], expected[at(y, x, c)]);
    }
  }
});

test.run();
