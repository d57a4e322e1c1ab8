// A slot is claimed and published in one turn: what the program does right behind putAsync, within the same turn of the event loop, never
// meets a slot that is claimed and not yet written.

import { TensorConsumer, TensorIpcError, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { leftovers, poolName } from '../support/child';

const test = suite('turns of puts');

/** Microtasks that putAsync may take to publish, and a few more. */
const MICROTASKS = 12;

const frame = (value: number) => new Float32Array(16).fill(value);

async function microtasks(count: number): Promise<void> {
  for (let k = 0; k < count; k++) await Promise.resolve();
}

interface Pair {
  readonly producer: TensorProducer<Float32Array>;
  /** The numbers and values of the frames that came since the last call. */
  readonly drain: () => (readonly [number, number])[];
}

async function withPair(body: (pair: Pair) => Promise<void>): Promise<void> {
  const name = poolName('turns');
  using producer = TensorProducer.fromSample<Float32Array>(name, frame(0), { historyLen: 8 });
  using consumer = TensorConsumer.attach<Float32Array>(name, { delivery: 'all' });
  const drain = () => {
    const frames: (readonly [number, number])[] = [];
    for (let taken = consumer.tryNext(); taken !== null; taken = consumer.tryNext()) {
      assert.is(new Set(taken.data).size, 1, 'no frame is torn');
      frames.push([taken.sequence, taken.data[0] as number]);
    }
    return frames;
  };
  await body({ producer, drain });
  consumer.cleanup();
  producer.cleanup();
  assert.equal(leftovers(name), []);
}

for (let ticks = 0; ticks < MICROTASKS; ticks++) {
  test(`a put ${ticks} microtasks behind putAsync: each frame has its own number`, () =>
    withPair(async ({ producer, drain }) => {
      const pending = producer.putAsync(frame(1));
      await microtasks(ticks);
      const second = producer.put(frame(2));
      const first = await pending;
      assert.equal(
        drain(),
        first < second
          ? [
              [0, 1],
              [1, 2],
            ]
          : [
              [0, 2],
              [1, 1],
            ],
      );
    }));

  test(`a loan ${ticks} microtasks behind putAsync: what is written into it is not published for it`, () =>
    withPair(async ({ producer, drain }) => {
      const pending = producer.putAsync(frame(1)).catch((error) => error);
      await microtasks(ticks);
      const slot = producer.loan();
      slot.data.fill(2);
      const first = await pending;
      slot.data.fill(3);
      const loaned = slot.commit();
      if (first instanceof TensorIpcError) {
        assert.is(first.code, 'LOAN_OUTSTANDING');
        assert.equal(drain(), [[loaned, 3]]);
      } else {
        assert.equal(drain(), [
          [first, 1],
          [loaned, 3],
        ]);
      }
    }));
}

for (let ticks = 0; ticks < MICROTASKS; ticks++) {
  test(`close ${ticks} microtasks behind putAsync: the frame is there, or the call is refused`, async () => {
    const name = poolName('turns-close');
    const producer = TensorProducer.fromSample<Float32Array>(name, frame(0));
    using consumer = TensorConsumer.attach<Float32Array>(name);
    const next = consumer.next({ timeoutMs: 2000 });
    const pending = producer.putAsync(frame(1)).catch((error) => error);
    await microtasks(ticks);
    producer.close();
    const result = await pending;
    if (result instanceof TensorIpcError) assert.is(result.code, 'CLOSED');
    else assert.equal([result, (await next)?.data[0]], [0, 1]);
    consumer.close();
    assert.equal(leftovers(name), []);
  });
}

test.run();
