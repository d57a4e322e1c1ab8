// Address space for mappings. JavaScript cannot be given foreign memory, so the pages are mapped over memory that the engine has
// already given us: a shared WebAssembly.Memory, which costs no RSS until touched. The core and every typed array then work on the
// shared pages themselves.

import { HANDLE_BYTES, MAX_METADATA_BYTES } from '../../assembly/layout';
import { TensorIpcError } from '../runtime/errors';
import { isSharedBuffer } from '../runtime/realm';
import { runSteps } from '../runtime/steps';
import type { Address, System } from '../runtime/system';
import { type Core, type Handle, instantiateCore, noWebAssembly } from './core';

const WASM_PAGE_BYTES = 65536;
/**
 * The largest first, then what a process with limited address space may still get. One page less than 4 GiB: V8 reads the length
 * of a posted view's buffer as 32 bits, and could not hand views over a full memory to another thread.
 */
const ARENA_PAGES = [65535, 49152, 32768, 16384, 8192, 4096, 2048, 1024];
const MAX_ARENA_BYTES = 65535 * WASM_PAGE_BYTES;
/** Handles live at the bottom; address 0 stays unused, so that a forgotten offset is noticed. */
const HANDLES_START = WASM_PAGE_BYTES;
const HANDLES_END = 1 << 20;
/** Behind them, room for what the core reads once, a header or metadata: there is some however full the arena is. */
const SCRATCH_START = HANDLES_END;
const RANGES_START = SCRATCH_START + MAX_METADATA_BYTES;

/** A range of memory to map pages over. `byteOffset` counts from the start of `buffer`. */
export interface Space {
  readonly buffer: SharedArrayBuffer;
  readonly byteOffset: number;
  readonly bytes: number;
  readonly address: Address;
}

interface Extent {
  start: number;
  bytes: number;
}

/** A range whose pool has ended. */
interface Quarantined extends Extent {
  /** The buffer that every typed array over the range has, as long as this thread can reach one. */
  readonly buffer: WeakRef<SharedArrayBuffer>;
}

/** Ranges of ended pools that are kept before it is asked which of them can be reached. */
const MIN_SWEEP = 64;

/** Which ranges may be given out, in the order in which they are tried. */
type Reach = 'free' | 'unreachable' | 'any';

/** A shared Wasm memory and the core over it, as one thread has them. */
export class CoreMemory {
  /** @internal Keeps WebAssembly types out of the published declarations. */
  readonly memory: WebAssembly.Memory;
  readonly buffer: SharedArrayBuffer;
  readonly core: Core;
  readonly address: Address;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly i64: BigInt64Array;
  readonly f64: Float64Array;

  /** @internal */
  constructor(system: System, memory: WebAssembly.Memory) {
    this.memory = memory;
    const { buffer } = memory;
    if (!isSharedBuffer(buffer)) throw new TypeError('the core works on shared memory');
    this.buffer = buffer;
    this.core = instantiateCore(memory, system.needsFences);
    this.u32 = new Uint32Array(this.buffer);
    this.i32 = new Int32Array(this.buffer);
    this.i64 = new BigInt64Array(this.buffer);
    this.f64 = new Float64Array(this.buffer);
    this.address = system.addressOf(this.u32);
  }
}

/** A memory that this thread has made, and who uses which part of it. */
export class Arena extends CoreMemory {
  readonly #system: System;
  readonly #free: Extent[];
  // Ranges of pools that have ended, the oldest first: a typed array that somebody kept must not come to lie over the next pool.
  #quarantine: Quarantined[] = [];
  #sweepAt = MIN_SWEEP;
  // Behind what was given out last.
  #cursor = 0;
  // What is still to be done with ranges that could not be cleared when their pools ended.
  #uncleared: (() => void)[] = [];
  readonly #freeHandles: Handle[] = [];
  #nextHandle = HANDLES_START;

  /** @internal Keeps WebAssembly types out of the published declarations. */
  constructor(system: System, memory: WebAssembly.Memory) {
    super(system, memory);
    this.#system = system;
    // Mappings need pages; engines align their memories at least that well, but nothing promises it.
    const start = alignUp(this.address + RANGES_START, system.pageBytes) - this.address;
    this.#free = [{ start, bytes: this.buffer.byteLength - start }];
    // Frames may be anybody's secrets, and 4 GiB of mostly nothing make a long dump.
    system.keepOutOfDumps(this.address, this.buffer.byteLength);
  }

  /** The longest range that it could give. */
  get freeBytes(): number {
    const free = this.#free.map(({ start, bytes }) => ({ start, bytes }));
    for (const { start, bytes } of this.#quarantine) insert(free, { start, bytes });
    return Math.max(0, ...free.map(({ bytes }) => bytes));
  }

  /** Handles that are taken. */
  get handles(): number {
    return (this.#nextHandle - HANDLES_START) / HANDLE_BYTES - this.#freeHandles.length;
  }

  /** Copies bytes to where the core can read them, until the next call. At most MAX_METADATA_BYTES. */
  scratch(bytes: Uint8Array): number {
    new Uint8Array(this.buffer, SCRATCH_START, bytes.byteLength).set(bytes);
    return SCRATCH_START;
  }

  /**
   * A page-aligned range, or null when none is long enough. Next fit: what was given back last is used again last, for views may be
   * left of it that only another thread can reach.
   */
  reserve(bytes: number, reach: Reach = 'free'): Space | null {
    runSteps(this.#uncleared.splice(0));
    let space = this.#cut(bytes);
    if (space === null && reach !== 'free') {
      this.#sweep();
      space = this.#cut(bytes);
    }
    while (space === null && reach === 'any') {
      const oldest = this.#quarantine.shift();
      if (oldest === undefined) return null;
      insert(this.#free, oldest);
      space = this.#cut(bytes);
    }
    return space;
  }

  #cut(bytes: number): Space | null {
    const byteOffset = this.#find(bytes, this.#cursor) ?? this.#find(bytes, 0);
    if (byteOffset === null) return null;
    const end = byteOffset + bytes;
    const index = this.#free.findIndex(({ start, bytes: length }) => start <= byteOffset && end <= start + length);
    const extent = this.#free[index] as Extent;
    const parts = [
      { start: extent.start, bytes: byteOffset - extent.start },
      { start: end, bytes: extent.start + extent.bytes - end },
    ];
    this.#free.splice(index, 1, ...parts.filter((part) => part.bytes > 0));
    this.#cursor = end;
    return { buffer: anotherBuffer(this.buffer), byteOffset, bytes, address: this.address + byteOffset };
  }

  /** Where a range fits that begins at `from` or behind it. */
  #find(bytes: number, from: number): number | null {
    for (const extent of this.#free) {
      const start = Math.max(extent.start, from);
      if (start + bytes <= extent.start + extent.bytes) return start;
    }
    return null;
  }

  /** Frees what no typed array of this thread lies over any more. */
  #sweep(): void {
    this.#quarantine = this.#quarantine.filter((range) => {
      if (range.buffer.deref() !== undefined) return true;
      insert(this.#free, range);
      return false;
    });
    this.#sweepAt = Math.max(MIN_SWEEP, 2 * this.#quarantine.length);
  }

  /**
   * Puts zeroed memory over a range and gives it back. One that cannot be cleared is not given out again before it is: the pages of a pool
   * are still there, or none, and the next to be mapped by anybody could come to lie there.
   */
  vacate(space: Space): void {
    this.#clear(space, () => this.vacate(space));
    this.release(space);
  }

  /** The same for a range that typed arrays may be left of: it is not given out again while there is another. */
  retire(space: Space): void {
    this.#clear(space, () => this.retire(space));
    this.#quarantine.push({ start: space.byteOffset, bytes: space.bytes, buffer: new WeakRef(space.buffer) });
    if (this.#quarantine.length >= this.#sweepAt) this.#sweep();
  }

  #clear(space: Space, again: () => void): void {
    try {
      this.#system.unmapFixed(space.address, space.bytes);
    } catch (error) {
      this.#uncleared.push(again);
      throw error;
    }
  }

  /** Gives a range back; the caller has put anonymous memory over it, and has shown it to nobody. */
  release(space: Space): void {
    insert(this.#free, { start: space.byteOffset, bytes: space.bytes });
  }

  allocateHandle(): Handle {
    const handle = this.#freeHandles.pop() ?? this.#nextHandle;
    if (handle === this.#nextHandle) {
      if (handle + HANDLE_BYTES > HANDLES_END) {
        throw new TensorIpcError(
          'ADDRESS_SPACE',
          `this thread has ${(HANDLES_END - HANDLES_START) / HANDLE_BYTES} places for open pools and readers that it shares them with, and all are ` +
            'taken: each open producer or consumer takes one, each share() one until its reader is closed, or its pool if nobody took it',
        );
      }
      this.#nextHandle += HANDLE_BYTES;
    }
    this.u32.fill(0, handle / 4, (handle + HANDLE_BYTES) / 4);
    return handle;
  }

  freeHandle(handle: Handle): void {
    this.#freeHandles.push(handle);
  }
}

/** Adds a range to a list that is in order, and joins what touches. */
function insert(free: Extent[], { start, bytes }: Extent): void {
  const at = free.findIndex((extent) => extent.start > start);
  const index = at < 0 ? free.length : at;
  free.splice(index, 0, { start, bytes });
  for (let i = Math.min(index + 1, free.length - 1); i > Math.max(0, index - 1); i--) {
    const left = free[i - 1] as Extent;
    const right = free[i] as Extent;
    if (left.start + left.bytes === right.start) {
      left.bytes += right.bytes;
      free.splice(i, 1);
    }
  }
}

/**
 * Another object for the same memory. Whatever typed array is made over it, its subarrays and its `buffer` keep this object and no
 * other: when it is gone, no array of this thread is left.
 */
function anotherBuffer(buffer: SharedArrayBuffer): SharedArrayBuffer {
  // A realm made by hand may lack it. All ranges then count as reachable.
  return typeof structuredClone === 'function' ? structuredClone(buffer) : buffer;
}

/** A memory as large as can be had; null when there is none of any size. */
function createMemory(system: System): WebAssembly.Memory | null {
  const { limitBytes, usedBytes } = system.addressSpace();
  // Under a limit half of what is left is for the program: an engine whose heap cannot grow ends it.
  const most = limitBytes === Infinity ? Infinity : (limitBytes - usedBytes) / 2;
  for (const pages of ARENA_PAGES) {
    if (pages * WASM_PAGE_BYTES > most) continue;
    try {
      return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    } catch (error) {
      if (!isRangeError(error)) throw noWebAssembly(error);
    }
  }
  return null;
}

/** By name: where tests run in a realm of their own, the engine's errors are of another. */
export function isRangeError(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'name' in error && error.name === 'RangeError';
}

const GIB = 2 ** 30;

/** The error of a process that has no address space to give, with the limit that is in the way. */
export function noAddressSpace(system: System, what: string): TensorIpcError {
  const { limitBytes, usedBytes } = system.addressSpace();
  const inGib = (bytes: number) => `${(bytes / GIB).toFixed(1)} GiB`;
  const why =
    limitBytes === Infinity
      ? 'close pools that are not needed, use a shorter history, or see the memory limit of the container'
      : `it may take ${inGib(limitBytes)} of address space (RLIMIT_AS, "ulimit -v") and has taken ${inGib(usedBytes)}; Node 20 and 22 reserve ` +
        '10 GiB for a WebAssembly memory of any size: raise the limit to 16 GiB, remove it ("ulimit -v unlimited"), or start Node with ' +
        '--disable-wasm-trap-handler, which makes that 4 GiB, and less where less is left';
  return new TensorIpcError('ADDRESS_SPACE', `this process has no address space for ${what}: ${why}`);
}

export function alignUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}

const arenas: Arena[] = [];
/** What an empty arena can hold, as far as is known: less under a limited address space. */
let largestBytes = MAX_ARENA_BYTES - RANGES_START - WASM_PAGE_BYTES;

/** A new arena; null when there is no memory for one. */
function addArena(system: System): Arena | null {
  const memory = createMemory(system);
  if (memory === null) return null;
  const arena = new Arena(system, memory);
  arenas.push(arena);
  largestBytes = Math.min(largestBytes, arena.freeBytes);
  return arena;
}

/** Memories that are made before ranges are used again of which typed arrays are left. */
const MAX_PATIENT_ARENAS = 4;

function reserveOld(bytes: number, reach: Reach): { arena: Arena; space: Space } | null {
  for (const arena of arenas) {
    const space = arena.reserve(bytes, reach);
    if (space !== null) return { arena, space };
  }
  return null;
}

/** An arena with `bytes` to spare, and the range taken from it; null when no arena could hold that much. */
export function reserveInArena(system: System, bytes: number): { arena: Arena; space: Space } | null {
  const unseen = reserveOld(bytes, 'free') ?? reserveOld(bytes, 'unreachable');
  if (unseen !== null) return unseen;
  // Where address space is limited the program needs it more.
  const patient = arenas.length < MAX_PATIENT_ARENAS && system.addressSpace().limitBytes === Infinity;
  const old = patient ? null : reserveOld(bytes, 'any');
  return old ?? reserveNew(system, bytes) ?? reserveOld(bytes, 'any');
}

function reserveNew(system: System, bytes: number): { arena: Arena; space: Space } | null {
  // An arena that could not hold it either would be address space for nothing.
  if (bytes > largestBytes) return null;
  const arena = addArena(system);
  const space = arena?.reserve(bytes) ?? null;
  return arena === null || space === null ? null : { arena, space };
}

/** Any arena, for work that needs the core and a handle but no mapping. */
export function anyArena(system: System): Arena {
  const arena = arenas[0] ?? addArena(system);
  if (arena === null) throw noAddressSpace(system, 'pools');
  return arena;
}

/** What the arenas of this thread have given out: handles, and bytes beside the longest free range of each. */
export function arenaUsage(): { handles: number; freeBytes: number } {
  let handles = 0;
  let freeBytes = 0;
  for (const arena of arenas) {
    handles += arena.handles;
    freeBytes += arena.freeBytes;
  }
  return { handles, freeBytes };
}

/** Ranges of their own that could not be cleared when their pools ended: the engine must not give their memory to anybody else. */
const unclearedAlone = new Set<Space>();

/** Puts zeroed memory over a range of its own. One that cannot be cleared is kept, and cleared later. */
export function vacateAlone(system: System, space: Space): void {
  unclearedAlone.add(space);
  system.unmapFixed(space.address, space.bytes);
  unclearedAlone.delete(space);
}

/** Room for frames that no Wasm memory can hold: a SharedArrayBuffer of their own. */
export function reserveAlone(system: System, bytes: number): Space {
  for (const space of unclearedAlone) runSteps([() => vacateAlone(system, space)]);
  try {
    const buffer = new SharedArrayBuffer(bytes + system.pageBytes);
    const base = system.addressOf(new Uint8Array(buffer, 0, 1));
    const address = alignUp(base, system.pageBytes);
    return { buffer, byteOffset: address - base, bytes, address };
  } catch (error) {
    if (!isRangeError(error)) throw error;
    throw noAddressSpace(system, `${bytes} bytes of frames (each is mapped twice)`);
  }
}
