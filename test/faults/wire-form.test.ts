// A consumer does not take a Python pool for what it expects, but for what its producer says: before, it gives nothing.

import { TensorConsumer, TensorIpcError } from 'tensor-ipc';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { hasCode, sleep } from '../support/child';
import { untilAnswer, type WirePool, wireTools } from '../wire/support/peers';
import { configureHere } from '../wire-interop/support/ours';
import { HERE, peersOf, smallPool } from '../wire-interop/support/pools';
import { metadataOf, seenIn } from '../wire-interop/support/tensors';

configureHere();
const tools = wireTools();
/** Longer than discovery takes. */
const QUIET_MS = 700;

/** The same bytes, read as something else. */
const OTHERS = [
  ['SHAPE_MISMATCH', { shape: [3, 2] }],
  ['DTYPE_MISMATCH', { dtype: 'float32' }],
  ['DTYPE_MISMATCH', { backend: 'torch' }],
] as const satisfies readonly (readonly [string, Partial<WirePool>])[];

function attempt(consumer: TensorConsumer): unknown {
  try {
    return consumer.get();
  } catch (error) {
    return error;
  }
}

if (tools === null) {
  test.skip('what a pool is');
} else {
  const { producers } = peersOf(tools);
  for (const kind of ['python', 'c', 'ours'] as const) {
    test(`a ${kind} producer of frames of another form, as many bytes each: no frame, and the error says what differs`, async () => {
      for (const [code, other] of OTHERS) {
        const what = smallPool('form', { shape: [2, 3], dtype: 'int32' });
        await using producer = producers[kind]();
        await producer.ask('produce', what);
        await producer.ask('put', { seed: 1 });
        using consumer = new TensorConsumer(metadataOf({ ...what, ...other }), HERE);
        const events: string[] = [];
        consumer.on('error', (error) => void events.push(error instanceof TensorIpcError ? error.code : String(error)));
        for (const name of ['connect', 'disconnect', 'frame'] as const) consumer.on(name, () => void events.push(name));
        for (const until = performance.now() + QUIET_MS; performance.now() < until; await sleep(5)) {
          const seen = attempt(consumer);
          assert.ok(seen === null || hasCode(code)(seen as Error), `${code}: ${String(seen)}`);
        }
        await producer.ask('put', { seed: 2 });
        await untilAnswer(
          async () => attempt(consumer),
          (seen) => seen !== null,
          'its word is there',
        );
        await untilAnswer(
          async () => events.length,
          (count) => count > 0,
          'it is an event',
        );
        assert.ok(hasCode(code)(attempt(consumer) as Error), code);
        assert.equal([...new Set(events)], [code]);
      }
    });
  }

  test('a producer is killed, and the next one puts frames of another form, as many bytes each: an error, and no frame of it', async () => {
    const what = smallPool('form_next', { shape: [2, 3], dtype: 'int32' });
    using consumer = new TensorConsumer(metadataOf(what), HERE);
    const frames: unknown[] = [];
    const codes: string[] = [];
    consumer.on('frame', (frame) => void frames.push(seenIn(frame, what)[0]));
    consumer.on('error', (error) => void codes.push(error instanceof TensorIpcError ? error.code : String(error)));
    {
      await using first = producers.python();
      await first.ask('produce', what);
      await untilAnswer(
        () => first.ask('announce'),
        () => consumer.connected,
        'the consumer has joined',
      );
      await first.ask('put', { seed: 1 });
      await untilAnswer(
        async () => frames.length,
        (count) => count === 1,
        'the frame is heard',
      );
      await first.kill();
    }
    await using next = producers.python();
    await next.ask('produce', { ...what, shape: [3, 2] });
    for (let seed = 2; seed <= 8; seed++) {
      await next.ask('put', { seed });
      await sleep(100);
    }
    await untilAnswer(
      async () => codes.length,
      (count) => count > 0,
      'the error is heard',
    );
    assert.equal(frames, [1]);
    assert.equal(codes, ['SHAPE_MISMATCH']);
  });
}

test.run();
