// The peers that the interop suites rely on, among themselves: Python and C in both roles. Not a line of the library takes part.

import { createHash } from 'node:crypto';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { elementsOf, frameOf, itemBytes, seedOf, WIRE_DTYPES, type WireDtype } from './support/frames';
import { discovered, Peer, untilAnswer, untilMet, untilSeen, type WirePool, wireTools } from './support/peers';
import { objectStat, readerCount, removeWireObjects, semaphoreValue, slotBytes, wireName, wireObjects } from './support/shm';

const tools = wireTools();
const pools: string[] = [];

function pool(label: string, rest: Omit<WirePool, 'name'>): WirePool {
  const name = wireName(label);
  pools.push(name);
  return { name, ...rest };
}

test.after(() => {
  for (const name of pools) removeWireObjects(name);
  assert.equal(pools.flatMap(wireObjects), []);
});

test('frames are told apart in every dtype, zeros and mixtures too', () => {
  for (const dtype of WIRE_DTYPES) {
    for (let seed = 0; seed < 256; seed++) assert.is(seedOf(frameOf(seed, [3, 100], dtype), dtype), seed, dtype);
    const torn = frameOf(1, [600], dtype);
    torn.set(frameOf(2, [600], dtype).subarray(0, 300 * itemBytes(dtype)));
    assert.is(seedOf(torn, dtype), 'torn', dtype);
    assert.is(seedOf(new Uint8Array(600 * itemBytes(dtype)), dtype), 'zero', dtype);
  }
});

if (tools === null) {
  test.skip('Python and C');
} else {
  const start = { python: () => Peer.python(tools), c: () => Peer.cProducer(tools) } as const;
  const consumers = { python: () => Peer.python(tools), c: () => Peer.cConsumer(tools) } as const;
  type Kind = keyof typeof start;

  for (const kind of ['python', 'c'] as const) {
    test(`${kind}: the bytes of every dtype are where they belong, in objects of the right names, sizes and modes`, async () => {
      const one = async (dtype: WireDtype, index: number) => {
        // From a scalar to more than one period of the pattern.
        const shape = [[], [7], [5, 3], [2, 150]][index % 4] as number[];
        const what = pool(`bytes_${dtype}`, { shape, dtype, history_len: 3 });
        await using peer = start[kind]();
        const frameBytes = elementsOf(shape) * itemBytes(dtype);
        assert.is((await peer.ask('produce', what)).total_size, 3 * frameBytes);
        assert.equal(wireObjects(what.name), [`tensoripc_${what.name}`], 'locks are made when they are needed');
        assert.is(objectStat(`tensoripc_${what.name}`).size, 3 * frameBytes);
        for (let slot = 0; slot < 3; slot++) assert.equal([...slotBytes(what.name, slot, frameBytes)], Array(frameBytes).fill(0));
        assert.is((await peer.ask('put', { seed: 1 })).slot, 0);
        const locks = ['mutex', 'readtry', 'wrt'].map((lock) => `sem.tensoripc_${what.name}_f0_${lock}`);
        assert.equal(wireObjects(what.name), [...locks, `tensoripc_${what.name}`, `tensoripc_${what.name}_f0_cnt`]);
        for (const name of wireObjects(what.name)) assert.is(objectStat(name).mode & 0o777, 0o600, name);
        assert.is(objectStat(`tensoripc_${what.name}_f0_cnt`).size, 8);
        for (const seed of [2, 3, 4]) assert.is((await peer.ask('put', { seed })).slot, (seed - 1) % 3);
        for (const [slot, seed] of [4, 2, 3].entries())
          assert.equal([...slotBytes(what.name, slot, frameBytes)], [...frameOf(seed, shape, dtype)], `${dtype} slot ${slot}`);
        await peer.exit();
      };
      // Three at a time: each is a process.
      for (let first = 0; first < WIRE_DTYPES.length; first += 3)
        await Promise.all(WIRE_DTYPES.slice(first, first + 3).map((dtype, index) => one(dtype, first + index)));
    });
  }

  for (const kind of ['python', 'c'] as const) {
    test(`${kind}: endpoints have the type names and the qualities of service of the original`, async () => {
      const what = pool(`qos_${kind}`, { shape: [2], dtype: 'uint8', history_len: 2 });
      await using consumer = consumers[kind]();
      await using producer = start[kind]();
      await consumer.ask('consume', what);
      await producer.ask('produce', what);
      const common = {
        history: 'keep last',
        liveliness: 'automatic',
        lease_ms: null,
        type_information: true,
        representations: [0, 2],
      };
      const meta = { topic: `tensoripc_${what.name}_meta`, type: 'PoolMetadata', depth: 1 };
      const progress = { topic: `tensoripc_${what.name}_progress`, type: 'PoolProgressMessage', depth: 10 };
      const reader = { kind: 'reader', reliability: 'best effort', blocking_ms: 0 };
      const writer = { kind: 'writer', reliability: 'reliable', blocking_ms: 100 };
      assert.equal(await discovered(tools, what.name, 4), [
        { ...reader, ...meta, durability: 'volatile', ...common },
        { ...reader, ...progress, durability: 'transient local', ...common },
        { ...writer, ...meta, durability: 'transient', ...common },
        { ...writer, ...progress, durability: 'transient local', ...common },
      ]);
    });
  }

  const meeting = (from: Kind, to: Kind, rest: Omit<WirePool, 'name'>, big = false) =>
    test(`${from} → ${to}: ${rest.dtype}${rest.backend === 'torch' ? ' of torch' : ''}, metadata, windows and callbacks`, async () => {
      const what = pool(`${from}_${to}_${rest.dtype}`, rest);
      await using consumer = consumers[to]();
      await using producer = start[from]();
      assert.is((await consumer.ask('consume', { ...what, callback: true })).attached, false);
      assert.is((await consumer.ask('get')).frames, null, 'nobody there yet');
      await producer.ask('produce', what);
      await untilMet(producer, [consumer]);
      const history = what.history_len ?? 1;
      const count = big ? 5 : 20;
      for (let seed = 1; seed <= count; seed++) {
        const { slot } = await producer.ask('put', { seed });
        assert.is(slot, (seed - 1) % history);
        await untilAnswer(
          () => consumer.ask('stats'),
          ({ callbacks }) => callbacks >= seed,
          `callback ${seed}`,
        );
      }
      const { received } = await consumer.ask('callbacks', { clear: true });
      const expected = Array.from({ length: count }, (_, index) => index + 1);
      assert.equal(
        received.map(({ seed }) => seed),
        expected,
      );
      assert.equal(
        received.map(({ slot }) => slot),
        expected.map((seed) => (seed - 1) % history),
      );
      const newest = expected.slice(-history).reverse();
      assert.equal((await consumer.ask('get', { history_len: history })).frames, newest);
      if (what.backend !== 'torch') {
        const oldestFirst = await consumer.ask('get', { history_len: history, latest_first: false, hash: true });
        assert.equal(oldestFirst.frames, [...newest].reverse());
        const sha256 = (seed: number) =>
          createHash('sha256')
            .update(frameOf(seed, what.shape, what.dtype))
            .digest('hex');
        if (to === 'python') assert.equal(oldestFirst.sha256, [...newest].reverse().map(sha256));
      }
      assert.is(readerCount(what.name, 0), 0);
      for (const lock of ['mutex', 'wrt', 'readtry'] as const) assert.is(semaphoreValue(what.name, 0, lock), 1, lock);
      await Promise.all([producer.exit(), consumer.exit()]);
    });

  meeting('python', 'python', { shape: [7], dtype: 'float32', history_len: 10 });
  meeting('python', 'python', { shape: [3, 5], dtype: 'bool', history_len: 4, backend: 'torch' });
  meeting('python', 'c', { shape: [4, 6, 3], dtype: 'uint8', history_len: 5 });
  meeting('python', 'c', { shape: [9], dtype: 'uint16', history_len: 1 });
  meeting('python', 'c', { shape: [2, 2], dtype: 'int64', history_len: 3, backend: 'torch' });
  meeting('c', 'python', { shape: [300], dtype: 'float64', history_len: 6 });
  meeting('c', 'python', { shape: [8, 8], dtype: 'int16', history_len: 2 });
  meeting('c', 'python', { shape: [1080, 1920, 3], dtype: 'uint8', history_len: 3 }, true);
  meeting('c', 'c', { shape: [1, 11], dtype: 'int8', history_len: 10, backend: 'torch' });
  meeting('c', 'c', { shape: [2, 3, 4], dtype: 'int32', history_len: 7 });

  test('one producer, four consumers, both kinds: everybody sees every frame, and the clock of a round trip is there', async () => {
    const what = pool('four', { shape: [7], dtype: 'float32', history_len: 10 });
    await using producer = Peer.cProducer(tools);
    await using first = Peer.cConsumer(tools);
    await using second = Peer.cConsumer(tools);
    await using third = Peer.python(tools);
    await using fourth = Peer.python(tools);
    const all = [first, second, third, fourth];
    for (const consumer of all) await consumer.ask('consume', { ...what, callback: true });
    await producer.ask('produce', what);
    await untilMet(producer, all);
    const { at_us } = await producer.ask('put_many', { count: 100, rate_hz: 100, seed: 1, times: true });
    for (const [index, consumer] of all.entries()) {
      await untilSeen(consumer, 100);
      const { received } = await consumer.ask('callbacks');
      // Best effort on the meta topic, transient local on the other: each notice comes, and comes once.
      assert.is(received.length, 100);
      const tookUs = received.map((notice, place) => notice.at_us - (at_us?.[place] ?? Number.NaN)).sort((a, b) => a - b);
      assert.ok((tookUs[0] as number) > 0, 'a callback follows its put');
      const median = Math.round(tookUs[50] as number);
      console.log(
        `\nnote: from a put in C to a callback in ${index < 2 ? 'C' : 'Python'} it takes ${median} µs (median, four consumers, 100 Hz)`,
      );
    }
  });
}

test.run();
