// The header is untrusted input: whatever stands in it, controlValidate refuses it or leaves a geometry inside the object.

import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  CONSUMER_BYTES,
  CONSUMER_HOLD_PIN,
  CONSUMER_VIEW_PIN,
  HANDLE_BYTES,
  HANDLE_CONSUMER_CAPACITY,
  HANDLE_FRAME_BYTES,
  HANDLE_FRAME_STRIDE,
  HANDLE_FRAMES_OFFSET,
  HANDLE_HISTORY_LEN,
  HANDLE_METADATA_BYTES,
  HANDLE_METADATA_OFFSET,
  HANDLE_OBJECT_BYTES,
  HANDLE_PAGE_BYTES,
  HANDLE_SLOT_CAPACITY,
  HEADER_BYTES,
  HEADER_HEAD,
  HEADER_LAYOUT_VERSION,
  HEADER_MAGIC,
  MAX_CONSUMERS,
  SLOT_BYTES,
} from '../assembly/layout';
import * as status from '../assembly/status';
import { constants, type Field, fieldsOfDiagram, screaming } from './support/core-diagram';
import { type Bench, buildPool, CORE_LABELS, createBench } from './support/core-modules';
import { Random } from './support/random';

const FIELDS = fieldsOfDiagram(readFileSync('assembly/layout.ts', 'utf8'), 'header');
const SPEC = { frameBytes: 1000, historyLen: 6, consumerCapacity: 16, metadata: JSON.stringify({ a: 'metadata' }) };

const IDENTITY: Readonly<Record<string, number>> = {
  magic: status.BAD_MAGIC,
  layoutVersion: status.BAD_VERSION,
  byteOrder: status.BAD_BYTE_ORDER,
  layoutSignature: status.BAD_SIGNATURE,
};
/** Fields that say where things lie. */
const GEOMETRY = [
  ...['objectBytes', 'metadataOffset', 'metadataBytes', 'consumerOffset', 'consumerCapacity', 'slotOffset', 'slotCapacity'],
  ...['framesOffset', 'frameStride', 'frameBytes', 'historyLen', 'pageBytes'],
];

function fieldOffset(name: string): number {
  return constants[`HEADER_${screaming(name)}`] as number;
}

/** Recomputes from the handle, in exact arithmetic, that every part lies in the object, in order, and can be addressed. */
function assertInside(bench: Bench, handle: number, objectBytes: number, what: string): void {
  const u32 = (field: number) => BigInt(bench.getU32(handle + field));
  const u64 = (field: number) => bench.getU64(handle + field);
  const slotsEnd =
    BigInt(HEADER_BYTES) +
    u32(HANDLE_CONSUMER_CAPACITY) * BigInt(CONSUMER_BYTES) +
    u32(HANDLE_SLOT_CAPACITY) * BigInt(SLOT_BYTES);
  const framesEnd = u64(HANDLE_FRAMES_OFFSET) + u32(HANDLE_SLOT_CAPACITY) * u64(HANDLE_FRAME_STRIDE);
  const size = BigInt(objectBytes);
  assert.ok(u32(HANDLE_CONSUMER_CAPACITY) >= 1n && u32(HANDLE_CONSUMER_CAPACITY) <= BigInt(MAX_CONSUMERS), `${what}: consumers`);
  assert.ok(u32(HANDLE_METADATA_OFFSET) >= slotsEnd, `${what}: metadata over the tables`);
  assert.ok(
    u32(HANDLE_METADATA_OFFSET) + u32(HANDLE_METADATA_BYTES) <= u64(HANDLE_FRAMES_OFFSET),
    `${what}: metadata over the frames`,
  );
  assert.ok(framesEnd <= size, `${what}: frames end at ${framesEnd} of ${size}`);
  assert.is(u64(HANDLE_OBJECT_BYTES), size, `${what}: size`);
  assert.ok(u64(HANDLE_FRAME_BYTES) >= 1n && u64(HANDLE_FRAME_BYTES) <= u64(HANDLE_FRAME_STRIDE), `${what}: frame`);
  assert.ok(u32(HANDLE_HISTORY_LEN) >= 1n && u32(HANDLE_HISTORY_LEN) < u32(HANDLE_SLOT_CAPACITY), `${what}: history`);
  const page = u32(HANDLE_PAGE_BYTES);
  assert.ok(page >= 4096n && (page & (page - 1n)) === 0n && u64(HANDLE_FRAMES_OFFSET) % page === 0n, `${what}: pages`);
  assert.ok(size <= 2n ** 53n, `${what}: exact as a number`);
}

for (const label of CORE_LABELS) {
  const bench = createBench(label);
  const { core } = bench;
  const pool = buildPool(bench, SPEC);
  const original = Uint8Array.from(bench.bytes(pool.control, HEADER_BYTES));
  const header = bench.allocate(HEADER_BYTES);
  const handle = bench.handle();
  const reset = () => {
    bench.bytes(header, HEADER_BYTES).set(original);
    bench.bytes(handle, HANDLE_BYTES).fill(0);
  };
  /** Validates what stands in `header`; if it is accepted, it must be sound. */
  const validate = (objectBytes: number, what: string): number => {
    const before = Uint8Array.from(bench.bytes(header, HEADER_BYTES));
    const code = core.controlValidate(handle, header, objectBytes);
    assert.equal(bench.bytes(header, HEADER_BYTES), before, `${what}: the snapshot is left alone`);
    if (code === status.OK) assertInside(bench, handle, objectBytes, what);
    else assert.ok(code <= status.NOT_READY && code >= status.BAD_HEAD, `${what}: ${code}`);
    return code;
  };

  test(`${label}: what is created is valid`, () => {
    reset();
    assert.is(validate(pool.objectBytes, 'original'), status.OK);
    for (const field of [HANDLE_SLOT_CAPACITY, HANDLE_CONSUMER_CAPACITY, HANDLE_HISTORY_LEN, HANDLE_METADATA_OFFSET]) {
      assert.is(bench.getU32(handle + field), bench.getU32(pool.handle + field));
    }
    for (const field of [HANDLE_FRAME_STRIDE, HANDLE_FRAME_BYTES, HANDLE_FRAMES_OFFSET, HANDLE_OBJECT_BYTES]) {
      assert.is(bench.getU64(handle + field), bench.getU64(pool.handle + field));
    }
  });

  test(`${label}: what is created is what the document says`, () => {
    const u64 = (name: string) => bench.getU64(pool.control + fieldOffset(name));
    const u32 = (name: string) => bench.getU32(pool.control + fieldOffset(name));
    assert.is(new TextDecoder().decode(bench.bytes(pool.control, 8).slice()), 'TNSRIPC1');
    assert.is(u32('consumerOffset'), 512);
    assert.is(u32('slotOffset'), 512 + SPEC.consumerCapacity * 128);
    assert.is(u32('metadataOffset'), u32('slotOffset') + pool.slotCapacity * 64);
    assert.is(u64('head'), BigInt(pool.slotCapacity));
    assert.is(u64('metadataHash'), pool.metadataHash);
    for (let i = 0; i < SPEC.consumerCapacity; i++) {
      const entry = pool.control + 512 + i * 128;
      for (const pin of [CONSUMER_VIEW_PIN, CONSUMER_HOLD_PIN]) assert.is(bench.getU64(entry + pin), 2n ** 64n - 1n);
    }
    for (let i = 0; i < pool.slotCapacity; i++) {
      assert.is(bench.getU64(pool.control + u32('slotOffset') + i * 64), BigInt(2 * i + 2), 'DONE(i)');
    }
    // Everything that no field covers is zero.
    const covered = new Uint8Array(HEADER_BYTES);
    for (const { offset, bytes } of FIELDS) covered.fill(1, offset, offset + bytes);
    for (let i = 0; i < HEADER_BYTES; i++) if (covered[i] === 0) assert.is(original[i], 0, `reserved byte ${i}`);
  });

  test(`${label}: a header that is not finished is not ready`, () => {
    reset();
    bench.setU32(header + HEADER_LAYOUT_VERSION, 0);
    assert.is(validate(pool.objectBytes, 'version 0'), status.NOT_READY);
    bench.setU64(header + HEADER_MAGIC, 0n);
    assert.is(validate(pool.objectBytes, 'zeros in front'), status.NOT_READY);
    bench.bytes(header, HEADER_BYTES).fill(0);
    assert.is(validate(pool.objectBytes, 'all zeros'), status.NOT_READY);
  });

  test(`${label}: another size than the header states`, () => {
    reset();
    for (const bytes of [0, 1, HEADER_BYTES, pool.framesOffset, pool.objectBytes - 4096, pool.objectBytes - 1]) {
      assert.is(validate(bytes, `${bytes} bytes`), status.BAD_SIZE);
    }
    for (const bytes of [pool.objectBytes + 1, pool.objectBytes + 4096, 2 ** 60, Number.NaN, Number.POSITIVE_INFINITY, -1]) {
      assert.is(validate(bytes, `${bytes} bytes`), status.BAD_SIZE);
    }
  });

  for (const field of FIELDS) {
    test(`${label}: ${field.name} with other values`, () => {
      const random = new Random(field.offset);
      for (const value of otherValues(field, random, original)) {
        reset();
        if (field.bytes === 8) bench.setU64(header + field.offset, value);
        else bench.setU32(header + field.offset, Number(value));
        const what = `${field.name} = ${value}`;
        const code = validate(pool.objectBytes, what);
        const identity = IDENTITY[field.name];
        if (field.name === 'layoutVersion' && value === 0n) assert.is(code, status.NOT_READY, what);
        else if (identity !== undefined) assert.is(code, identity, what);
        else if (GEOMETRY.includes(field.name)) {
          assert.ok(code === status.OK || code === status.BAD_GEOMETRY || code === status.BAD_SIZE, `${what}: ${code}`);
          if (!['metadataBytes', 'historyLen', 'frameBytes', 'pageBytes'].includes(field.name)) {
            assert.is.not(code, status.OK, `${what}: every other value contradicts the rest`);
          }
        } else assert.is(code, status.OK, `${what}: not a matter of the geometry`);
      }
    });
  }

  test(`${label}: random headers`, () => {
    const random = new Random(4711);
    const codes = new Map<number, number>();
    const set = (name: string, value: number) => {
      const bytes = FIELDS.find((field) => field.name === name)?.bytes;
      if (bytes === 8) bench.setU64(header + fieldOffset(name), BigInt(value));
      else bench.setU32(header + fieldOffset(name), value >>> 0);
    };
    for (let i = 0; i < 6000; i++) {
      reset();
      let objectBytes = pool.objectBytes;
      if (i % 3 === 0) {
        // Noise anywhere behind the identity.
        for (let n = random.integer(1, 12); n > 0; n--)
          bench.bytes(header + random.integer(24, 127), 1)[0] = random.integer(0, 255);
      } else {
        // Other counts, with or without the offsets that follow from them: a forger's header is consistent.
        const consumers = random.pick([1, 16, 64, 65, 0xffffffff]);
        const slots = random.pick([2, 8, 100, 1 << 21, 0x3ffffff, 0xffffffff]);
        const metadataBytes = random.pick([2, 20, 5000, 1 << 20, 0xfffff000]);
        const pageBytes = random.pick([4096, 8192, 1 << 21, 12288, 0x80000000]);
        const stride = random.pick([1, 64, 1000, 4096, 2 ** 41, 2 ** 52]);
        const wrap = i % 3 === 1 ? (n: number) => n >>> 0 : (n: number) => n;
        const metadataOffset = wrap(HEADER_BYTES + consumers * CONSUMER_BYTES + slots * SLOT_BYTES);
        const framesOffset = Math.ceil((metadataOffset + metadataBytes) / pageBytes) * pageBytes;
        objectBytes = Math.ceil((framesOffset + slots * stride) / pageBytes) * pageBytes;
        set('consumerCapacity', consumers);
        set('slotCapacity', slots);
        set('metadataBytes', metadataBytes);
        set('pageBytes', pageBytes);
        set('frameStride', stride);
        set('frameBytes', random.pick([0, 1, stride, stride + 1]));
        set('historyLen', random.pick([0, 1, slots - 1, slots]));
        set('slotOffset', HEADER_BYTES + consumers * CONSUMER_BYTES);
        set('metadataOffset', metadataOffset);
        set('framesOffset', framesOffset);
        set('objectBytes', objectBytes);
      }
      const code = validate(objectBytes, `header ${i}`);
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }
    assert.ok((codes.get(status.OK) ?? 0) > 50, 'some are accepted, so that the check of accepted ones has been run');
    assert.ok((codes.get(status.BAD_GEOMETRY) ?? 0) > 1000);
    assert.ok(bench.guardsIntact());
  });

  test(`${label}: a head that somebody else scribbled is noticed, not followed`, () => {
    const own = pool.attach();
    core.writerOpen(pool.handle, 1, 0);
    core.consumerRegister(own, 3, 1, 0, 0n);
    assert.is(core.consumerRegister(own, SPEC.consumerCapacity, 1, 0, 0n), status.BAD_GEOMETRY);
    assert.is(core.consumerReap(own, 64), status.BAD_GEOMETRY);
    bench.setU64(pool.control + HEADER_HEAD, 3n);
    assert.is(core.readerLatest(own), status.BAD_HEAD);
    // Bits of entries that do not exist.
    bench.setU64(pool.control + fieldOffset('borrowers'), 2n ** 64n - 1n);
    assert.is(core.writerBlocker(pool.handle, 0, 0), -1);
    assert.ok(bench.guardsIntact());
  });
}

function otherValues(field: Field, random: Random, original: Uint8Array): bigint[] {
  const view = new DataView(original.buffer);
  const bits = field.bytes * 8;
  const now = field.bytes === 8 ? view.getBigUint64(field.offset, true) : BigInt(view.getUint32(field.offset, true));
  const values = new Set<bigint>();
  for (const value of [
    0n,
    1n,
    2n,
    63n,
    64n,
    65n,
    4095n,
    4096n,
    8192n,
    now - 1n,
    now + 1n,
    now * 2n,
    now / 2n,
    now + 64n,
    now + 4096n,
  ]) {
    values.add(BigInt.asUintN(bits, value));
  }
  for (let bit = 0; bit < bits; bit++) {
    values.add(BigInt.asUintN(bits, 1n << BigInt(bit)));
    values.add(now ^ (1n << BigInt(bit)));
  }
  values.add(2n ** BigInt(bits) - 1n);
  for (let i = 0; i < 20; i++) values.add(BigInt(Math.floor(random.next() * 2 ** Math.min(bits, 53))));
  values.delete(now);
  return [...values];
}

test.run();
