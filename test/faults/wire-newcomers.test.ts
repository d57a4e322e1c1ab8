// Readers of the package's kind that come late to a producer of ours: they are not behind, and of an idle one they read the newest frame.

import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { sleep } from '../support/child';
import { Peer, untilAnswer, wireTools } from '../wire/support/peers';
import { configureHere, ours } from '../wire-interop/support/ours';
import { HERE, peersOf, smallPool } from '../wire-interop/support/pools';
import { untilNewest } from '../wire-interop/support/rounds';
import { metadataOf, tensorOf } from '../wire-interop/support/tensors';

const ROUNDS = Number(process.env['WIRE_ROUNDS'] ?? 5);
const RATE_HZ = 100;
const FRAMES = 120;

configureHere();
const tools = wireTools();

if (tools === null) {
  test.skip('newcomers');
} else {
  const { consumers } = peersOf(tools);

  test('a Python reader that comes while ours puts stays at most one frame behind', async () => {
    const behind: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const what = smallPool('late', { history_len: 10 });
      await using producer = ours(tools);
      await using reader = Peer.python(tools);
      await producer.ask('produce', what);
      await reader.ask('stats').catch(() => undefined);
      const put = producer.ask('put_many', { count: FRAMES, rate_hz: RATE_HZ, seed: 1 });
      // Anywhere between two announcements by the clock.
      await sleep(100 + 90 * round);
      await reader.ask('consume', { ...what, callback: true });
      await put;
      // The last notice may be on its way yet: as long as it takes for nothing more to come.
      let count = -1;
      const { received } = await untilAnswer(
        async () => {
          await sleep(200);
          return reader.ask('callbacks', {});
        },
        (answer) => {
          const settled = answer.received.length > 0 && answer.received.length === count;
          count = answer.received.length;
          return settled;
        },
        'its callbacks are over',
      );
      behind.push((FRAMES - Number(received.at(-1)?.seed) + 256) % 256);
    }
    console.log(`\nnote: Python readers that come late, at ${RATE_HZ} Hz, are behind by ${behind.join(', ')} frames`);
    assert.ok(Math.max(...behind) <= 1, behind.join(' '));
  });

  for (const kind of ['python', 'c'] as const) {
    for (const history_len of [1, 4]) {
      test(`a ${kind} reader comes to an idle producer of ours with ${history_len} slots: it reads the newest frame, and nobody counts another`, async () => {
        const what = smallPool('idle_slot', { history_len });
        using producer = new TensorProducer(metadataOf(what), HERE);
        using here = new TensorConsumer(metadataOf(what), HERE);
        const sequences: number[] = [];
        here.on('frame', (frame) => void sequences.push(frame.sequence));
        for (let seed = 1; seed <= 2; seed++) {
          producer.put(tensorOf(what, seed));
          await untilNewest(here, what, seed);
        }
        const before = here.get()?.sequence;
        await using reader = consumers[kind]();
        await reader.ask('consume', { ...what, callback: true });
        await untilAnswer(
          () => reader.ask('get'),
          ({ frames }) => frames?.[0] === 2,
          'the newest frame is read',
        );
        // Through the notice, not by chance of which slot it takes for the newest.
        await untilAnswer(
          () => reader.ask('callbacks', {}),
          ({ received }) => received.length > 0,
          'it is told',
        );
        const { received } = await reader.ask('callbacks', {});
        assert.equal(
          received.map(({ seed }) => seed),
          [2],
        );
        assert.is(here.get()?.sequence, before);
        assert.is(here.get()?.missed, 0);
        assert.equal(sequences, [...new Set(sequences)], 'no frame twice');
        producer.put(tensorOf(what, 3));
        await untilNewest(here, what, 3);
        assert.is(here.get()?.sequence, (before ?? 0) + 1);
        await untilAnswer(
          () => reader.ask('get'),
          ({ frames }) => frames?.[0] === 3,
          'the next frame is read',
        );
      });
    }
  }
}

test.run();
