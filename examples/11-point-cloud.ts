// A lidar: clouds of 100 to 300 000 points, each as long as it is, written in place and read in place, and none is missed.
//
//   node scripts/run.mjs examples/11-point-cloud.ts

import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { TensorConsumer, TensorProducer } from 'tensor-ipc';

const [, program = '', role, name = `example-points-${process.pid}`] = process.argv;
const CLOUDS = 60;
const LEAST = 100;
const MOST = 300_000;

/** How many points cloud k has: the least, the most, and all sorts between. */
const lengthOf = (k: number) => (k === 0 ? LEAST : k === 1 ? MOST : LEAST + ((k * 48_271 * 7919) % (MOST - LEAST)));

async function lidar(): Promise<void> {
  const producer = TensorProducer.fromSample(
    name,
    {
      points: { data: new Float32Array(3), shape: [1, 3], maxLength: MOST, encoding: 'xyz', unit: 'm', frameId: 'lidar' },
      ring: { data: new Uint8Array(1), shape: [1], maxLength: MOST },
      sum: { data: new Float64Array(1), shape: [1] },
    },
    { historyLen: 4, waitTimeoutMs: 30_000, attributes: { model: 'example', mount: { xyz: [0, 0, 1.8], rpy: [0, 0, 0] } } },
  );
  await once(process, 'message');
  for (let k = 0; k < CLOUDS; k++) {
    // The points go straight into shared memory: there is no other copy of them. Where the reader is behind, this waits.
    using slot = producer.loan({ length: lengthOf(k) });
    const { points, ring, sum } = slot.fields ?? {};
    assert.ok(points && ring && sum);
    let total = 0;
    for (let i = 0; i < points.data.length; i++) {
      const value = ((k + i) % 1000) / 8;
      points.data[i] = value;
      total += value;
    }
    for (let i = 0; i < ring.data.length; i++) ring.data[i] = (k + i) % 64;
    sum.data[0] = total;
    slot.commit();
  }
  producer.close();
  process.disconnect();
}

async function mapper(): Promise<void> {
  using consumer = TensorConsumer.attach(name, { delivery: 'all', from: 'oldest' });
  consumer.on('disconnect', () => consumer.close());
  const child = fork(program, ['lidar', name]);
  consumer.on('connect', (metadata) => {
    console.log(`connected: ${metadata}, ${JSON.stringify(metadata.attributes)}`);
    child.send('start');
  });
  let clouds = 0;
  let points = 0;
  let startedMs = 0;
  for await (using view of consumer.frames({ borrow: true })) {
    startedMs ||= performance.now();
    const cloud = view.fields?.['points'];
    assert.ok(cloud);
    const length = lengthOf(clouds);
    assert.deepEqual(cloud.shape, [length, 3], 'a view has the shape of its own cloud');
    assert.deepEqual(view.fields?.['ring']?.shape, [length]);
    let total = 0;
    for (const value of cloud.data as Float32Array) total += value;
    assert.equal(total, view.fields?.['sum']?.data[0], 'every point is as it was written');
    assert.equal(view.fields?.['ring']?.data[length - 1], (clouds + length - 1) % 64);
    assert.equal(view.sequence, clouds, 'no cloud may be missing');
    clouds += 1;
    points += length;
  }
  assert.equal(clouds, CLOUDS);
  const seconds = (performance.now() - startedMs) / 1000;
  const rate = `${(clouds / seconds).toFixed(0)} clouds and ${(points / seconds / 1e6).toFixed(1)} million points a second`;
  console.log(`${clouds} clouds of ${LEAST} to ${MOST} points, ${points} in all, every sum right: ${rate}, summed twice`);
  if (child.exitCode === null) await once(child, 'exit');
}

await (role === 'lidar' ? lidar() : mapper());
