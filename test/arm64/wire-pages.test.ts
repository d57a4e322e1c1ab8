// Pools of the Python wire in pages of this machine's size, whatever that is, with a peer in Python that thinks in bytes: slots that share
// a page, slots that lie across pages, and windows that run over the end of the ring on its second map.

import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { platform } from '../../host/runtime/system';
import { hasCode } from '../support/child';
import { frameOf, seedOf } from '../wire/support/frames';
import { Peer, type Seen, stillWaiting, untilAnswer, WIRE_DOMAIN, type WirePool, wireTools } from '../wire/support/peers';
import { readerCount, removeWireObjects, semaphoreValue, wireName, wireObjects } from '../wire/support/shm';
import { configureHere } from '../wire-interop/support/ours';
import { untilJoins } from '../wire-interop/support/rounds';
import { bytesOf, frameBytesOf, metadataOf, seenIn, tensorOf, windowOf } from '../wire-interop/support/tensors';

configureHere();
const HERE = { wire: 'tensor-ipc', domainId: WIRE_DOMAIN } as const;
const PAGE = platform().system().pageBytes;
const tools = wireTools();
const pools: string[] = [];

type Case = WirePool & { readonly history_len: number };

function pool(label: string, rest: Omit<Case, 'name'>): Case {
  const name = wireName(label);
  pools.push(name);
  return { name, ...rest };
}

/** All fill whole pages: then they are mapped twice. */
const CASES: readonly [label: string, what: Omit<Case, 'name'>][] = [
  ['many_a_page', { shape: [PAGE / 16], dtype: 'uint8', history_len: 16 }],
  ['four_a_page', { shape: [PAGE / 16], dtype: 'float32', history_len: 4 }],
  ['page_and_half', { shape: [3, PAGE / 16], dtype: 'float64', history_len: 2 }],
  ['two_pages', { shape: [2, PAGE / 2], dtype: 'int16', history_len: 3 }],
  ['one_page', { shape: [PAGE], dtype: 'bool', history_len: 1 }],
];

/** sem_t of glibc, as sem_open makes it with the value 1: the value, then FUTEX_SHARED. */
const SEMAPHORE = [1, 0, 0, 0, 0, 0, 0, 0, 128];

/**
 * Makes the locks of a pool's slots, before anybody else does, a page long: qemu-user does not share the last page of a file that fills
 * it in part, with the emulated pages larger than its own. Processes of the package map what they find.
 */
function makeLocks({ name, history_len }: Case): void {
  for (let slot = 0; slot < history_len; slot++) {
    const make = (file: string, content: readonly number[]) => {
      const page = new Uint8Array(PAGE);
      page.set(content);
      writeFileSync(`/dev/shm/${file}`, page, { mode: 0o600, flag: 'wx' });
    };
    make(`tensoripc_${name}_f${slot}_cnt`, []);
    if (PAGE > 4096) for (const lock of ['mutex', 'wrt', 'readtry']) make(`sem.tensoripc_${name}_f${slot}_${lock}`, SEMAPHORE);
  }
}

function same(found: readonly Seen[] | null, expected: readonly Seen[], label: string): void {
  assert.is(found?.join(' '), expected.join(' '), label);
}

/** Every window in both orders, with a copy and without. */
function checkWindows(consumer: TensorConsumer, newest: number, what: Case): void {
  for (let count = 1; count <= what.history_len; count++) {
    for (const latestFirst of [true, false]) {
      const expected = windowOf(newest, count, latestFirst);
      const frame = consumer.get({ historyLen: count, latestFirst });
      same(frame && seenIn(frame, what), expected, `get ${count} ${latestFirst}`);
      using view = consumer.borrow({ historyLen: count, latestFirst });
      assert.ok(view !== null);
      const seen = Array.from({ length: count }, (_, index) => {
        const data = count === 1 ? view.data : view.at(index);
        return seedOf(bytesOf(data), what.dtype);
      });
      same(seen, expected, `borrow ${count} ${latestFirst}`);
    }
  }
}

/** A window over all slots is on the object's own pages: what is written there shows, also beyond the end of the ring. */
function checkShared(consumer: TensorConsumer, newest: number, what: Case): void {
  using view = consumer.borrow({ historyLen: what.history_len, latestFirst: false });
  assert.ok(view !== null);
  const fd = openSync(`/dev/shm/tensoripc_${what.name}`, 'r+');
  for (let index = 0; index < what.history_len; index++) {
    const seed = newest - what.history_len + 1 + index;
    const slot = (seed - 1) % what.history_len;
    const data = bytesOf(what.history_len === 1 ? view.data : view.at(index));
    writeSync(fd, frameOf(seed + 100, what.shape, what.dtype), 0, data.length, slot * frameBytesOf(what));
    assert.is(seedOf(data, what.dtype), seed + 100, `slot ${slot}`);
    writeSync(fd, frameOf(seed, what.shape, what.dtype), 0, data.length, slot * frameBytesOf(what));
  }
  closeSync(fd);
}

function checkFree({ name, history_len }: Case): void {
  for (let slot = 0; slot < history_len; slot++) {
    assert.is(readerCount(name, slot), 0);
    for (const lock of ['mutex', 'wrt', 'readtry'] as const) assert.is(semaphoreValue(name, slot, lock), 1, lock);
  }
}

const untilConnected = (peer: Peer) =>
  untilAnswer(
    async () => {
      await peer.ask('get');
      return (await peer.ask('stats')).connected;
    },
    (yes) => yes,
    'it has connected',
  );

test.after(() => {
  for (const name of pools) removeWireObjects(name);
  assert.equal(pools.flatMap(wireObjects), []);
});

if (tools === null) test.skip('pages');
else {
  for (const [label, rest] of CASES) {
    test(`pages of ${PAGE} bytes, ${label}: Python to ours`, async () => {
      const what = pool(label, rest);
      await using producer = Peer.python(tools);
      await producer.ask('produce', what);
      makeLocks(what);
      using consumer = new TensorConsumer(metadataOf(what), HERE);
      using named = TensorConsumer.attach(what.name, HERE);
      await untilJoins(consumer, producer);
      await untilJoins(named, producer);
      // The slots that Python has come to are somewhere else after each lap and a bit.
      for (let seed = 1; seed <= 2 * what.history_len + 1; seed++) {
        await producer.ask('put', { seed });
        const frame = await named.next();
        same(frame && seenIn(frame, what), [seed], `frame ${seed}`);
      }
      const newest = 2 * what.history_len + 1;
      await untilAnswer(
        async () => consumer.get(),
        (frame) => frame !== null && seenIn(frame, what)[0] === newest,
        'the newest is there',
      );
      checkWindows(consumer, newest, what);
      checkShared(consumer, newest, what);
      checkFree(what);
    });

    test(`pages of ${PAGE} bytes, ${label}: ours to Python`, async () => {
      const what = pool(label, rest);
      using producer = new TensorProducer(metadataOf(what), HERE);
      makeLocks(what);
      using here = new TensorConsumer(metadataOf(what), HERE);
      await using consumer = Peer.python(tools);
      await consumer.ask('consume', { ...what, callback: true });
      await untilConnected(consumer);
      const newest = 2 * what.history_len + 1;
      for (let seed = 1; seed <= newest; seed++) {
        if (seed % 2 === 0) producer.put(tensorOf(what, seed));
        else {
          using slot = producer.loan();
          bytesOf(slot.data).set(frameOf(seed, what.shape, what.dtype));
          slot.commit();
        }
        await untilAnswer(
          () => consumer.ask('stats'),
          ({ callbacks }) => callbacks >= seed,
          `callback ${seed}`,
        );
      }
      const { received } = await consumer.ask('callbacks');
      same(
        received.map(({ seed }) => seed as Seen),
        windowOf(newest, newest, false),
        'what its callback was given',
      );
      for (let count = 1; count <= what.history_len; count++) {
        const { frames } = await consumer.ask('get', { history_len: count });
        same(frames, windowOf(newest, count), `get ${count}`);
      }
      checkWindows(here, newest, what);
      checkFree(what);
    });
  }

  test(`pages of ${PAGE} bytes: either side waits for what the other one holds`, async () => {
    const what = pool('held', { shape: [PAGE / 16], dtype: 'float32', history_len: 4 });
    using producer = new TensorProducer(metadataOf(what), { ...HERE, waitTimeoutMs: 200 });
    makeLocks(what);
    await using peer = Peer.python(tools);
    await peer.ask('consume', what);
    await untilConnected(peer);
    for (let seed = 1; seed <= 4; seed++) producer.put(tensorOf(what, seed));
    await peer.ask('hold_reader', { slot: 0 });
    assert.is(readerCount(what.name, 0), 1);
    assert.throws(() => producer.put(tensorOf(what, 5)), hasCode('LOCK_TIMEOUT'));
    await peer.ask('release', { slot: 0 });
    assert.is(producer.put(tensorOf(what, 5)), 4);
    const slot = producer.loan();
    const read = peer.ask('get', { history_len: 4 });
    assert.ok(await stillWaiting(read, 300), 'the slot is being written');
    bytesOf(slot.data).set(frameOf(6, what.shape, what.dtype));
    slot.commit();
    assert.ok((await read).frames !== null);
    checkFree(what);
  });
}

test.run();
