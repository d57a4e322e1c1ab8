// Inference off the main thread: a worker runs an ONNX model on camera frames that it borrows, and the model writes its output in
// place into the next slot of a result pool. The main thread draws, and never waits for the model.
//
//   npm run peers interop        (installs onnxruntime-node; or install it yourself)
//   node scripts/run.mjs examples/09-inference.ts

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { monotonicNs, TensorConsumer, TensorProducer } from 'tensor-ipc';

const HEIGHT = 120;
const WIDTH = 160;
const FRAMES = 60;

/** What this example uses of onnxruntime-node. */
interface Runtime {
  readonly InferenceSession: { create(model: Uint8Array, options: object): Promise<Session> };
  readonly Tensor: new (type: 'float32' | 'uint8', data: Uint8Array | Float32Array, shape: readonly number[]) => Tensor;
}
interface Tensor {
  readonly data: Uint8Array | Float32Array;
}
interface Session {
  run(feeds: Record<string, Tensor>, fetches?: Record<string, Tensor>): Promise<Record<string, Tensor>>;
  release(): Promise<void>;
}

function findRuntime(): Runtime | null {
  for (const from of [import.meta.url, resolve('test/interop/package.json')]) {
    try {
      return createRequire(from)('onnxruntime-node') as Runtime;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    }
  }
  return null;
}

/** One field of a protobuf message: a small number, or bytes with their length in front. */
function field(tag: number, value: number | string | Uint8Array): Buffer {
  if (typeof value === 'number') return Buffer.from([...varint(tag << 3), ...varint(value)]);
  return Buffer.concat([Buffer.from([...varint((tag << 3) | 2), ...varint(Buffer.byteLength(value))]), Buffer.from(value)]);
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >> 7)];
}

/**
 * An ONNX file, to have one without a download: brightness[h, w, 1] = float(image[h, w, 3]) x [0.299, 0.587, 0.114]. Yours comes
 * from a disk. The tags are those of onnx.proto.
 */
function tinyModel(): Uint8Array {
  const message = Buffer.concat;
  const value = (name: string, type: number, shape: readonly number[]) =>
    message([
      field(1, name),
      field(2, field(1, message([field(1, type), field(2, message(shape.map((extent) => field(1, field(1, extent)))))]))),
    ]);
  const node = (op: string, inputs: readonly string[], output: string, attribute?: Buffer) =>
    message([
      ...inputs.map((input) => field(1, input)),
      field(2, output),
      field(4, op),
      ...(attribute ? [field(5, attribute)] : []),
    ]);
  const weights = new Uint8Array(Float32Array.of(0.299, 0.587, 0.114).buffer);
  const graph = message([
    field(1, node('Cast', ['image'], 'float', message([field(1, 'to'), field(3, 1), field(20, 2)]))),
    field(1, node('MatMul', ['float', 'weights'], 'brightness')),
    field(2, 'tiny'),
    field(5, message([field(1, 3), field(1, 1), field(2, 1), field(8, 'weights'), field(9, weights)])),
    field(11, value('image', 2, [HEIGHT, WIDTH, 3])),
    field(12, value('brightness', 1, [HEIGHT, WIDTH, 1])),
  ]);
  return message([field(1, 8), field(7, graph), field(8, field(2, 13))]);
}

/** In the worker: from frame to result, until the camera closes its pool. */
async function infer(runtime: Runtime, camera: string, results: string): Promise<void> {
  const { InferenceSession, Tensor } = runtime;
  const session = await InferenceSession.create(tinyModel(), { intraOpNumThreads: 1 });
  // Node versions differ in whether addons may see shared memory: try, and copy where they may not.
  const probe = new Uint8Array(new SharedArrayBuffer(HEIGHT * WIDTH * 3));
  const refused = await session.run({ image: new Tensor('uint8', probe, [HEIGHT, WIDTH, 3]) }).then(
    () => false,
    (error: unknown) => {
      console.log(`Node ${process.versions.node} hides shared memory from addons (${error}): frames are copied`);
      return true;
    },
  );

  using input = TensorConsumer.attach<Uint8Array>(camera);
  using output = TensorProducer.fromSample(results, { data: new Float32Array(HEIGHT * WIDTH), shape: [HEIGHT, WIDTH, 1] });
  const stop = new AbortController();
  input.on('disconnect', () => stop.abort());
  parentPort?.postMessage('ready');
  for await (using view of input.frames({ borrow: true, signal: stop.signal })) {
    using slot = output.loan();
    // slice() copies to ordinary memory.
    const image = new Tensor('uint8', refused ? view.data.slice() : view.data, view.shape);
    const brightness = new Tensor('float32', refused ? new Float32Array(HEIGHT * WIDTH) : slot.data, slot.shape);
    const answer = await session.run({ image }, { brightness });
    // Written in place: the pages are the result, the returned tensor is one more copy.
    if (refused) slot.data.set(answer['brightness']?.data ?? []);
    // The camera's time, so that whoever reads the result knows which frame it belongs to.
    slot.commit({ timestampNs: view.timestampNs });
  }
  await session.release();
}

/** Where the bright spot is in frame k. */
const spot = (k: number) => ((k * 7) % HEIGHT) * WIDTH + ((k * 11) % WIDTH);

function brightest(data: Float32Array): number {
  let best = 0;
  for (let i = 1; i < data.length; i++) if ((data[i] as number) > (data[best] as number)) best = i;
  return best;
}

async function main(): Promise<void> {
  const names = { camera: `example-camera-${process.pid}`, results: `example-brightness-${process.pid}` };
  using camera = TensorProducer.fromSample(names.camera, { data: new Uint8Array(HEIGHT * WIDTH * 3), shape: [HEIGHT, WIDTH, 3] });
  const worker = new Worker(new URL(import.meta.url), { workerData: names });
  const ended = new Promise((done, fail) => worker.once('exit', done).once('error', fail));
  await Promise.race([ended, new Promise((done) => worker.once('message', done))]);

  using results = TensorConsumer.attach<Float32Array>(names.results);
  const agesUs: number[] = [];
  for (let k = 0; k < FRAMES; k++) {
    {
      using slot = camera.loan();
      slot.data.fill(20);
      slot.data.fill(250, spot(k) * 3, spot(k) * 3 + 3);
      slot.commit({ timestampNs: monotonicNs() });
    }
    // A real camera would not wait for the model; here every frame's answer is checked.
    const result = await results.next();
    assert.ok(result);
    agesUs.push(Number(monotonicNs() - result.timestampNs) / 1000);
    assert.equal(brightest(result.data), spot(k));
  }
  agesUs.sort((a, b) => a - b);
  console.log(`${FRAMES} frames: the model found every spot, ${agesUs[FRAMES / 2]?.toFixed(0)} µs (median) after it was drawn`);
  camera.close();
  await ended;
}

const runtime = findRuntime();
if (runtime === null) console.log('onnxruntime-node is not installed: run "npm run peers interop" first. Nothing was shown.');
else if (isMainThread) await main();
else await infer(runtime, workerData.camera, workerData.results);
