// Windows while the producer runs: at 60 Hz with images, and as fast as it can. Every frame whole, every window in order.

import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Peer, type Seen, untilAnswer, type WirePool, wireTools } from '../wire/support/peers';
import { configureHere, ours } from './support/ours';
import { HERE, peersOf, pool } from './support/pools';
import { frameBytesOf, metadataOf, seenIn, tensorOf, windowOf } from './support/tensors';

const FOR_MS = Number(process.env['WIRE_SPEED_MS'] ?? 2000);

configureHere();
const tools = wireTools();

if (tools === null) {
  test.skip('windows at speed');
} else {
  const { producers } = peersOf(tools);

  const atSpeed = (from: keyof typeof producers, label: string, rest: Omit<WirePool, 'name'>, rate_hz?: number) =>
    test(`${from} → ours, ${label}: every window of 1 to ${rest.history_len} frames is in order, and whole`, async () => {
      const what = pool(`speed_${from}`, rest);
      await using consumer = ours(tools);
      await using producer = producers[from]();
      await consumer.ask('consume', what);
      await producer.ask('produce', what);
      await producer.ask('put', { seed: 1 });
      await untilAnswer(
        async () => {
          await producer.ask('announce');
          return consumer.ask('get');
        },
        ({ frames }) => frames !== null,
        'they have met',
      );
      // Killed in the end: nobody waits for the answer.
      const put = producer.ask('put_many', { count: 1e6, seed: 2, ...(rate_hz === undefined ? {} : { rate_hz }) });
      const stopped = put.then(
        () => null,
        (error: Error) => error.message,
      );
      const { windows, frames, wrong } = await consumer.ask('watch_order', { for_ms: FOR_MS, longest: rest.history_len ?? 1 });
      // A producer that is stopped for long between unlocking a frame and telling of it cannot be told from one that rests (design 0010).
      // Windows taken as they come would be wrong by the hundred.
      assert.ok(wrong.length <= 1, `${wrong.length} of ${windows} windows: ${wrong.slice(0, 3).join(', ')}`);
      assert.ok(windows > 0);
      console.log(
        `\nnote: ${wrong.length} of ${windows} windows are out of order (${frames} frames each, from ${from} to ours, ${label})`,
      );
      await producer.kill();
      await stopped;
    });

  for (const from of ['python', 'c', 'ours'] as const) {
    atSpeed(from, '1080p at 60 Hz', { shape: [1080, 1920, 3], dtype: 'uint8', history_len: 5 }, 60);
    atSpeed(from, '7 float32 flat out', { shape: [7], dtype: 'float32', history_len: 10 });
    atSpeed(from, '480×640×3 flat out', { shape: [480, 640, 3], dtype: 'uint8', history_len: 4 });
  }

  for (const [label, shape] of [
    ['1080p, no whole number of pages', [1080, 1920, 3]],
    ['1 MiB', [1024, 1024]],
  ] as const) {
    test(`${label}: ours → Python, C and ours, and back, byte for byte`, async () => {
      const what = pool('large', { shape, dtype: 'uint8', history_len: 3 });
      await using python = Peer.python(tools);
      await using c = Peer.cConsumer(tools);
      using producer = new TensorProducer(metadataOf(what), HERE);
      using here = TensorConsumer.attach(what.name, HERE);
      assert.is((3 * frameBytesOf(what)) % 4096 === 0, shape.length === 2);
      for (const peer of [python, c]) await peer.ask('consume', what);
      // Nothing is put before they have met: notices that came too early keep Python behind for good.
      for (const peer of [python, c]) {
        const met = async () => {
          await peer.ask('get');
          return (await peer.ask('stats')).connected;
        };
        await untilAnswer(met, (yes) => yes, 'it has connected');
      }
      for (let seed = 8; seed <= 10; seed++) producer.put(tensorOf(what, seed));
      for (const peer of [python, c])
        await untilAnswer(
          () => peer.ask('get', { history_len: 3 }),
          ({ frames }) => String(frames) === '10,9,8',
          'the newest window',
        );
      for (const latestFirst of [true, false]) {
        const frame = here.get({ historyLen: 3, latestFirst });
        assert.equal(frame === null ? null : seenIn(frame, what), windowOf(10, 3, latestFirst));
        using view = here.borrow({ historyLen: 3, latestFirst });
        const seen: Seen[] = [0, 1, 2].map((index) =>
          view === null ? 'torn' : (seenIn({ data: view.at(index) }, what)[0] as Seen),
        );
        assert.equal(seen, windowOf(10, 3, latestFirst));
      }
    });
  }
}

test.run();
