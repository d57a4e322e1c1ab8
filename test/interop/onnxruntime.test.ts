// onnxruntime-node: models built here, their input borrowed from a pool and their output written in place into another, where
// this version of Node lets addons see shared memory; copied, with a note, where it does not.

import { Worker } from 'node:worker_threads';
import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { poolName } from '../support/child';
import { type Graph, LINEAR, linear, loadOnnx, observation, sharedRefusal } from './support/onnx';
import { note, testWith } from './support/peer';
import { borrowed, CHANNELS, HEIGHT, PicturePool, picture, WIDTH } from './support/picture';

const onnx = loadOnnx();
let refused: Error | null = null;
if (onnx !== null) {
  const session = await onnx.session(LINEAR);
  refused = await sharedRefusal(onnx, session);
  await session.release();
}
if (refused !== null) note(`onnxruntime-node refuses shared memory, input and output are copied: ${refused.message}`);
/** With something that needs shared memory in addons; null skips. */
const direct = refused === null ? onnx : null;

const sample = (seed: number) => ({ data: observation(seed), shape: [4, 3] });

testWith(onnx, 'what get returns is a tensor anywhere', async ({ Tensor, session }) => {
  using producer = TensorProducer.fromSample(poolName('onnx-get'), sample(0));
  using consumer = TensorConsumer.attach<Float32Array>(producer.name);
  const model = await session(LINEAR);
  for (const seed of [1, 2, 3]) {
    producer.put(sample(seed));
    const frame = consumer.get();
    assert.ok(frame);
    const { y } = await model.run({ x: new Tensor('float32', frame.data, frame.shape) });
    assert.equal(y?.dims, [4, 2]);
    assert.equal(y?.data, linear(observation(seed)));
  }
  await model.release();
});

testWith(direct, 'a borrowed view is a tensor', async ({ Tensor, session }) => {
  using producer = TensorProducer.fromSample(poolName('onnx-borrow'), sample(0));
  using consumer = TensorConsumer.attach<Float32Array>(producer.name);
  const model = await session(LINEAR);
  for (const seed of [1, 2, 3]) {
    producer.put(sample(seed));
    using view = consumer.borrow();
    assert.ok(view);
    const { y } = await model.run({ x: new Tensor('float32', view.data, view.shape) });
    assert.equal(y?.data, linear(observation(seed)));
  }
  await model.release();
});

testWith(direct, 'a tensor made once sees what is on the pages at each run', async ({ Tensor, session }) => {
  using producer = TensorProducer.fromSample(poolName('onnx-alias'), sample(0));
  using consumer = TensorConsumer.attach<Float32Array>(producer.name);
  producer.put(sample(1));
  using view = consumer.borrow();
  assert.ok(view);
  const model = await session(LINEAR);
  const x = new Tensor('float32', view.data, view.shape);
  assert.equal((await model.run({ x }))['y']?.data, linear(observation(1)));
  view.data.set(observation(2));
  assert.equal((await model.run({ x }))['y']?.data, linear(observation(2)));
  await model.release();
});

testWith(direct, 'an output is written in place into a loan', async ({ Tensor, session }) => {
  using states = TensorProducer.fromSample(poolName('onnx-states'), sample(0));
  using input = TensorConsumer.attach<Float32Array>(states.name);
  using actions = TensorProducer.fromSample(poolName('onnx-actions'), { data: new Float32Array(8), shape: [4, 2] });
  using results = TensorConsumer.attach<Float32Array>(actions.name);
  const model = await session(LINEAR);
  for (const seed of [4, 5, 6]) {
    states.put(sample(seed));
    using view = input.borrow();
    assert.ok(view);
    using slot = actions.loan();
    slot.data.fill(Number.NaN);
    const x = new Tensor('float32', view.data, view.shape);
    const y = new Tensor('float32', slot.data, slot.shape);
    const returned = await model.run({ x }, { y });
    // What it returns is one more copy. Should that change one day, docs/interop.md has to.
    assert.is.not(returned['y']?.data.buffer, slot.data.buffer);
    slot.commit({ timestampNs: view.timestampNs });
    const action = results.get();
    assert.equal(action?.data, linear(observation(seed)));
    assert.is(action?.timestampNs, view.timestampNs);
  }
  await model.release();
});

testWith(onnx, 'an output that was copied goes into put', async ({ Tensor, session }) => {
  using actions = TensorProducer.fromSample(poolName('onnx-put'), { data: new Float32Array(8), shape: [4, 2] });
  using results = TensorConsumer.attach<Float32Array>(actions.name);
  const model = await session(LINEAR);
  const { y } = await model.run({ x: new Tensor('float32', observation(7), [4, 3]) });
  assert.ok(y);
  actions.put({ data: y.data as Float32Array, shape: y.dims });
  assert.equal(results.get()?.data, linear(observation(7)));
  await model.release();
});

const BOX: Graph = {
  inputs: [{ name: 'image', type: 'uint8', shape: [1, HEIGHT, WIDTH, CHANNELS] }],
  outputs: [{ name: 'blurred', type: 'float32', shape: [1, 1, HEIGHT - 2, WIDTH - 2] }],
  weights: [{ name: 'box', shape: [1, CHANNELS, 3, 3], values: new Array(CHANNELS * 9).fill(1) }],
  nodes: [
    { op: 'Cast', inputs: ['image'], outputs: ['float'], attributes: { to: 1 } },
    { op: 'Transpose', inputs: ['float'], outputs: ['planar'], attributes: { perm: [0, 3, 1, 2] } },
    { op: 'Conv', inputs: ['planar', 'box'], outputs: ['blurred'], attributes: { kernel_shape: [3, 3] } },
  ],
};

testWith(onnx, 'a convolution over a camera frame, borrowed where that works', async ({ Tensor, session }) => {
  using pool = new PicturePool('onnx-conv');
  pool.publish(9);
  const shape = [1, HEIGHT, WIDTH, CHANNELS];
  using view = borrowed(pool.consumer);
  const pixels = refused === null ? view.data : pool.consumer.get()?.data;
  assert.ok(pixels);
  const model = await session(BOX);
  const { blurred } = await model.run({ image: new Tensor('uint8', pixels, shape) });
  await model.release();
  const image = picture(9);
  const expected = Float32Array.from({ length: (HEIGHT - 2) * (WIDTH - 2) }, (_, i) => {
    const [top, left] = [Math.floor(i / (WIDTH - 2)), i % (WIDTH - 2)];
    let sum = 0;
    for (let y = top; y < top + 3; y++) {
      for (let j = left * CHANNELS; j < (left + 3) * CHANNELS; j++) sum += image[y * WIDTH * CHANNELS + j] as number;
    }
    return sum;
  });
  // Sums of bytes: exact in float32, in whatever order they were added.
  assert.equal(blurred?.data, expected);
});

testWith(onnx, 'a worker thread runs the model, pool to pool', async () => {
  using states = TensorProducer.fromSample(poolName('onnx-worker-in'), sample(0), { historyLen: 2 });
  const actionsName = poolName('onnx-worker-out');
  const workerData = { states: states.name, actions: actionsName, direct: refused === null };
  const worker = new Worker(new URL('./interop-policy.mjs', import.meta.url), { workerData });
  const ended = new Promise<number>((resolve, reject) => worker.once('exit', resolve).once('error', reject));
  await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  {
    using results = TensorConsumer.attach<Float32Array>(actionsName);
    for (let seed = 10; seed < 20; seed++) {
      const timestampNs = BigInt(seed);
      states.put(sample(seed), { timestampNs });
      // Forty bytes of answer: ready long before the watchdog of the test runner.
      const action = await results.next();
      assert.is(action?.timestampNs, timestampNs);
      assert.equal(action?.data, linear(observation(seed)));
    }
  }
  states.close();
  assert.is(await ended, 0);
});

test.run();
