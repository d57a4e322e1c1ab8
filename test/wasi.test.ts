// The core as a WASI reactor: loaded by a WASI host that knows nothing of pools, it makes one in memory of its own.

import { readFileSync } from 'node:fs';
import { WASI } from 'node:wasi';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  HANDLE_CLOCK_NS,
  HANDLE_EPOCH,
  HANDLE_PUBLISHED_NS,
  HANDLE_SLOTS,
  HANDLE_TIMESTAMP_NS,
  MAX_VARYING_FIELDS,
  ON_PINNED_WAIT,
  SLOT_BYTES,
  SLOT_LENGTHS,
} from '../assembly/layout';
import { CLOSED, EMPTY, OK } from '../assembly/status';
import type { Core } from '../host/memory/core';
import { Bench, buildPool } from './support/core-modules';
import { readWasm, SECTION } from './support/core-wasm';

interface Reactor extends Core {
  readonly memory: { readonly buffer: ArrayBuffer };
  clockMonotonicNs(): bigint;
  reserve(bytes: number): number;
}

const BYTES = new Uint8Array(readFileSync('dist/core.wasi.wasm'));

function load(): { reactor: Reactor; bench: Bench } {
  const wasi = new WASI({ version: 'preview1' });
  // The types of the host's own module know one import object only.
  const imports = wasi.getImportObject() as { env: { memory: WebAssembly.Memory } };
  const instance = new WebAssembly.Instance(new WebAssembly.Module(BYTES), imports);
  wasi.initialize(instance);
  const reactor = instance.exports as object as Reactor;
  return { reactor, bench: new Bench(reactor, reactor.memory, (bytes) => reactor.reserve(bytes)) };
}

test('it is a reactor: _initialize and the whole core, and nothing but WASI is imported', () => {
  const module = readWasm(BYTES);
  const names = module.exports.map(({ name }) => name);
  assert.ok(names.includes('_initialize') && names.includes('memory'));
  assert.not.ok(names.includes('_start'), 'a command would run once and end');
  assert.not.ok(module.sections.some(({ id }) => id === SECTION.start));
  for (const { module: from, name } of module.imports) assert.is(from, 'wasi_snapshot_preview1', name);
  const core = readWasm(readFileSync('dist/core.wasm')).exports.map(({ name }) => name);
  for (const name of [...core, 'clockMonotonicNs', 'reserve']) assert.ok(names.includes(name), name);
  const fences = [...module.functions.values()].flat().filter(({ name }) => name === 'atomic.fence').length;
  assert.ok(fences >= 3, 'with its fences');
});

test('reserve gives zeroed, aligned, separate blocks, also when the memory has to grow', () => {
  const { reactor } = load();
  const before = reactor.memory.buffer.byteLength;
  const blocks: { at: number; bytes: number }[] = [];
  for (const bytes of [1, 16, 100, 65536, before, 3 * before, 7]) {
    const at = reactor.reserve(bytes);
    assert.is(at % 16, 0);
    assert.ok(at > 0 && at + bytes <= reactor.memory.buffer.byteLength);
    const block = new Uint8Array(reactor.memory.buffer, at, bytes);
    assert.ok(block.every((byte) => byte === 0));
    block.fill(0xff);
    for (const other of blocks) assert.ok(at >= other.at + other.bytes || at + bytes <= other.at);
    blocks.push({ at, bytes });
  }
  assert.ok(reactor.memory.buffer.byteLength > before);
});

test('the clock is CLOCK_MONOTONIC', () => {
  const { reactor } = load();
  for (let i = 0; i < 100; i++) {
    const before = process.hrtime.bigint();
    const now = BigInt.asUintN(64, reactor.clockMonotonicNs());
    const after = process.hrtime.bigint();
    assert.ok(before <= now && now <= after, `${before} <= ${now} <= ${after}`);
  }
});

test('put and get in the memory of the reactor', () => {
  const { reactor, bench } = load();
  const historyLen = 4;
  const pool = buildPool(bench, { frameBytes: 48, historyLen, metadata: '{"format":"tensor-ipc"}' });
  const writer = pool.attach();
  const reader = pool.attach();
  assert.is(reactor.writerOpen(writer, 1, ON_PINNED_WAIT), OK);
  assert.is(reactor.consumerRegister(reader, 0, 2, 0, 0n), OK);
  assert.is(reactor.readerLatest(reader), EMPTY);
  const fill = (sequence: number) => new Uint8Array(48).fill(sequence + 1);
  for (let sequence = 0; sequence < 3 * pool.slotCapacity; sequence++) {
    const slot = reactor.writerBegin(writer, 0);
    assert.is(slot, sequence % pool.slotCapacity);
    bench.bytes(pool.slot(slot), 48).set(fill(sequence));
    const now = BigInt.asUintN(64, reactor.clockMonotonicNs());
    bench.setU64(writer + HANDLE_CLOCK_NS, now);
    bench.setU64(writer + HANDLE_TIMESTAMP_NS, BigInt(sequence) * 33n);
    reactor.writerCommit(writer, 1);

    assert.is(reactor.readerLatest(reader), sequence);
    const first = reactor.readerCopyBegin(reader, sequence, historyLen);
    assert.ok(first >= 0);
    const copies = Array.from({ length: historyLen }, (_, i) =>
      bench.bytes(pool.slot((first + i) % pool.slotCapacity), 48).slice(),
    );
    assert.is(reactor.readerCopyEnd(reader, sequence, historyLen), OK);
    for (const [i, copy] of copies.entries()) assert.equal(copy, fill(Math.max(-1, sequence - historyLen + 1 + i)));
    assert.is(bench.getU64(reader + HANDLE_TIMESTAMP_NS), BigInt(sequence) * 33n);
    assert.is(bench.getU64(reader + HANDLE_PUBLISHED_NS), now);

    assert.is(reactor.readerPin(reader, 1), sequence);
    assert.ok(reactor.readerIntact(reader, sequence));
    reactor.readerUnpin(reader);
  }
  reactor.writerClose(writer);
  assert.is(reactor.readerLatest(reader), CLOSED);
  assert.ok(bench.guardsIntact());
});

test('lengths of varying fields in the memory of the reactor: as the writer left them, until the slot is written again', () => {
  const { reactor, bench } = load();
  const pool = buildPool(bench, { frameBytes: 64, historyLen: 2, metadata: '{"format":"tensor-ipc"}' });
  const writer = pool.attach();
  const reader = pool.attach();
  assert.is(reactor.writerOpen(writer, 1, ON_PINNED_WAIT), OK);
  assert.is(reactor.consumerRegister(reader, 0, 2, 0, 0n), OK);
  const table = bench.getU32(writer + HANDLE_SLOTS);
  const at = (slot: number, field: number) => table + slot * SLOT_BYTES + SLOT_LENGTHS + 4 * field;
  const lengthsOf = (slot: number) => Array.from({ length: MAX_VARYING_FIELDS }, (_, field) => bench.getU32(at(slot, field)));
  const made = (sequence: number) => Array.from({ length: MAX_VARYING_FIELDS }, (_, field) => 1000 * sequence + field);
  for (let sequence = 0; sequence < 3 * pool.slotCapacity; sequence++) {
    const slot = reactor.writerBegin(writer, 0);
    for (const [field, length] of made(sequence).entries()) bench.setU32(at(slot, field), length);
    reactor.writerCommit(writer, 1);
    assert.equal(lengthsOf(slot), made(sequence), 'the commit leaves them');
    // A copy between the two calls of the seqlock, as a reader makes it.
    const first = reactor.readerCopyBegin(reader, sequence, 1);
    assert.equal(lengthsOf(first), made(sequence));
    assert.is(reactor.readerCopyEnd(reader, sequence, 1), OK);
    assert.is(bench.getU32(reader + HANDLE_EPOCH), 1);
  }
  assert.ok(bench.guardsIntact());
});

test.run();
