// A recorder that misses nothing: delivery 'all' holds every frame until it is on disk, while a viewer takes what it can.
//
//   node scripts/run.mjs examples/08-recorder.ts

import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TensorConsumer, TensorProducer } from 'tensor-ipc';

const [, program = '', role, name = `example-recorder-${process.pid}`] = process.argv;
const FRAMES = 200;
const FRAME_BYTES = 320 * 240 * 3;
const image = { data: new Uint8Array(FRAME_BYTES), shape: [240, 320, 3] };

async function camera(): Promise<void> {
  const producer = TensorProducer.fromSample(name, image, { historyLen: 8, waitTimeoutMs: 10_000 });
  await once(process, 'message');
  for (let k = 0; k < FRAMES; k++) {
    image.data.fill(k);
    // Where the recorder is behind, this waits for it, and the event loop goes on.
    await producer.putAsync(image);
  }
  producer.cleanup();
  process.disconnect();
}

async function recorder(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'recorder-'));
  const file = await open(join(folder, 'frames.rgb'), 'w');
  using consumer = TensorConsumer.attach<Uint8Array>(name, { delivery: 'all', from: 'oldest' });
  using viewer = TensorConsumer.attach(name);
  let shown = 0;
  viewer.on('frame', () => shown++);
  const closed = new Promise((resolve) => consumer.on('disconnect', resolve));
  closed.then(() => consumer.cleanup());
  const child = fork(program, ['camera', name]);
  while (!consumer.connected) await sleep(5);
  child.send('start');

  let recorded = 0;
  for await (using view of consumer.frames({ borrow: true })) {
    assert.equal(view.sequence, recorded, 'no frame may be missing');
    await file.write(view.data); // held until it is written: straight from the shared pages
    recorded += 1;
  }
  await file.close();
  const bytes = await readFile(join(folder, 'frames.rgb'));
  await rm(folder, { recursive: true });
  assert.equal(recorded, FRAMES);
  for (let k = 0; k < FRAMES; k++) assert.equal(bytes[(k + 1) * FRAME_BYTES - 1], k & 255);
  console.log(`recorded ${recorded} of ${FRAMES} frames, ${bytes.length} bytes; a viewer beside it showed ${shown}`);
  if (child.exitCode === null) await once(child, 'exit');
}

await (role === 'camera' ? camera() : recorder());
