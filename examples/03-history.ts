// A policy that looks at the last five observations, at its own pace, while a robot reports a hundred times a second.
//
//   node scripts/run.mjs examples/03-history.ts

import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { TensorConsumer, TensorProducer } from 'tensor-ipc';

const [, program = '', role, name = `example-history-${process.pid}`] = process.argv;
const JOINTS = 7;
const OBSERVATIONS = 5;

function robot(): void {
  const joints = new Float32Array(JOINTS);
  // 'fill': before five observations exist, the missing ones are copies of the first. The default shows zeros.
  const producer = TensorProducer.fromSample(name, joints, { historyLen: OBSERVATIONS, historyPad: 'fill' });
  const timer = setInterval(() => {
    for (let joint = 0; joint < JOINTS; joint++) joints[joint] = producer.nextSequence + joint / 10;
    producer.put(joints);
  }, 10);
  process.on('disconnect', () => clearInterval(timer));
}

async function policy(): Promise<void> {
  using consumer = TensorConsumer.fromSample(name, new Float32Array(JOINTS));
  const child = fork(program, ['robot', name]);
  await consumer.next({ timeoutMs: 10_000 });

  const result = new Float32Array(OBSERVATIONS * JOINTS);
  for (let step = 0; step < 10; step++) {
    // One consistent copy of [5, 7], oldest first, always into the same array: nothing is allocated that grows.
    const window = consumer.get({ historyLen: OBSERVATIONS, latestFirst: false, into: result });
    assert.ok(window);
    assert.deepEqual(window.shape, [OBSERVATIONS, JOINTS]);
    for (let row = 0; row < OBSERVATIONS; row++) {
      const sequence = Math.max(0, window.sequence - OBSERVATIONS + 1 + row);
      assert.equal(window.at(row)[0], sequence, 'observations must follow one another');
    }
    const mean = window.data.reduce((sum, value) => sum + value, 0) / window.data.length;
    const note = window.padded > 0 ? ` (${window.padded} of them padding)` : '';
    console.log(`step ${step}: observations up to ${window.sequence}${note}, action ${mean.toFixed(2)}`);
    await sleep(50);
  }

  // The same window without a copy: newest first, so its first stride is negative.
  using view = consumer.borrow({ historyLen: OBSERVATIONS });
  assert.ok(view);
  assert.equal(view.at(0)[0], view.sequence);
  assert.equal(view.at(4)[0], view.sequence - 4);
  console.log(`borrowed: shape [${view.shape.join(', ')}], strides [${view.strides.join(', ')}], offset ${view.offset}`);

  child.disconnect();
  await once(child, 'exit');
}

await (role === 'robot' ? robot() : policy());
