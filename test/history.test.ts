// Arithmetic of the ring against models that take the long way round.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  HANDLE_FRAME_STRIDE,
  HANDLE_FRAMES_OFFSET,
  HANDLE_OBJECT_BYTES,
  HANDLE_SLOT_CAPACITY,
  HEADER_HEAD,
  MAX_HISTORY_LEN,
  MAX_SLOT_CAPACITY,
  ON_PINNED_WAIT,
  SLOT_BYTES,
} from '../assembly/layout';
import { BAD_GEOMETRY, BAD_HEAD, CLOSED, EMPTY, LAPPED, OK } from '../assembly/status';
import { buildPool, CORE_LABELS, createBench, planPool } from './support/core-modules';
import { Random } from './support/random';

const PAGES = [4096, 16384, 65536];
const DENSE_ALLOWANCE_BYTES = 8 * 1024 * 1024;

/** The smallest count of at least `needed` frames that makes whole pages, by trying. */
function slotsByTrying(stride: number, needed: number, pageBytes: number): number {
  let count = needed;
  while ((count * (stride % pageBytes)) % pageBytes !== 0) count++;
  return count;
}

/** docs/pool-format.md, "Geometry", word for word. */
function geometryByTheBook(frameBytes: number, historyLen: number, pageBytes: number): { stride: number; capacity: number } {
  const needed = historyLen + 2;
  let best = { stride: 0, capacity: 0 };
  for (let alignment = 64; alignment <= pageBytes; alignment *= 2) {
    const stride = Math.ceil(frameBytes / alignment) * alignment;
    const capacity = slotsByTrying(stride, needed, pageBytes);
    if (best.stride === 0 || capacity * stride < best.capacity * best.stride) best = { stride, capacity };
  }
  const dense = { stride: frameBytes, capacity: slotsByTrying(frameBytes, needed, pageBytes) };
  return dense.capacity * dense.stride <= 2 * best.capacity * best.stride + DENSE_ALLOWANCE_BYTES ? dense : best;
}

for (const label of CORE_LABELS) {
  const bench = createBench(label, 16 << 20);
  const { core } = bench;
  const handle = bench.handle();
  const choose = (frameBytes: number, historyLen: number, pageBytes: number) => {
    const capacity = core.chooseGeometry(handle, frameBytes, historyLen, pageBytes);
    return { capacity, stride: Number(bench.getU64(handle + HANDLE_FRAME_STRIDE)) };
  };

  test(`${label}: geometry follows the book`, () => {
    const random = new Random(2024);
    const sizes = [1, 3, 28, 63, 64, 65, 4095, 4096, 4097, 65536, 921_600, 6_220_800, 6_220_801, 24_883_200];
    let padded = 0;
    for (let i = 0; i < 3000; i++) {
      const frameBytes =
        i < 300
          ? random.pick(sizes)
          : random.pick([random.integer(1, 200), random.integer(1, 70_000), random.integer(1, 9_000_000)]);
      const historyLen = random.pick([1, 2, 5, 10, random.integer(1, 600)]);
      const pageBytes = random.pick(PAGES);
      const expected = geometryByTheBook(frameBytes, historyLen, pageBytes);
      const found = choose(frameBytes, historyLen, pageBytes);
      assert.equal(found, expected, `${frameBytes} bytes, history ${historyLen}, pages of ${pageBytes}`);
      assert.ok(found.capacity >= historyLen + 2);
      assert.is((found.capacity * found.stride) % pageBytes, 0);
      assert.ok(found.stride === frameBytes || found.stride % 64 === 0);
      if (found.stride !== frameBytes) padded += 1;
    }
    assert.ok(padded > 10 && padded < 2000, `${padded} of them padded`);
  });

  test(`${label}: what is chosen can be laid out, and the parts lie in order`, () => {
    const random = new Random(5);
    for (let i = 0; i < 2000; i++) {
      const spec = {
        frameBytes: random.integer(1, 5_000_000),
        historyLen: random.integer(1, 300),
        consumerCapacity: random.integer(1, 64),
        metadata: 'x'.repeat(random.integer(2, 5000)),
        pageBytes: random.pick(PAGES),
      };
      assert.is(planPool(bench, handle, spec), OK);
      const slots = bench.getU32(handle + HANDLE_SLOT_CAPACITY);
      const stride = Number(bench.getU64(handle + HANDLE_FRAME_STRIDE));
      const frames = Number(bench.getU64(handle + HANDLE_FRAMES_OFFSET));
      const metadataEnd = 512 + spec.consumerCapacity * 128 + slots * SLOT_BYTES + spec.metadata.length;
      assert.is(frames, Math.ceil(metadataEnd / spec.pageBytes) * spec.pageBytes);
      assert.is(Number(bench.getU64(handle + HANDLE_OBJECT_BYTES)), frames + slots * stride, 'the frames are whole pages');
    }
  });

  test(`${label}: what cannot be a ring is refused`, () => {
    const cases: [number, number, number][] = [
      [0, 1, 4096],
      [-1, 1, 4096],
      [Number.NaN, 1, 4096],
      [Number.POSITIVE_INFINITY, 1, 4096],
      [2 ** 40 + 1, 1, 4096],
      [100, 0, 4096],
      [100, MAX_HISTORY_LEN + 1, 4096],
      [100, -1, 4096],
      [100, 1, 0],
      [100, 1, 2048],
      [100, 1, 4097],
      [100, 1, 1 << 22],
    ];
    for (const [frameBytes, historyLen, pageBytes] of cases) {
      assert.is(choose(frameBytes, historyLen, pageBytes).capacity, BAD_GEOMETRY, `${frameBytes}, ${historyLen}, ${pageBytes}`);
    }
    const { capacity } = choose(1, MAX_HISTORY_LEN, 4096);
    assert.ok(capacity > MAX_HISTORY_LEN && capacity <= MAX_SLOT_CAPACITY);
    assert.is(
      planPool(bench, handle, { frameBytes: 2 ** 40, historyLen: MAX_HISTORY_LEN }),
      BAD_GEOMETRY,
      'more than 2^52 bytes',
    );
  });

  test(`${label}: windows against a ring as an array`, () => {
    const random = new Random(99);
    for (const slotCapacity of [3, 4, 7, 64]) {
      const historyLen = slotCapacity - 2;
      const pool = buildPool(bench, { frameBytes: 4096, historyLen, slotCapacity });
      assert.is(core.writerOpen(pool.handle, 1, ON_PINNED_WAIT), OK);
      const reader = pool.attach();
      assert.is(core.consumerRegister(reader, 0, 2, 0, 0n), OK);
      assert.is(core.readerLatest(reader), EMPTY);
      // Which sequence number a slot holds; the ring starts with a lap of padding. Null while it is written.
      const ring: (number | null)[] = Array.from({ length: slotCapacity }, (_, slot) => slot - slotCapacity);
      for (let next = 0; next < 5 * slotCapacity; next++) {
        const writing = core.writerBegin(pool.handle, 0);
        assert.is(writing, next % slotCapacity);
        ring[writing] = null;
        const check = (newest: number) => {
          for (let back = 0; back < slotCapacity; back++) {
            // Also of frames that are not the newest any more: the head moves between readerLatest and the copy.
            const sequence = newest - back;
            if (sequence < 0) continue;
            const count = random.integer(1, historyLen);
            const oldest = sequence - count + 1;
            const slot = ring.indexOf(oldest);
            const what = `slots ${slotCapacity}, newest ${newest}, window of ${count} to ${sequence}`;
            assert.is(core.readerCopyBegin(reader, sequence, count), slot >= 0 ? slot : LAPPED, what);
            assert.is(core.readerCopyEnd(reader, sequence, count), slot >= 0 ? OK : LAPPED, what);
            assert.is(core.readerIntact(reader, oldest) !== 0, slot >= 0, what);
            // The oldest speaks for the window: if it is there, all of it is.
            if (slot >= 0) for (let s = oldest; s <= sequence; s++) assert.is(ring[(s + slotCapacity) % slotCapacity], s, what);
          }
        };
        check(next - 1);
        core.writerCommit(pool.handle, 0);
        ring[writing] = next;
        assert.is(core.readerLatest(reader), next);
        assert.is(core.writerSequence(pool.handle), next + 1);
        check(next);
      }
    }
    assert.ok(bench.guardsIntact());
  });

  test(`${label}: positions up to 2^53`, () => {
    const slotCapacity = 5;
    const pool = buildPool(bench, { frameBytes: 4096, historyLen: 3, slotCapacity });
    const end = 2n ** 53n;
    bench.setU64(pool.control + HEADER_HEAD, end);
    assert.is(core.writerOpen(pool.handle, 1, ON_PINNED_WAIT), BAD_HEAD, 'no number is left');
    bench.setU64(pool.control + HEADER_HEAD, BigInt(slotCapacity) - 1n);
    assert.is(core.writerOpen(pool.handle, 1, ON_PINNED_WAIT), BAD_HEAD, 'below the first');
    // A pool of long standing: twenty frames before the end.
    bench.setU64(pool.control + HEADER_HEAD, end - 20n);
    assert.is(core.writerOpen(pool.handle, 1, ON_PINNED_WAIT), OK);
    const reader = pool.attach();
    core.consumerRegister(reader, 0, 2, 0, 0n);
    const first = Number(end) - 20 - slotCapacity;
    for (let sequence = first; sequence < first + 19; sequence++) {
      assert.is(core.writerSequence(pool.handle), sequence);
      assert.is(core.writerBegin(pool.handle, 0), (sequence + slotCapacity) % slotCapacity);
      core.writerCommit(pool.handle, 0);
      assert.is(core.readerLatest(reader), sequence);
      if (sequence < first + 3) continue;
      assert.is(core.readerCopyBegin(reader, sequence, 3), (sequence - 2) % slotCapacity);
      assert.is(core.readerCopyEnd(reader, sequence, 3), OK);
      assert.is(core.readerPin(reader, 3), sequence);
      core.readerUnpin(reader);
    }
    for (const head of [end + 1n, 2n ** 64n - 1n, 0n, 1n]) {
      bench.setU64(pool.control + HEADER_HEAD, head);
      assert.is(core.readerLatest(reader), BAD_HEAD, `head ${head}`);
      assert.is(core.readerPin(reader, 1), BAD_HEAD, `head ${head}`);
    }
    core.writerClose(pool.handle);
    assert.is(core.readerLatest(reader), CLOSED);
    assert.is(core.readerPin(reader, 1), CLOSED);
  });
}

test.run();
