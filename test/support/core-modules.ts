// The core's modules over plain memory of their own, without mappings or processes: what the tests of the core run on.

import { readFileSync } from 'node:fs';
import {
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
} from '../../assembly/layout';
import { OK } from '../../assembly/status';
import { type Core, type Handle, withoutFences } from '../../host/memory/core';

/** Every suite of the core runs over all of them. 'unfenced' is what x86-64 runs, 'release' what the others do. */
export const CORE_LABELS = ['release', 'unfenced', 'debug'] as const;
export type CoreLabel = (typeof CORE_LABELS)[number];

const FILES: Readonly<Record<CoreLabel, string>> = {
  release: 'dist/core.wasm',
  unfenced: 'dist/core.wasm',
  debug: 'dist/core.debug.wasm',
};

/** The bytes of a module. */
export function coreBytes(label: CoreLabel): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(readFileSync(FILES[label]));
  return label === 'unfenced' ? withoutFences(bytes) : bytes;
}

const GUARD_BYTES = 64;
const GUARD = 0xa5;

/** Some memory with the core over it. Blocks are never freed; guard bytes around each show writes that stray. */
export class Bench {
  readonly core: Core;
  readonly #memory: { readonly buffer: ArrayBufferLike };
  readonly #reserve: (bytes: number) => number;
  readonly #guards: number[] = [];

  constructor(core: Core, memory: { readonly buffer: ArrayBufferLike }, reserve: (bytes: number) => number) {
    this.core = core;
    this.#memory = memory;
    this.#reserve = reserve;
  }

  /** Offset of `bytes` zeroed bytes at a multiple of 64. */
  allocate(bytes: number): number {
    const block = this.#reserve(bytes + 2 * GUARD_BYTES + 64);
    const start = Math.ceil((block + GUARD_BYTES) / 64) * 64;
    for (const guard of [start - GUARD_BYTES, start + bytes]) {
      this.bytes(guard, GUARD_BYTES).fill(GUARD);
      this.#guards.push(guard);
    }
    return start;
  }

  /** Whether nobody wrote beside any block. */
  guardsIntact(): boolean {
    return this.#guards.every((guard) => this.bytes(guard, GUARD_BYTES).every((byte) => byte === GUARD));
  }

  handle(): Handle {
    return this.allocate(HANDLE_BYTES);
  }

  // A memory that grows has a new buffer, so views are made when they are needed.
  bytes(offset: number, length: number): Uint8Array {
    return new Uint8Array(this.#memory.buffer, offset, length);
  }

  words(offset: number, length: number): Uint32Array {
    return new Uint32Array(this.#memory.buffer, offset, length);
  }

  get view(): DataView {
    return new DataView(this.#memory.buffer);
  }

  getU32(at: number): number {
    return this.view.getUint32(at, true);
  }

  setU32(at: number, value: number): void {
    this.view.setUint32(at, value, true);
  }

  getU64(at: number): bigint {
    return this.view.getBigUint64(at, true);
  }

  setU64(at: number, value: bigint): void {
    this.view.setBigUint64(at, value, true);
  }
}

export function compileCore(label: CoreLabel): WebAssembly.Module {
  return new WebAssembly.Module(coreBytes(label));
}

/** A core over an existing shared memory: threads share one. */
export function instantiate(label: CoreLabel, memory: WebAssembly.Memory): Core {
  return new WebAssembly.Instance(compileCore(label), { env: { memory } }).exports as object as Core;
}

/** A core over a shared memory of its own. */
export function createBench(label: CoreLabel, bytes = 4 << 20): Bench & { readonly memory: WebAssembly.Memory } {
  const pages = Math.ceil(bytes / 65536);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  let next = 65536;
  const reserve = (wanted: number) => {
    const block = next;
    next += Math.ceil(wanted / 64) * 64;
    if (next > pages * 65536) throw new Error(`the bench of ${bytes} bytes is too small`);
    return block;
  };
  return Object.assign(new Bench(instantiate(label, memory), memory, reserve), { memory });
}

export interface PoolSpec {
  readonly frameBytes: number;
  readonly historyLen: number;
  readonly consumerCapacity?: number;
  readonly metadata?: string;
  readonly pageBytes?: number;
  /** Instead of what chooseGeometry says, to keep a ring short. */
  readonly slotCapacity?: number;
}

/** A pool object in plain memory, without the mirror. */
export interface TestPool {
  readonly control: number;
  readonly slotCapacity: number;
  readonly frameStride: number;
  readonly framesOffset: number;
  readonly objectBytes: number;
  readonly metadataHash: bigint;
  /** Handle of the creator. */
  readonly handle: Handle;
  /** Where the bytes of a slot lie. */
  slot(index: number): number;
  /** A new participant: header copied, checked and bound, as host/native/pool.ts does it. */
  attach(): Handle;
}

/** Fills a handle's counts as a creator does, up to controlLayout. Returns its status. */
export function planPool(bench: Bench, handle: Handle, spec: PoolSpec): number {
  const { frameBytes, historyLen, consumerCapacity = 8, metadata = '{}', pageBytes = 4096 } = spec;
  const capacity = bench.core.chooseGeometry(handle, frameBytes, historyLen, pageBytes);
  if (capacity < 0) return capacity;
  bench.setU32(handle + HANDLE_CONSUMER_CAPACITY, consumerCapacity);
  bench.setU32(handle + HANDLE_SLOT_CAPACITY, spec.slotCapacity ?? capacity);
  if (spec.slotCapacity !== undefined) bench.setU64(handle + HANDLE_FRAME_STRIDE, BigInt(frameBytes));
  bench.setU32(handle + HANDLE_HISTORY_LEN, historyLen);
  bench.setU32(handle + HANDLE_METADATA_BYTES, new TextEncoder().encode(metadata).length);
  bench.setU32(handle + HANDLE_PAGE_BYTES, pageBytes);
  bench.setU64(handle + HANDLE_FRAME_BYTES, BigInt(frameBytes));
  return bench.core.controlLayout(handle);
}

export function buildPool(bench: Bench, spec: PoolSpec): TestPool {
  const { core } = bench;
  const handle = bench.handle();
  const status = planPool(bench, handle, spec);
  if (status !== OK) throw new Error(`controlLayout answers ${status}`);
  const objectBytes = Number(bench.getU64(handle + HANDLE_OBJECT_BYTES));
  const framesOffset = Number(bench.getU64(handle + HANDLE_FRAMES_OFFSET));
  const frameStride = Number(bench.getU64(handle + HANDLE_FRAME_STRIDE));
  const slotCapacity = bench.getU32(handle + HANDLE_SLOT_CAPACITY);
  const control = bench.allocate(objectBytes);
  core.controlBind(handle, control);
  const json = new TextEncoder().encode(spec.metadata ?? '{}');
  const metadataAt = control + bench.getU32(handle + HANDLE_METADATA_OFFSET);
  bench.bytes(metadataAt, json.length).set(json);
  const metadataHash = BigInt.asUintN(64, core.xxh64(metadataAt, json.length, 0n));
  core.controlCreate(handle, metadataHash, 0x0123456789abcdefn, 1_700_000_000_000_000_000n);
  core.controlPublish(handle);
  return {
    control,
    slotCapacity,
    frameStride,
    framesOffset,
    objectBytes,
    metadataHash,
    handle,
    slot: (index) => control + framesOffset + index * frameStride,
    attach: () => {
      const own = bench.handle();
      const copy = bench.allocate(HEADER_BYTES);
      bench.bytes(copy, HEADER_BYTES).set(bench.bytes(control, HEADER_BYTES));
      const code = core.controlValidate(own, copy, objectBytes);
      if (code !== OK) throw new Error(`controlValidate answers ${code}`);
      core.controlBind(own, control);
      return own;
    },
  };
}
