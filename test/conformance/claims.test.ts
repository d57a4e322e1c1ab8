// Sentences of the documents about the edges of the API, each as a test.

import { fileURLToPath } from 'node:url';
import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hasCode, poolName } from '../support/child';
import { Running } from '../support/package-sandbox';

const test = suite('claims');

test("a closed consumer's next gives null, loops end, ready gives false and stats answers; other calls are CLOSED", async () => {
  using producer = TensorProducer.fromSample(poolName('closed'), new Uint8Array(4));
  const consumer = TensorConsumer.attach(producer.name);
  producer.put(new Uint8Array(4));
  consumer.close();
  assert.is(await consumer.next(), null);
  for await (const frame of consumer) assert.unreachable(`frame ${frame.sequence}`);
  assert.is(await consumer.ready(), false);
  assert.is(consumer.stats().connected, false);
  const others = [
    () => consumer.get(),
    () => consumer.borrow(),
    () => consumer.tryNext(),
    () => consumer.peek(),
    () => consumer.waitSync(1),
    () => consumer.spin(1),
    () => consumer.share(),
  ];
  for (const other of others) assert.throws(other, hasCode('CLOSED'));
});

test('at(i) of a single frame counts along its first axis, and is bounded by it', () => {
  using producer = TensorProducer.fromSample(poolName('at'), { data: new Uint8Array(6), shape: [2, 3] }, { historyLen: 2 });
  using consumer = TensorConsumer.attach(producer.name);
  producer.put({ data: Uint8Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] });
  const frame = consumer.get();
  assert.equal([...(frame?.at(1) ?? [])], [4, 5, 6]);
  assert.throws(() => frame?.at(2), /frame 2 of a window of 2/);
});

test("a loaned slot's first lap is zeros, the next one old frames", () => {
  using producer = TensorProducer.fromSample(poolName('lap'), new Uint8Array(4096));
  const first: number[] = [];
  for (let lap = 0, zeros = true; zeros; lap++) {
    using slot = producer.loan();
    zeros = slot.data.every((byte) => byte === 0);
    if (zeros) first.push(slot.sequence);
    slot.data.fill(7);
    slot.commit();
    assert.ok(lap < 1000);
  }
  assert.ok(first.length >= 3, `${first.length} slots of zeros`);
  assert.equal(first, [...first.keys()]);
});

/** Whether listeners of these events keep a program alive that has nothing else to do. */
async function staysAlive(events: readonly string[]): Promise<boolean> {
  const program = fileURLToPath(new URL('./listener.mjs', import.meta.url));
  const { code, stdout, stderr } = await new Running(process.execPath, [program, poolName('alive'), ...events], '.', process.env)
    .ended;
  assert.is(code, 0, stderr);
  return stdout.includes('still here');
}

test("listeners for 'frame' keep a process alive, those for other events alone do not", async () => {
  assert.is(await staysAlive(['connect', 'disconnect', 'lag', 'error', 'stall', 'resume']), false);
  assert.is(await staysAlive(['frame']), true);
});

test("'error' is repeated only when its message changes", async () => {
  const name = poolName('error');
  const errors: string[] = [];
  using consumer = TensorConsumer.fromSample(name, new Float32Array(4));
  consumer.on('error', (error) => errors.push((error as Error).message));
  consumer.on('frame', () => assert.unreachable());
  const looks = async (producer: TensorProducer) => {
    const before = errors.length;
    while (errors.length === before) await new Promise((resolve) => setTimeout(resolve, 20));
    // Looked at again and again: the same message comes once.
    for (let put = 0; put < 20; put++) {
      producer.put(new Float32Array(producer.metadata.shape[0] as number));
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  };
  for (const elements of [8, 16]) {
    using producer = TensorProducer.fromSample(name, new Float32Array(elements));
    await looks(producer);
  }
  assert.is(errors.length, 2, errors.join('\n'));
  assert.is(new Set(errors).size, 2);
});

test.run();
