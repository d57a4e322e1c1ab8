import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { platform } from '../host/runtime/system';
import { poolName } from './support/child';

test('the runtime’s clock is CLOCK_MONOTONIC, as the kernel tells it', () => {
  const runtime = platform();
  const system = runtime.system();
  for (let i = 0; i < 1000; i++) {
    const before = system.monotonicNs();
    const now = runtime.monotonicNs();
    assert.ok(before <= now && now <= system.monotonicNs());
  }
});

test('a frame without a timestamp has the time of its publication', () => {
  const name = poolName('clock');
  const system = platform().system();
  using producer = TensorProducer.fromSample(name, new Uint8Array(4));
  using consumer = TensorConsumer.attach(name);
  for (let i = 0; i < 100; i++) {
    const before = system.monotonicNs();
    producer.put(new Uint8Array(4));
    const { timestampNs = 0n } = consumer.get() ?? {};
    assert.ok(before <= timestampNs && timestampNs <= system.monotonicNs());
  }
});

test.run();
