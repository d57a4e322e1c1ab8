// A worker thread between two pools: states in, a model's answers out, until the states' producer closes its pool.

import { parentPort, workerData } from 'node:worker_threads';
import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { LINEAR, loadOnnx } from '../support/onnx';

const { states, actions, direct } = workerData as { states: string; actions: string; direct: boolean };
const onnx = loadOnnx();
if (onnx === null) throw new Error('the test should not have started this');
const model = await onnx.session(LINEAR);
{
  using input = TensorConsumer.attach<Float32Array>(states);
  using output = TensorProducer.fromSample(actions, { data: new Float32Array(8), shape: [4, 2] });
  const stop = new AbortController();
  input.on('disconnect', () => stop.abort());
  parentPort?.postMessage('ready');
  for await (using view of input.frames({ borrow: true, signal: stop.signal })) {
    using slot = output.loan();
    const x = new onnx.Tensor('float32', direct ? view.data : view.data.slice(), view.shape);
    const y = new onnx.Tensor('float32', direct ? slot.data : new Float32Array(8), slot.shape);
    const answer = await model.run({ x }, { y });
    if (!direct) slot.data.set(answer['y']?.data ?? []);
    slot.commit({ timestampNs: view.timestampNs });
  }
}
await model.release();
