// A camera process and a viewer process share frames: put on one side, next and get on the other.
//
//   node scripts/run.mjs examples/01-put-get.ts

import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { TensorConsumer, TensorProducer } from 'tensor-ipc';

const [, program = '', role, name = `example-put-get-${process.pid}`] = process.argv;
const SHAPE = [480, 640, 3];

async function camera(): Promise<void> {
  const pixels = new Uint8Array(480 * 640 * 3);
  // The sample tells shape and dtype. The pool is gone when the process ends, however it ends by itself.
  const producer = TensorProducer.fromSample(name, { data: pixels, shape: SHAPE });
  for (;;) {
    pixels.fill(producer.nextSequence % 256);
    producer.put({ data: pixels, shape: SHAPE });
    await sleep(10);
  }
}

async function viewer(): Promise<void> {
  // The consumer may come first: it connects when the camera is there.
  using consumer = TensorConsumer.attach<Uint8Array>(name);
  assert.equal(consumer.get(), null);
  const child = fork(program, ['camera', name]);

  for (let received = 0; received < 5; received++) {
    const frame = await consumer.next({ timeoutMs: 10_000 });
    assert.ok(frame, 'the camera is silent');
    assert.deepEqual(frame.shape, SHAPE);
    assert.ok(
      frame.data.every((value) => value === frame.sequence % 256),
      'a frame is not what the camera put',
    );
    console.log(`frame ${frame.sequence}: ${frame.dtype} ${frame.shape.join(' x ')}, taken at ${frame.timestampNs} ns`);
  }
  await sleep(100);
  const latest = consumer.get();
  console.log(`100 ms later get() gives frame ${latest?.sequence}: the latest, not the next in a queue`);
  assert.ok(latest && latest.missed > 0);

  child.kill('SIGTERM');
  await once(child, 'exit');
  assert.equal(consumer.get(), null);
  assert.equal(existsSync(`/dev/shm/tensoripc.${name}`), false, 'the pool has outlived its camera');
  console.log('the camera was told to end: get() gives null and the pool is gone');
}

await (role === 'camera' ? camera() : viewer());
