// How many frames of a window are padding, and how a late reader knows: the wire has no sequence numbers.

import { TensorConsumer } from 'tensor-ipc';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { sleep } from '../support/child';
import { type Peer, untilAnswer, type WirePool, wireTools } from '../wire/support/peers';
import { configureHere } from '../wire-interop/support/ours';
import { HERE, peersOf, smallPool } from '../wire-interop/support/pools';
import { metadataOf, seenIn, windowOf } from '../wire-interop/support/tensors';

configureHere();
const tools = wireTools();
const HISTORY = 4;
/** A reader that has listened for longer than this knows the first notice for the first. */
const LISTENED_MS = 1300;

/** The whole history, once there is a frame. */
async function whole(consumer: TensorConsumer, producer: Peer, what: WirePool, newest: number) {
  const frame = await untilAnswer(
    async () => {
      await producer.ask('announce');
      return consumer.get({ historyLen: HISTORY });
    },
    (found) => found !== null && seenIn(found, what)[0] === newest,
    `frame ${newest} is there`,
  );
  assert.ok(frame !== null);
  return { padded: frame?.padded, sequence: frame?.sequence ?? -1, seen: frame === null ? [] : seenIn(frame, what) };
}

if (tools === null) {
  test.skip('laps');
} else {
  const { producers } = peersOf(tools);
  for (const kind of ['python', 'c', 'ours'] as const) {
    test(`a reader comes after 1 to 13 puts of a ${kind} producer of ${HISTORY} slots: padding is what is padding`, async () => {
      for (const puts of [1, 2, 3, 4, 5, 8, 9, 13]) {
        const what = smallPool('laps', { history_len: HISTORY });
        await using producer = producers[kind]();
        await producer.ask('produce', what);
        for (let seed = 1; seed <= puts; seed++) await producer.ask('put', { seed });
        using consumer = new TensorConsumer(metadataOf(what), HERE);
        for (const newest of [puts, puts + 1]) {
          if (newest > puts) await producer.ask('put', { seed: newest });
          const { padded, sequence, seen } = await whole(consumer, producer, what, newest);
          assert.equal(seen, windowOf(newest, HISTORY), `${newest} puts`);
          assert.is(padded, Math.max(0, HISTORY - newest), `after ${newest} puts`);
          assert.is(sequence % HISTORY, (newest - 1) % HISTORY, 'it tells the slot');
        }
      }
    });
  }

  for (const kind of ['python', 'c'] as const) {
    test(`locks of a dead ${kind} producer are there: who comes late is shown no padding, who was there first is`, async () => {
      const what = smallPool('laps_left', { history_len: HISTORY });
      {
        await using dead = producers[kind]();
        await dead.ask('produce', what);
        for (let seed = 1; seed <= HISTORY; seed++) await dead.ask('put', { seed });
        await dead.kill();
      }
      await using producer = producers[kind]();
      await producer.ask('produce', what);
      using first = new TensorConsumer(metadataOf(what), HERE);
      await untilAnswer(
        () => producer.ask('announce'),
        () => first.get() === null && first.connected,
        'it has joined',
      );
      await sleep(LISTENED_MS);
      await producer.ask('put', { seed: 1 });
      using late = new TensorConsumer(metadataOf(what), HERE);
      const early = await whole(first, producer, what, 1);
      assert.is(early.padded, HISTORY - 1);
      assert.is(early.sequence, 0);
      assert.is((await whole(late, producer, what, 1)).padded, 0);
    });
  }
}

test.run();
