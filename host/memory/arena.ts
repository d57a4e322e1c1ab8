// Address space for mappings. JavaScript cannot be given foreign memory, so the pages are mapped over memory that the engine has
// already given us: a shared WebAssembly.Memory, which costs no RSS until touched. The core and every typed array then work on the
// shared pages themselves.

import { HANDLE_BYTES } from '../../assembly/layout';
import { TensorIpcError } from '../runtime/errors';
import type { Address, System } from '../runtime/system';
import { type Core, type Handle, instantiateCore } from './core';

const WASM_PAGE_BYTES = 65536;
/**
 * The largest first, then what a process with limited address space may still get. One page less than 4 GiB: V8 reads the length
 * of a posted view's buffer as 32 bits, and could not hand views over a full memory to another thread.
 */
const MAX_ARENA_PAGES = 65535;
const ARENA_PAGES = [MAX_ARENA_PAGES, 16384, 4096];
/** Handles live at the bottom; address 0 stays unused, so that a forgotten offset is noticed. */
const HANDLES_START = WASM_PAGE_BYTES;
const HANDLES_END = 1 << 20;

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

/** A shared Wasm memory and the core over it, as one thread has them. */
export class CoreMemory {
  /** @internal Keeps WebAssembly types out of the published declarations. */
  readonly memory: WebAssembly.Memory;
  readonly buffer: SharedArrayBuffer;
  readonly core: Core;
  readonly address: Address;
  readonly u32: Uint32Array;
  readonly i64: BigInt64Array;
  readonly f64: Float64Array;

  /** @internal */
  constructor(system: System, memory: WebAssembly.Memory) {
    this.memory = memory;
    if (!(memory.buffer instanceof SharedArrayBuffer)) throw new TypeError('the core works on shared memory');
    this.buffer = memory.buffer;
    this.core = instantiateCore(memory);
    this.u32 = new Uint32Array(this.buffer);
    this.i64 = new BigInt64Array(this.buffer);
    this.f64 = new Float64Array(this.buffer);
    this.address = system.addressOf(this.u32);
  }
}

/** A memory that this thread has made, and who uses which part of it. */
export class Arena extends CoreMemory {
  readonly #free: Extent[];
  readonly #freeHandles: Handle[] = [];
  #nextHandle = HANDLES_START;

  constructor(system: System) {
    super(system, createMemory());
    // Mappings need pages; engines align their memories at least that well, but nothing promises it.
    const start = alignUp(this.address + HANDLES_END, system.pageBytes) - this.address;
    this.#free = [{ start, bytes: this.buffer.byteLength - start }];
  }

  /** A page-aligned range, or null when none is long enough. First fit: pools come and go rarely. */
  reserve(bytes: number): Space | null {
    const index = this.#free.findIndex((extent) => extent.bytes >= bytes);
    const extent = this.#free[index];
    if (extent === undefined) return null;
    const byteOffset = extent.start;
    extent.start += bytes;
    extent.bytes -= bytes;
    if (extent.bytes === 0) this.#free.splice(index, 1);
    return { buffer: this.buffer, byteOffset, bytes, address: this.address + byteOffset };
  }

  /** Gives a range back; the caller has put anonymous memory over it. */
  release(space: Space): void {
    const at = this.#free.findIndex((extent) => extent.start > space.byteOffset);
    const index = at < 0 ? this.#free.length : at;
    this.#free.splice(index, 0, { start: space.byteOffset, bytes: space.bytes });
    for (let i = Math.min(index + 1, this.#free.length - 1); i > Math.max(0, index - 1); i--) {
      const left = this.#free[i - 1] as Extent;
      const right = this.#free[i] as Extent;
      if (left.start + left.bytes === right.start) {
        left.bytes += right.bytes;
        this.#free.splice(i, 1);
      }
    }
  }

  allocateHandle(): Handle {
    const handle = this.#freeHandles.pop() ?? this.#nextHandle;
    if (handle === this.#nextHandle) {
      if (handle + HANDLE_BYTES > HANDLES_END) throw new TensorIpcError('ADDRESS_SPACE', 'too many open pools in this process');
      this.#nextHandle += HANDLE_BYTES;
    }
    this.u32.fill(0, handle / 4, (handle + HANDLE_BYTES) / 4);
    return handle;
  }

  freeHandle(handle: Handle): void {
    this.#freeHandles.push(handle);
  }
}

function createMemory(): WebAssembly.Memory {
  let cause: unknown;
  for (const pages of ARENA_PAGES) {
    try {
      return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    } catch (error) {
      cause = error;
    }
  }
  throw new TensorIpcError(
    'ADDRESS_SPACE',
    'no address space for the pools: expected at least 256 MiB (see "ulimit -v" and the limits of the container)',
    { cause },
  );
}

export function alignUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}

const arenas: Arena[] = [];

/** An arena with `bytes` to spare, and the range taken from it; null when no arena could hold that much. */
export function reserveInArena(system: System, bytes: number): { arena: Arena; space: Space } | null {
  for (const arena of arenas) {
    const space = arena.reserve(bytes);
    if (space !== null) return { arena, space };
  }
  if (bytes > MAX_ARENA_PAGES * WASM_PAGE_BYTES - 2 * HANDLES_END) return null;
  const arena = new Arena(system);
  const space = arena.reserve(bytes);
  // An arena of a smaller size than hoped for may still serve the next pool.
  arenas.push(arena);
  return space === null ? null : { arena, space };
}

/** Any arena, for work that needs the core and a handle but no mapping. */
export function anyArena(system: System): Arena {
  if (arenas.length === 0) arenas.push(new Arena(system));
  return arenas[0] as Arena;
}

/** Room for frames that no Wasm memory can hold: a SharedArrayBuffer of their own. */
export function reserveAlone(system: System, bytes: number): Space {
  try {
    const buffer = new SharedArrayBuffer(bytes + system.pageBytes);
    const base = system.addressOf(new Uint8Array(buffer, 0, 1));
    const address = alignUp(base, system.pageBytes);
    return { buffer, byteOffset: address - base, bytes, address };
  } catch (cause) {
    throw new TensorIpcError(
      'ADDRESS_SPACE',
      `this process has no room for ${bytes} bytes of frames (mapped twice): use a shorter history`,
      {
        cause,
      },
    );
  }
}
