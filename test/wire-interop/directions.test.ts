// Ours and the peers in every direction, two processes or more: every dtype and backend, every history, shapes of every kind. Frames
// are compared whole, windows in both orders and of every length.

import { TensorConsumer, TensorProducer, type View } from 'tensor-ipc';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Random } from '../support/random';
import { WIRE_DTYPES, type WireDtype } from '../wire/support/frames';
import { Peer, type Seen, untilAnswer, type WirePool, wireTools } from '../wire/support/peers';
import { readerCount, semaphoreValue, wireObjects } from '../wire/support/shm';
import { configureHere, ours } from './support/ours';
import { HERE, pool } from './support/pools';
import { untilJoins } from './support/rounds';
import { historyOf, metadataOf, seenIn, tensorOf, windowOf } from './support/tensors';

const SEED = Number(process.env['WIRE_SEED'] ?? 5);
const AT_ONCE = Number(process.env['WIRE_AT_ONCE'] ?? 2);
/** Of each direction: all, unless told. */
const CASES = Number(process.env['WIRE_CASES'] ?? Infinity);

configureHere();
const tools = wireTools();

/** From a scalar on; frames of a page, of several, and of no whole number of them. */
const SHAPES: readonly (readonly number[])[] = [
  [7],
  [],
  [4096],
  [3, 1, 5],
  [13, 17],
  [1],
  [2, 3, 4, 5, 6],
  [5000],
  [64, 64],
  [1, 11],
];

interface Case extends WirePool {
  readonly history_len: number;
  readonly backend: 'numpy' | 'torch';
}

/** Every dtype of both backends, with every history and every shape among them. */
function cases(label: string): Case[] {
  const random = new Random(SEED);
  const kinds = (['numpy', 'torch'] as const).flatMap((backend) =>
    WIRE_DTYPES.filter((dtype) => backend === 'numpy' || dtype !== 'uint16').map((dtype) => [backend, dtype] as const),
  );
  const shift = random.integer(0, 9);
  return kinds.slice(0, CASES).map(([backend, dtype]: readonly ['numpy' | 'torch', WireDtype], index) =>
    pool(`${label}_${backend}_${dtype}`, {
      shape: SHAPES[(index + shift) % SHAPES.length] as readonly number[],
      dtype,
      history_len: 1 + (index % 10),
      backend,
    }),
  );
}

/** A few at a time: each is several processes. */
async function each(all: readonly Case[], one: (what: Case) => Promise<void>): Promise<void> {
  const rest = [...all];
  const worker = async () => {
    for (let what = rest.shift(); what !== undefined; what = rest.shift()) {
      try {
        await one(what);
      } catch (error) {
        throw new Error(`${JSON.stringify(what)}: ${error instanceof Error ? error.message : error}`, { cause: error });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

function lengths(what: Case): [count: number, latestFirst: boolean][] {
  const history = historyOf(what);
  return Array.from({ length: history }, (_, index) => index + 1).flatMap((count) => [
    [count, true] as [number, boolean],
    [count, false] as [number, boolean],
  ]);
}

/** A bool frame of fewer than eight elements is told apart by that many bits of its seed only. */
function told(seeds: readonly Seen[], what: Case): Seen[] {
  const elements = what.shape.reduce((product, extent) => product * extent, 1);
  const mask = what.dtype === 'bool' && elements < 8 ? 2 ** elements - 1 : 255;
  return seeds.map((seed) => {
    const bits = typeof seed === 'number' ? seed & mask : seed;
    return mask !== 255 && bits === 0 ? 'zero' : bits;
  });
}

function same(found: readonly Seen[] | null | undefined, expected: readonly Seen[], what: Case, label: string): void {
  const is = found == null ? 'nothing' : told(found, what).join(' ');
  assert.is(is, told(expected, what).join(' '), `${label}: expected ${expected.join(' ')}, found ${found?.join(' ')}`);
}

function viewed(view: View, count: number, what: Case): Seen[] {
  if (count === 1) return seenIn(view, what);
  return Array.from({ length: count }, (_, index) => seenIn({ data: view.at(index) }, what)[0] as Seen);
}

/** Ours, which Peer calls python as well. */
const ourPeers = new WeakSet<Peer>();

/** @param announcing A producer that follows the package: who is matched later than its word has to be told again. */
async function untilConnected(peer: Peer, announcing: Peer | null = null): Promise<void> {
  const connected = async () => {
    await announcing?.ask('announce');
    await peer.ask('get');
    return (await peer.ask('stats')).connected;
  };
  await untilAnswer(connected, (yes) => yes, `${peer.label} has connected`);
}

/** What this process's consumer gives, by get and by borrow. */
function checkHere(consumer: TensorConsumer, newest: number, what: Case): void {
  for (const [historyLen, latestFirst] of lengths(what)) {
    const frame = consumer.get({ historyLen, latestFirst });
    assert.ok(frame !== null);
    same(seenIn(frame, what), windowOf(newest, historyLen, latestFirst), what, `get ${historyLen} ${latestFirst}`);
    using view = consumer.borrow({ historyLen, latestFirst });
    assert.ok(view !== null);
    same(viewed(view, historyLen, what), windowOf(newest, historyLen, latestFirst), what, `borrow ${historyLen} ${latestFirst}`);
    assert.equal(frame.shape, historyLen === 1 ? what.shape : [historyLen, ...what.shape]);
    frame.release();
  }
}

async function checkThere(peer: Peer, newest: number, what: Case): Promise<void> {
  for (const [history_len, latest_first] of lengths(what)) {
    // Python's torch backend throws at it.
    if (!latest_first && what.backend === 'torch' && peer.label === 'python' && !ourPeers.has(peer)) continue;
    // Python's get gives nothing where it meets a counter that somebody is just making.
    const { frames } = await untilAnswer(
      () => peer.ask('get', { history_len, latest_first }),
      ({ frames }) => frames !== null,
      `${peer.label} gives a window`,
    );
    same(frames, windowOf(newest, history_len, latest_first), what, `${peer.label}: get ${history_len} ${latest_first}`);
  }
}

function free(what: Case): void {
  for (let slot = 0; slot < historyOf(what); slot++) {
    assert.is(readerCount(what.name, slot), 0);
    for (const lock of ['mutex', 'wrt', 'readtry'] as const) assert.is(semaphoreValue(what.name, slot, lock), 1, lock);
  }
}

async function untilCount(consumer: Peer, count: number): Promise<void> {
  await untilAnswer(
    () => consumer.ask('stats'),
    ({ callbacks }) => callbacks >= count,
    `${consumer.label}: callback ${count}`,
  );
}

async function checkCallbacks(consumer: Peer, count: number, what: Case): Promise<void> {
  const { received } = await consumer.ask('callbacks');
  const seeds = Array.from({ length: count }, (_, index) => index + 1);
  same(
    received.map(({ seed }) => seed as Seen),
    seeds,
    what,
    `${consumer.label}: what its callback was given`,
  );
  assert.equal(
    received.map(({ slot }) => slot),
    seeds.map((seed) => (seed - 1) % historyOf(what)),
  );
}

if (tools === null) {
  test.skip('directions');
} else {
  const spawned = { python: () => Peer.python(tools), c: () => Peer.cProducer(tools), ours: () => ours(tools) } as const;

  function ourPeer(): Peer {
    const peer = ours(tools as NonNullable<typeof tools>);
    ourPeers.add(peer);
    return peer;
  }

  test('ours → Python, C, ours in another process and ours in this one, all four at once', async () => {
    await each(cases('from_ours'), async (what) => {
      await using python = Peer.python(tools);
      await using c = Peer.cConsumer(tools);
      await using other = ourPeer();
      const all = [python, c, other];
      for (const peer of all) await peer.ask('consume', { ...what, callback: true });
      using producer = new TensorProducer(metadataOf(what), HERE);
      using here = new TensorConsumer(metadataOf(what), HERE);
      const heard: Seen[] = [];
      here.on('frame', (frame) => void heard.push(...seenIn(frame, what)));
      for (const peer of all) await untilConnected(peer);
      assert.is(here.get(), null, 'nothing has been put');
      const count = 2 * historyOf(what) + 3;
      for (let seed = 1; seed <= count; seed++) {
        if (seed % 2 === 0) producer.put(tensorOf(what, seed));
        else {
          using slot = producer.loan();
          const tensor = tensorOf(what, seed);
          for (let i = 0; i < slot.data.length; i++) slot.data[i] = (tensor as { data: typeof slot.data }).data[i] as never;
          slot.commit();
        }
        for (const peer of all) await untilCount(peer, seed);
      }
      for (const peer of all) await checkCallbacks(peer, count, what);
      same(heard, windowOf(count, count, false), what, 'heard here');
      for (const peer of all) await checkThere(peer, count, what);
      checkHere(here, count, what);
      free(what);
      for (const peer of all) await peer.exit();
      producer.cleanup();
      assert.equal(wireObjects(what.name), [], 'nothing is left');
    });
  });

  for (const from of ['python', 'c', 'ours'] as const) {
    test(`${from} → ours by metadata, ours by name, ours in another process, and the other kind of peer`, async () => {
      await each(cases(`from_${from}_there`), async (what) => {
        await using producer = spawned[from]();
        await using other = ourPeer();
        await using peer = from === 'python' ? Peer.cConsumer(tools) : Peer.python(tools);
        using named = TensorConsumer.attach(what.name, HERE);
        using looping = TensorConsumer.attach(what.name, HERE);
        using expecting = new TensorConsumer(metadataOf(what), HERE);
        for (const one of [other, peer]) await one.ask('consume', { ...what, callback: true });
        await producer.ask('produce', what);
        await untilJoins(expecting, producer);
        const heard: Seen[] = [];
        expecting.on('frame', (frame) => void heard.push(...seenIn(frame, what)));
        // The half second after which a put brings metadata again, for the others.
        const announcing = from === 'ours' ? null : producer;
        for (const one of [other, peer]) await untilConnected(one, announcing);
        for (const consumer of [named, looping])
          await untilAnswer(
            async () => {
              await announcing?.ask('announce');
              return consumer.get();
            },
            () => consumer.connected,
            'by name too',
          );
        assert.is(expecting.get(), null, 'nothing has been put');
        const count = 2 * historyOf(what) + 3;
        const frames = looping[Symbol.asyncIterator]();
        for (let seed = 1; seed <= count; seed++) {
          await producer.ask('put', { seed });
          for (const [by, frame] of [
            ['next', await named.next()] as const,
            ['for await', (await frames.next()).value] as const,
          ]) {
            same(frame == null ? null : seenIn(frame, what), [seed], what, `${by} ${seed}`);
            assert.is(frame?.missed, 0);
          }
          for (const one of [other, peer]) await untilCount(one, seed);
          // Listeners are given the newest: the next frame waits until each has been heard.
          await untilAnswer(
            async () => heard.length,
            (count) => count === seed,
            `frame ${seed} is heard`,
          );
        }
        await frames.return?.();
        for (const one of [other, peer]) {
          await checkCallbacks(one, count, what);
          await checkThere(one, count, what);
        }
        same(heard, windowOf(count, count, false), what, 'heard here');
        for (const consumer of [named, expecting]) checkHere(consumer, count, what);
        for (const [history_len, latest_first] of lengths(what)) {
          const { frames } = await other.ask('borrow', { history_len, latest_first });
          same(frames, windowOf(count, history_len, latest_first), what, `borrow there ${history_len}`);
        }
        free(what);
      });
    });
  }
}

test.run();
