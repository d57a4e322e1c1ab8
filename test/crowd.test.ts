// Thirty-two lossless readers of different speeds, in four processes: CROWD_SECONDS=60 node scripts/test.mjs crowd for the long form.

import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Child, leftovers, poolName } from './support/child';

const SECONDS = Number(process.env['CROWD_SECONDS'] ?? 5);
const PROCESSES = 4;
const READERS = 8;

test(`${PROCESSES * READERS} lossless readers for ${SECONDS} s: all get everything`, async () => {
  const name = poolName('crowd');
  const producer = TensorProducer.fromSample(name, new Float64Array(1000), { historyLen: 16, waitTimeoutMs: 60_000 });
  const children = Array.from({ length: PROCESSES }, (_, i) => new Child('crowd', [name, String(READERS), String(i + 1)]));
  for (const child of children) assert.is(await child.receive(), 'ready');
  using latest = TensorConsumer.attach<Float64Array>(name);
  const deadline = performance.now() + SECONDS * 1000;
  let published = 0;
  while (performance.now() < deadline) {
    assert.is(await producer.putAsync(new Float64Array(1000).fill(published)), published);
    assert.is(latest.get()?.sequence, published, 'a reader of the latest is not held up by the slow');
    published += 1;
  }
  producer.cleanup();
  for (const child of children) {
    assert.equal(await child.receive(), new Array(READERS).fill(published));
    assert.is((await child.ended).code, 0);
  }
  assert.ok(published > 100, `${published}`);
  console.log(`${published} frames to ${PROCESSES * READERS} readers`);
  latest.cleanup();
  assert.equal(leftovers(name), []);
});

test.run();
