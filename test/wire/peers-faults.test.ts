// The faults of the Python wire, on the peers: they must have them, or our side is tested against something better than what is there.

import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  Peer,
  PeerError,
  stillWaiting,
  type Tools,
  untilAnswer,
  untilMet,
  untilSeen,
  type WirePool,
  wireTools,
} from './support/peers';
import { objectStat, readerCount, removeWireObjects, semaphoreValue, wireName, wireObjects } from './support/shm';

/** What counts as hanging. */
const HANG_MS = 1000;

const tools = wireTools();
const pools: string[] = [];

function pool(label: string, rest: Partial<WirePool> = {}): WirePool {
  const name = wireName(label);
  pools.push(name);
  return { name, shape: [7], dtype: 'float32', history_len: 3, ...rest };
}

async function refused(attempt: Promise<unknown>, pattern: RegExp): Promise<void> {
  try {
    await attempt;
  } catch (error) {
    assert.instance(error, PeerError);
    assert.match((error as PeerError).message, pattern);
    return;
  }
  assert.unreachable(`no error that matches ${pattern}`);
}

test.after(() => {
  for (const name of pools) removeWireObjects(name);
  assert.equal(pools.flatMap(wireObjects), []);
});

if (tools === null) {
  test.skip('the faults of the wire');
} else {
  /** A pair that has met, and has not put anything. */
  async function pair(what: WirePool, to: Peer, from: Peer, callback = false): Promise<void> {
    await to.ask('consume', { ...what, callback });
    await from.ask('produce', what);
    await untilMet(from, [to]);
  }

  test('1. a reader that is killed while it holds a slot hangs the producer, and the next one too', async () => {
    const what = pool('held_reader');
    await using reader = Peer.python(tools);
    await using producer = Peer.python(tools);
    await pair(what, reader, producer);
    await producer.ask('put_many', { count: 3, seed: 1 });
    assert.is((await reader.ask('hold_reader', { slot: 0 })).held, true);
    await reader.kill();
    assert.is(readerCount(what.name, 0), 1);
    assert.is(semaphoreValue(what.name, 0, 'wrt'), 0);
    assert.ok(await stillWaiting(producer.ask('put', { seed: 4 }), HANG_MS));
    assert.is(semaphoreValue(what.name, 0, 'readtry'), 0, 'and lets no reader in');
    await producer.kill();
    await using successor = Peer.cProducer(tools);
    await successor.ask('produce', what);
    assert.ok(await stillWaiting(successor.ask('put', { seed: 1 }), HANG_MS));
    assert.is(readerCount(what.name, 0), 1, 'a new producer does not reset what it finds');
  });

  test('1. a writer that is killed while it holds a slot hangs its successor and the readers', async () => {
    const what = pool('held_writer');
    await using consumer = Peer.cConsumer(tools);
    await using producer = Peer.cProducer(tools);
    await pair(what, consumer, producer);
    await producer.ask('put', { seed: 1 });
    await untilSeen(consumer, 1);
    assert.is((await producer.ask('hold_writer', { slot: 0 })).held, true);
    await producer.kill();
    assert.ok(await stillWaiting(consumer.ask('get'), HANG_MS));
    await using successor = Peer.python(tools);
    await successor.ask('produce', what);
    assert.ok(await stillWaiting(successor.ask('put', { seed: 1 }), HANG_MS));
  });

  test('1. what is held can be let go of, and both go on', async () => {
    const what = pool('released', { history_len: 1 });
    await using reader = Peer.python(tools);
    await using producer = Peer.python(tools);
    await pair(what, reader, producer);
    await reader.ask('hold_reader', { slot: 0 });
    const put = producer.ask('put', { seed: 1 });
    assert.ok(await stillWaiting(put, HANG_MS / 4));
    await reader.ask('release', { slot: 0 });
    await put;
    await untilSeen(reader, 1);
  });

  /** How far behind a consumer is that joined between two metadata samples; null where it was too slow to. */
  async function lagOfLateJoiner(): Promise<number[] | null> {
    const what = pool('late', { history_len: 40 });
    await using producer = Peer.python(tools as Tools);
    await using late = Peer.python(tools as Tools);
    // So that the process is up and known.
    await refused(late.ask('get'), /NoneType/);
    await producer.ask('produce', what);
    await sleep(HANG_MS);
    await producer.ask('put', { seed: 1 });
    // Within half a second of that put, and so of the last metadata: notices that nobody takes.
    await late.ask('consume', { ...what, callback: true });
    await untilAnswer(
      () => producer.ask('stats'),
      ({ matched_progress }) => matched_progress === 1,
      'they have met',
    );
    await untilAnswer(
      () => late.ask('stats'),
      ({ matched_progress }) => matched_progress === 1,
      'they have met',
    );
    await producer.ask('put_many', { count: 19, seed: 2 });
    if ((await late.ask('stats')).connected) return null;
    await sleep(HANG_MS);
    const behind: number[] = [];
    for (let seed = 21; seed <= 30; seed++) {
      await producer.ask('put', { seed });
      const { received } = await untilAnswer(
        () => late.ask('callbacks'),
        ({ received }) => received.length >= seed - 20,
        `callback ${seed - 20}`,
      );
      behind.push(seed - Number(received.at(-1)?.seed));
    }
    // What it takes for the newest is not: the ring's newer frames come after its oldest.
    const { frames } = await late.ask('get', { history_len: 40 });
    const down = (from: number, to: number) => Array.from({ length: from - to + 1 }, (_, index) => from - index);
    assert.equal(frames, [...down(21, 1), ...Array(10).fill('zero'), ...down(30, 22)]);
    return behind;
  }

  test('2. and 3. who joins while the producer is busy is behind, stays behind, and has windows out of order', async () => {
    let behind: number[] | null = null;
    for (let attempt = 0; attempt < 10 && behind === null; attempt++) behind = await lagOfLateJoiner();
    // Ten notices waited when the metadata came, and one is taken for each that comes.
    assert.equal(behind, Array(10).fill(9));
  });

  test('4. a second producer of a name is not refused; consumers stay on the old pool; the exit of one unlinks the other', async () => {
    const what = pool('second');
    const object = `tensoripc_${what.name}`;
    await using consumer = Peer.python(tools);
    await using first = Peer.python(tools);
    await pair(what, consumer, first);
    await first.ask('put', { seed: 1 });
    await untilSeen(consumer, 1);
    const { ino } = objectStat(object);
    await using second = Peer.python(tools);
    await second.ask('produce', what);
    assert.is.not(objectStat(object).ino, ino);
    await untilMet(second, [consumer]);
    for (const seed of [51, 52]) await second.ask('put', { seed });
    await untilAnswer(
      () => consumer.ask('stats'),
      ({ slot }) => slot === 1,
      'the notice of the second is there',
    );
    assert.equal((await consumer.ask('get', { history_len: 2 })).frames, ['zero', 1], 'its frames are not');
    await first.exit();
    assert.not(wireObjects(what.name).includes(object));
  });

  test('4. a consumer whose producer was killed stays deaf to the next one', async () => {
    const what = pool('deaf');
    await using consumer = Peer.python(tools);
    await using sound = Peer.cConsumer(tools);
    await sound.ask('consume', { ...what, callback: true });
    await using first = Peer.python(tools);
    await pair(what, consumer, first, true);
    await untilMet(first, [consumer, sound]);
    await first.ask('put', { seed: 1 });
    for (const one of [consumer, sound]) await untilSeen(one, 1);
    await first.kill();
    await untilAnswer(
      () => sound.ask('stats'),
      ({ matched_progress }) => matched_progress === 0,
      'the loss is noticed',
    );
    await using second = Peer.python(tools);
    await second.ask('produce', what);
    await sleep(HANG_MS);
    for (const seed of [51, 52]) await second.ask('put', { seed });
    await untilAnswer(
      () => sound.ask('callbacks'),
      ({ received }) => received.length === 3,
      'the C consumer hears it',
    );
    await sleep(HANG_MS);
    // Its receive thread waits for a notice that it would have to receive itself.
    const { received } = await consumer.ask('callbacks');
    assert.equal(
      received.map(({ seed }) => seed),
      [1],
    );
  });

  test('5. get before the first put gives zeros as if they were data', async () => {
    const what = pool('zeros');
    await using consumer = Peer.python(tools);
    await using producer = Peer.cProducer(tools);
    await pair(what, consumer, producer);
    // The sample written at construction may have been lost: nobody had met the writer yet.
    await producer.ask('announce');
    await untilAnswer(
      () => consumer.ask('get'),
      ({ frames }) => frames !== null,
      'metadata has come',
    );
    assert.equal((await consumer.ask('get', { history_len: 2 })).frames, ['zero', 'zero']);
    await producer.ask('put', { seed: 1 });
    await untilSeen(consumer, 1);
    assert.equal((await consumer.ask('get', { history_len: 3 })).frames, [1, 'zero', 'zero']);
  });

  test('5. a window longer than the history comes round again', async () => {
    for (const to of [Peer.python(tools), Peer.cConsumer(tools)]) {
      await using consumer = to;
      const what = pool('round');
      await using producer = Peer.cProducer(tools);
      await pair(what, consumer, producer);
      await producer.ask('put_many', { count: 4, seed: 1, rate_hz: 100 });
      await untilSeen(consumer, 4);
      assert.equal((await consumer.ask('get', { history_len: 7 })).frames, [4, 3, 2, 4, 3, 2, 4]);
    }
  });

  test('5. a refused put uses up a slot', async () => {
    const what = pool('refused');
    await using producer = Peer.python(tools);
    await producer.ask('produce', what);
    assert.is((await producer.ask('put', { seed: 1 })).slot, 0);
    await refused(producer.ask('put', { seed: 2, shape: [8] }), /ValueError: Shape mismatch/);
    assert.is((await producer.ask('put', { seed: 3 })).slot, 2);
    await refused(producer.ask('put', { seed: 4, dtype: 'float64' }), /TypeError: Dtype mismatch/);
    assert.is((await producer.ask('put', { seed: 5 })).slot, 1);
    assert.is(semaphoreValue(what.name, 0, 'wrt'), 1, 'but its locks are given back');
  });

  test('7. a clean exit of both leaves four objects for each slot', async () => {
    const what = pool('left', { history_len: 5 });
    await using consumer = Peer.python(tools);
    await using producer = Peer.python(tools);
    await pair(what, consumer, producer);
    await producer.ask('put_many', { count: 5, seed: 1 });
    await untilSeen(consumer, 5);
    await consumer.exit();
    await producer.ask('cleanup');
    await producer.exit();
    assert.is(wireObjects(what.name).length, 4 * 5);
    assert.not(wireObjects(what.name).includes(`tensoripc_${what.name}`));
  });

  test('7. a producer takes 1.2 s to construct', async () => {
    await using producer = Peer.python(tools, { slow: true });
    await refused(producer.ask('put', { seed: 1 }), /NoneType/);
    const started = performance.now();
    await producer.ask('produce', pool('slow'));
    assert.ok(performance.now() - started > 1150);
  });

  test('7. float16 is missing, torch has no uint16, and latest_first: false is an error for torch', async () => {
    await using consumer = Peer.python(tools);
    await refused(consumer.ask('consume', { ...pool('half'), dtype: 'float16' as 'float32' }), /Unsupported dtype/);
    await refused(consumer.ask('consume', pool('unsigned', { backend: 'torch', dtype: 'uint16' })), /Unsupported dtype/);
    await using producer = Peer.cProducer(tools);
    // A name of its own: a consumer that was refused may have left readers under its name, which would count as having met the producer.
    await pair(pool('torch', { backend: 'torch', dtype: 'int16' }), consumer, producer);
    await producer.ask('put', { seed: 1 });
    await untilSeen(consumer, 1);
    await refused(consumer.ask('get', { latest_first: false }), /ValueError: step must be greater than zero/);
  });

  test('a consumer that expects something else is refused, for good', async () => {
    const what = pool('other');
    await using python = Peer.python(tools);
    await using c = Peer.cConsumer(tools);
    await using producer = Peer.python(tools);
    await python.ask('consume', { ...what, shape: [1, 7] });
    await c.ask('consume', { ...what, backend: 'torch' });
    await producer.ask('produce', what);
    await untilMet(producer, [python, c]);
    await producer.ask('put', { seed: 1 });
    for (const consumer of [python, c]) {
      const answer = async () => {
        try {
          return String((await consumer.ask('get')).frames);
        } catch (error) {
          if (error instanceof PeerError) return error.message;
          throw error;
        }
      };
      await untilAnswer(answer, (message) => /does not match/.test(message), 'the metadata has come');
      assert.is((await consumer.ask('stats')).connected, false);
    }
  });

  test('a consumer that joins an idle producer connects with a later put, and not before', async () => {
    const what = pool('idle');
    await using producer = Peer.python(tools);
    await producer.ask('produce', what);
    await producer.ask('put', { seed: 1 });
    await using consumer = Peer.python(tools);
    assert.is((await consumer.ask('consume', what)).attached, true, 'the pool is mapped before there is metadata');
    await untilMet(producer, [consumer]);
    await sleep(HANG_MS);
    assert.is((await consumer.ask('get')).frames, null);
    // One old notice waits, so it takes two.
    for (const seed of [2, 3]) await producer.ask('put', { seed });
    await untilAnswer(
      () => consumer.ask('stats'),
      ({ connected }) => connected,
      'it has connected',
    );
  });

  test('a process killed while it reads or writes without end may hold a slot or not, but is gone', async () => {
    const what = pool('busy', { shape: [1000, 1000], history_len: 2 });
    await using consumer = Peer.python(tools);
    await using producer = Peer.python(tools);
    await pair(what, consumer, producer);
    await producer.ask('put_many', { count: 2, seed: 1 });
    await untilSeen(consumer, 2);
    const windows = consumer.ask('get_many', { count: 1e9, history_len: 2 });
    const puts = producer.ask('put_many', { count: 1e9, rate_hz: 50, seed: 3 });
    assert.ok(await stillWaiting(Promise.race([windows, puts]), 300));
    await Promise.all([consumer.kill(), producer.kill()]);
    assert.ok(readerCount(what.name, 0) <= 1);
  });
}

test.run();
