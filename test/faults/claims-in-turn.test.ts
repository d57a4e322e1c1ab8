// Between claiming a slot and publishing it putAsync lets nobody in: whatever else the program does to the producer in the same turn of the
// event loop comes before or after.

import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { installPlatform, platform } from '../../host/runtime/system';
import { hasCode, poolName } from '../support/child';

const test = suite('claims in turn');

const ELEMENTS = 64;
/** More microtasks than any chain of promises of the library has. */
const HOPS = 20;

const frameOf = (value: number) => new Float64Array(ELEMENTS).fill(value);
const settled = (put: Promise<number>): Promise<number | Error> => put.catch((error: Error) => error);

async function afterMicrotasks<R>(count: number, act: () => R | Promise<R>): Promise<R> {
  for (let i = 0; i < count; i++) await null;
  return act();
}

interface Found {
  readonly sequence: number;
  readonly value: number;
}

/** What a lossless reader has not read yet. */
function framesOf(reader: TensorConsumer<Float64Array>): Found[] {
  const found: Found[] = [];
  for (let frame = reader.tryNext(); frame !== null; frame = reader.tryNext()) {
    const value = frame.data[0] as number;
    assert.ok(
      frame.data.every((element) => element === value),
      `frame ${frame.sequence} is whole`,
    );
    found.push({ sequence: frame.sequence, value });
  }
  return found;
}

/** A producer, somebody who reads all of it, and a putAsync of 101 into which `act` comes `hops` microtasks after it could go on. */
async function interrupt<R>(
  waits: boolean,
  hops: number,
  act: (producer: TensorProducer<Float64Array>) => R | Promise<R>,
): Promise<{ outcome: number | Error; result: R; frames: Found[] }> {
  let rung = () => {};
  const original = platform();
  installPlatform({
    ...original,
    openDoorbell: (name, mode, onRing) =>
      original.openDoorbell(name, mode, () => {
        rung();
        onRing();
      }),
  });
  const producer = TensorProducer.fromSample(poolName('turn'), frameOf(0), { historyLen: 2, waitTimeoutMs: 60_000 });
  const reader = TensorConsumer.attach<Float64Array>(producer.name, { delivery: 'all' });
  const holder = TensorConsumer.attach<Float64Array>(producer.name);
  try {
    if (!waits) {
      const first = settled(producer.putAsync(frameOf(101)));
      const result = await afterMicrotasks(hops, () => act(producer));
      return { outcome: await first, result, frames: framesOf(reader) };
    }
    producer.put(frameOf(0));
    using view = holder.borrow();
    for (;;) {
      framesOf(reader);
      const put = settled(producer.putAsync(frameOf(101)));
      const turn = new Promise<null>((resolve) => setTimeout(() => resolve(null), 5));
      if ((await Promise.race([put, turn])) !== null) continue;
      const acted = new Promise<R>((resolve, reject) => {
        rung = () => {
          rung = () => {};
          afterMicrotasks(hops, () => act(producer)).then(resolve, reject);
        };
      });
      view?.release();
      const result = await acted;
      return { outcome: await put, result, frames: framesOf(reader) };
    }
  } finally {
    installPlatform(original);
    for (const end of [reader, holder, producer]) end.close();
  }
}

for (const waits of [false, true]) {
  const when = waits ? 'that has waited for a view' : 'that need not wait';

  test(`a put in any microtask behind a putAsync ${when}: both frames are there`, async () => {
    for (let hops = 0; hops < HOPS; hops++) {
      const { outcome, result, frames } = await interrupt(waits, hops, (producer) => producer.put(frameOf(102)));
      const values = frames.filter(({ sequence }) => sequence === outcome || sequence === result);
      const expected = [
        { sequence: outcome as number, value: 101 },
        { sequence: result, value: 102 },
      ].sort((a, b) => a.sequence - b.sequence);
      assert.equal(values, expected, `${hops} microtasks`);
      assert.is.not(outcome, result);
    }
  });

  test(`a loan in any microtask behind a putAsync ${when}: a frame of its own`, async () => {
    for (let hops = 0; hops < HOPS; hops++) {
      const { outcome, result, frames } = await interrupt(waits, hops, (producer) => {
        const slot = producer.loan();
        slot.data.fill(102);
        // It stays out for as long as the other may take to go on.
        return new Promise<number>((resolve) => setTimeout(() => resolve(slot.commit()), 10));
      });
      const at = (sequence: number) => frames.find((frame) => frame.sequence === sequence)?.value;
      assert.equal(at(result), 102, `${hops} microtasks`);
      if (typeof outcome === 'number') assert.equal(at(outcome), 101, `${hops} microtasks`);
      else assert.ok(hasCode('LOAN_OUTSTANDING')(outcome), `${hops} microtasks: ${outcome}`);
    }
  });

  test(`a close in any microtask behind a putAsync ${when}: its frame was published, or it is refused`, async () => {
    for (let hops = 0; hops < HOPS; hops++) {
      const { outcome, frames } = await interrupt(waits, hops, (producer) => producer.close());
      const last = frames.at(-1);
      if (typeof outcome === 'number') assert.equal(last, { sequence: outcome, value: 101 }, `${hops} microtasks`);
      else assert.ok(hasCode('CLOSED')(outcome), `${hops} microtasks: ${outcome}`);
    }
  });
}

test.run();
