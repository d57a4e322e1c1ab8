// Meeting processes of the Python package tensor-ipc: the same put and get, over its semaphores and Cyclone DDS.
//
//   sudo apt install libddsc0debian
//   node scripts/run.mjs examples/10-python-peers.ts
//
// The viewer below could as well be this, and the camera its counterpart:
//
//   sample = np.zeros((240, 320), dtype=np.float32)
//   consumer = TensorConsumer(MetadataCreator.from_numpy_sample("camera", sample, history_len=5))
//   consumer.get(history_len=3, latest_first=True)

import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { MetadataCreator, TensorConsumer, TensorIpcError, TensorProducer } from 'tensor-ipc';

const [, program = '', role, name = `example_python_${process.pid}`] = process.argv;
// The package uses domain 0; this example keeps to itself.
const WIRE = { wire: 'tensor-ipc', domainId: 86 } as const;
const depth = { data: new Float32Array(240 * 320), shape: [240, 320] };
const metadata = MetadataCreator.fromNumpySample(name, depth, { historyLen: 5 });

async function camera(): Promise<void> {
  const producer = new TensorProducer(metadata, WIRE);
  for (;;) {
    depth.data.fill(producer.nextSequence);
    producer.put(depth);
    await sleep(20);
  }
}

async function viewer(): Promise<void> {
  using consumer = new TensorConsumer<Float32Array>(metadata, WIRE);
  consumer.on('connect', (found) => console.log(`connected: ${found}`));
  const child = fork(program, ['camera', name]);
  for (let received = 0; received < 5; received++) {
    const frame = await consumer.next({ timeoutMs: 20_000 });
    assert.ok(frame, 'the camera is silent');
    assert.ok(frame.data.every((value) => value === frame.data[0]));
  }
  const window = consumer.get({ historyLen: 3 });
  assert.ok(window);
  const values = [0, 1, 2].map((index) => window.at(index)[0] as number);
  console.log(`the last three frames, newest first: ${values.join(', ')}`);
  assert.deepEqual(values, [values[0], (values[0] as number) - 1, (values[0] as number) - 2]);

  child.kill('SIGTERM');
  await once(child, 'exit');
  assert.deepEqual(
    readdirSync('/dev/shm').filter((file) => file.includes(name)),
    [],
    'the camera has left something behind',
  );
  console.log('the camera was told to end, and nothing of it is left');
}

try {
  await (role === 'camera' ? camera() : viewer());
} catch (error) {
  if (!(error instanceof TensorIpcError) || error.code !== 'MISSING_DEPENDENCY') throw error;
  console.log(error.message);
}
