// A 500 Hz control loop that waits for the sensor itself, without the event loop: asleep in the kernel, or spinning on a core.
//
//   node scripts/run.mjs examples/06-control-loop.ts

import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { monotonicNs, TensorConsumer, TensorProducer } from 'tensor-ipc';

const [, program = '', role, name = `example-control-${process.pid}`] = process.argv;
const PERIOD_MS = 2;
const RUN_MS = 1000;

function sensor(): void {
  const producer = TensorProducer.fromSample(name, new Float64Array(6), { historyLen: 8 });
  const timer = setInterval(() => {
    using slot = producer.loan();
    slot.data.fill(slot.sequence);
    slot.commit();
  }, PERIOD_MS);
  process.on('disconnect', () => clearInterval(timer));
}

/** Runs the loop for a second: how many states it saw, how many it missed, and how old they were when it got them, µs. */
function control(consumer: TensorConsumer<Float64Array>, wait: () => boolean) {
  const agesUs: number[] = [];
  let missed = 0;
  const end = performance.now() + RUN_MS;
  while (performance.now() < end) {
    if (!wait()) continue; // a real controller would hold its last command here, or stop the robot
    using state = consumer.borrow();
    if (state === null) continue;
    // Default timestamps are CLOCK_MONOTONIC, which monotonicNs reads.
    agesUs.push(Number(monotonicNs() - state.timestampNs) / 1000);
    missed += state.missed;
    assert.equal(state.data[5], state.sequence);
  }
  agesUs.sort((a, b) => a - b);
  const at = (share: number) => (agesUs[Math.floor(agesUs.length * share)] ?? Number.NaN).toFixed(1);
  return { states: agesUs.length, missed, text: `median age ${at(0.5)} µs, 99th percentile ${at(0.99)} µs` };
}

function controller(): void {
  const child = fork(program, ['sensor', name]);
  using consumer = TensorConsumer.attach<Float64Array>(name);
  // Blocks the thread until the sensor is there and has published.
  assert.ok(consumer.waitSync(10_000), 'the sensor is silent');
  const ways = {
    waitSync: () => consumer.waitSync(10 * PERIOD_MS),
    spin: () => consumer.spin(10_000 * PERIOD_MS),
  };
  for (const [way, wait] of Object.entries(ways)) {
    const { states, missed, text } = control(consumer, wait);
    console.log(`${way}: ${states} states in ${RUN_MS} ms, ${missed} missed, ${text}`);
    // How many depends on the machine; that the loop lives on does not.
    assert.ok(states > 10, 'the loop has hardly run');
  }
  child.disconnect();
}

if (role === 'sensor') sensor();
else controller();
