// A logger that outlives its producer: the producer is killed, another takes the pool over, and the same loop goes on.
//
//   node scripts/run.mjs examples/07-event-driven.ts

import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { TensorConsumer, TensorProducer } from 'tensor-ipc';

const [, program = '', role, name = `example-events-${process.pid}`] = process.argv;
const TEMPERATURES = new Float32Array(4);

function thermometer(): void {
  const producer = TensorProducer.fromSample(name, TEMPERATURES);
  const timer = setInterval(() => producer.put(TEMPERATURES.fill(20 + Math.random())), 5);
  process.on('disconnect', () => {
    clearInterval(timer);
    producer.close();
  });
}

async function logger(): Promise<void> {
  let child: ChildProcess = fork(program, ['thermometer', name]);
  const seen: string[] = [];
  const done = new AbortController();

  using consumer = TensorConsumer.fromSample(name, TEMPERATURES);
  consumer.on('connect', (metadata) => {
    seen.push('connect');
    console.log(`connected: ${metadata}`);
  });
  consumer.on('disconnect', (reason) => {
    seen.push(reason);
    console.log(`disconnected: the producer ${reason}`);
    if (reason === 'died') child = fork(program, ['thermometer', name]);
    else done.abort();
  });
  consumer.on('lag', ({ missed, sequence }) => console.log(`${missed} frames skipped before frame ${sequence}`));
  consumer.on('error', (error) => {
    throw error;
  });

  let last = -1;
  let frames = 0;
  for await (const frame of consumer.frames({ signal: done.signal })) {
    assert.ok(frame.sequence > last, 'frames must come in order, also across the restart');
    last = frame.sequence;
    frames += 1;
    if (frames === 20) {
      console.log(`frame ${frame.sequence}: killing the producer`);
      child.kill('SIGKILL');
    }
    if (frames === 40) {
      console.log(`frame ${frame.sequence}: asking the producer to end`);
      child.disconnect();
    }
  }
  console.log(`${frames} frames in order, from two producers`);
  assert.deepEqual(seen, ['connect', 'died', 'connect', 'closed']);
}

if (role === 'thermometer') thermometer();
else await logger();
