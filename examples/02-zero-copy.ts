// Full HD frames with no copy at all: the renderer draws into the pool, the reader looks at the same pages.
//
//   node scripts/run.mjs examples/02-zero-copy.ts

import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { TensorConsumer, TensorProducer } from 'tensor-ipc';

const [, program = '', role, name = `example-zero-copy-${process.pid}`] = process.argv;
const FRAMES = 50;

function renderer(): void {
  const sample = { data: new Uint8Array(1080 * 1920 * 3), shape: [1080, 1920, 3] };
  const producer = TensorProducer.fromSample(name, sample, { historyLen: 4 });
  const timer = setInterval(() => {
    using slot = producer.loan();
    // Draw, decode or read a device straight into slot.data. Until commit() nobody sees any of it.
    slot.data.fill(slot.sequence % 256);
    // Every tenth picture is thrown away: a slot that is released uncommitted publishes nothing and takes no number.
    if (Math.random() < 0.1) return;
    slot.commit();
  }, 5);
  process.on('disconnect', () => clearInterval(timer));
}

async function reader(): Promise<void> {
  using consumer = TensorConsumer.attach<Uint8Array>(name);
  const child = fork(program, ['renderer', name]);
  let frames = 0;
  let missed = 0;
  let bytes = 0;
  // `using` gives each view back at the end of its turn of the loop; until then the renderer leaves its pages alone.
  for await (using view of consumer.frames({ borrow: true })) {
    const first = view.data[0];
    assert.equal(first, view.sequence % 256);
    // A view is a typed array over shared memory; ordinary code works on it.
    assert.ok(view.data.subarray(-4096).every((value) => value === first));
    assert.ok(view.valid);
    missed += view.missed;
    bytes += view.data.byteLength;
    if (++frames === FRAMES) break;
  }
  console.log(
    `${frames} frames, ${(bytes / 1e6).toFixed(0)} MB looked at, 0 bytes copied; ${missed} frames came and went meanwhile`,
  );

  // Two views may be out at once, and hold what they hold while the renderer goes on.
  using older = consumer.borrow();
  await consumer.next({ timeoutMs: 5000 });
  using newer = consumer.borrow();
  assert.ok(older && newer && newer.sequence > older.sequence);
  assert.equal(older.data[0], older.sequence % 256);
  assert.equal(newer.data[0], newer.sequence % 256);
  console.log(`frames ${older.sequence} and ${newer.sequence} are lent at once, both whole`);

  child.disconnect();
  await once(child, 'exit');
}

await (role === 'renderer' ? renderer() : reader());
