// A pool's object, mapped: control block, frames, and the frames once more right behind, so that every window of history is one
// contiguous range even where the ring wraps.

import {
  HANDLE_CLOCK_NS,
  HANDLE_CONSUMER_CAPACITY,
  HANDLE_DUE_NS,
  HANDLE_FRAME_STRIDE,
  HANDLE_FRAMES_OFFSET,
  HANDLE_OBJECT_BYTES,
  HANDLE_SLOT_CAPACITY,
  HANDLE_SLOTS,
} from '../../assembly/layout';
import { steadyMs } from '../runtime/clock';
import { inPieces, type Pieces } from '../runtime/pieces';
import { everyStep, runSteps } from '../runtime/steps';
import { type Address, platform, type System } from '../runtime/system';
import type { PoolDescription } from '../tensor/description';
import type { PoolMetadata } from '../tensor/metadata';
import { type Arena, type CoreMemory, noAddressSpace, reserveAlone, reserveInArena, type Space } from './arena';
import { WORDS_UP_TO_BYTES } from './copy';
import type { Core, Handle } from './core';
import { type Lease, type LeaseParts, ReferenceCount } from './reference-count';
import { type Lengths, type Window, WindowBuilder } from './window';
import { WindowCache } from './window-cache';

/** Numbers of a ring, checked. */
export interface Geometry {
  readonly consumerCapacity: number;
  readonly slotCapacity: number;
  readonly frameStride: number;
  readonly frameBytes: number;
  readonly framesOffset: number;
  readonly objectBytes: number;
}

export function readGeometry(arena: Arena, handle: Handle, metadata: PoolMetadata): Geometry {
  return {
    consumerCapacity: arena.u32[(handle + HANDLE_CONSUMER_CAPACITY) / 4] as number,
    slotCapacity: arena.u32[(handle + HANDLE_SLOT_CAPACITY) / 4] as number,
    frameStride: Number(arena.i64[(handle + HANDLE_FRAME_STRIDE) / 8]),
    frameBytes: metadata.frameBytes,
    framesOffset: Number(arena.i64[(handle + HANDLE_FRAMES_OFFSET) / 8]),
    objectBytes: Number(arena.i64[(handle + HANDLE_OBJECT_BYTES) / 8]),
  };
}

/** So long page tables are populated at once. */
const PREFAULT_MS = 8;

/** Shorter windows fit the typed arrays of every runtime. */
const LONG_WINDOW_BYTES = 2 ** 31;

/** What a mapping consists of. */
export interface MappingParts {
  /** The object, open in this thread. */
  readonly fd: number;
  readonly memory: CoreMemory;
  readonly handle: Handle;
  /** The geometry that was checked, as the core keeps it in a handle. */
  readonly template: Uint32Array;
  readonly description: PoolDescription;
  readonly geometry: Geometry;
  readonly control: Space;
  /** The frames, twice. */
  readonly frames: Space;
  /** For a mapping that another thread has made. */
  readonly lease: Lease | null;
}

export class Mapping {
  readonly system: System;
  readonly arena: CoreMemory;
  readonly core: Core;
  readonly handle: Handle;
  readonly fd: number;
  readonly description: PoolDescription;
  readonly metadata: PoolMetadata;
  readonly geometry: Geometry;
  readonly windows: WindowBuilder;
  readonly #parts: MappingParts;
  readonly #clockIndex: number;
  readonly #hasWords: boolean;
  readonly #control: Space;
  readonly #frames: Space;
  readonly #lease: Lease | null;
  /** Who allocated the ranges: null for a mapping that another thread has made. */
  readonly #owner: Arena | null;
  #references: ReferenceCount | null = null;
  #mapped = true;
  #prefaulted = 1;
  readonly #cache: WindowCache;

  /** @param owner The arena of the ranges, when they are this thread's. */
  constructor(system: System, parts: MappingParts, owner: Arena | null) {
    this.system = system;
    this.#parts = parts;
    this.#owner = owner;
    this.arena = parts.memory;
    this.core = parts.memory.core;
    this.handle = parts.handle;
    this.fd = parts.fd;
    this.description = parts.description;
    this.metadata = parts.description.metadata;
    this.geometry = parts.geometry;
    this.#control = parts.control;
    this.#frames = parts.frames;
    this.#lease = parts.lease;
    this.#clockIndex = (this.handle + HANDLE_CLOCK_NS) / 8;
    const { frameBytes } = this.geometry;
    this.#hasWords =
      frameBytes <= WORDS_UP_TO_BYTES &&
      frameBytes % 4 === 0 &&
      this.geometry.frameStride % 4 === 0 &&
      this.#frames.buffer === this.#control.buffer;
    this.windows = new WindowBuilder(this.metadata, this.geometry.frameStride);
    const { frameStride, slotCapacity } = this.geometry;
    const { buffer, byteOffset } = this.#frames;
    this.#cache = new WindowCache(slotCapacity, (slot, count, latestFirst) =>
      this.windows.build(buffer, byteOffset + slot * frameStride, count, latestFirst),
    );
    this.arena.u32.set(parts.template, this.handle / 4);
    this.core.controlBind(this.handle, this.#control.byteOffset);
  }

  /** Maps the object behind `fd`, whose geometry has been checked and stands in `template`. */
  static map(
    system: System,
    fd: number,
    template: Uint32Array,
    description: PoolDescription,
    geometry: Geometry,
    writable: boolean,
  ): Mapping {
    ReferenceCount.settle();
    const { framesOffset, objectBytes, slotCapacity, frameStride } = geometry;
    const regionBytes = slotCapacity * frameStride;
    const whole = reserveInArena(system, objectBytes + regionBytes);
    const place = whole ?? reserveInArena(system, framesOffset);
    if (place === null) throw noAddressSpace(system, 'the control block of a pool');
    const { arena, space: control } = place;
    let alone: Space | null = null;
    let handle: Handle | null = null;
    try {
      if (whole === null) alone = reserveAlone(system, 2 * regionBytes);
      const { buffer, byteOffset, address } = control;
      const behind = { buffer, byteOffset: byteOffset + framesOffset, bytes: 2 * regionBytes, address: address + framesOffset };
      const frames = alone ?? behind;
      system.mapFixed(address, framesOffset, fd, 0, true);
      system.mapFixed(frames.address, regionBytes, fd, framesOffset, writable);
      system.mapFixed(frames.address + regionBytes, regionBytes, fd, framesOffset, writable);
      handle = arena.allocateHandle();
      const parts = { fd, memory: arena, handle, template, description, geometry, control, frames, lease: null };
      return new Mapping(system, parts, arena);
    } catch (error) {
      // Whole ranges, also what had not been mapped yet: a call that fails may leave a hole, into which somebody else's memory could come.
      runSteps([
        () => alone && system.unmapFixed(alone.address, alone.bytes),
        () => arena.vacate(control),
        () => handle !== null && arena.freeHandle(handle),
      ]);
      throw error;
    }
  }

  get controlOffset(): number {
    return this.#control.byteOffset;
  }

  get controlAddress(): Address {
    return this.#control.address;
  }

  /** Offset in the arena of the slot table. */
  get slotsOffset(): number {
    return this.arena.u32[(this.handle + HANDLE_SLOTS) / 4] as number;
  }

  /** Address of a slot's bytes. Slots capacity to 2 × capacity - 1 are the mirror. */
  slotAddress(slot: number): Address {
    return this.#frames.address + slot * this.geometry.frameStride;
  }

  /** Tells the core what time it is. */
  setClock(monotonicNs: bigint): void {
    this.arena.i64[this.#clockIndex] = monotonicNs;
  }

  /** When the core is to say that it is time for a look at the pool's name. */
  setDue(monotonicNs: bigint): void {
    this.arena.i64[(this.handle + HANDLE_DUE_NS) / 8] = monotonicNs;
  }

  /**
   * Populates page tables of the frames, so that the first lap costs what the second does: of the first map for a writer, which uses no other,
   * of both for a reader. Ends early when the pages are let go.
   */
  *prefault(writable: boolean, from = 0): Pieces<void> {
    const { address, bytes } = this.#frames;
    const populate = (at: number, length: number) => {
      if (this.#mapped) this.system.prefault(address + at, length, writable);
    };
    yield* inPieces(writable ? bytes / 2 : bytes, populate, from);
  }

  /** The same for a reader, who does not wait for it: of most pools at once, of the largest while the event loop turns. */
  async prefaultSoon(): Promise<void> {
    const start = steadyMs();
    for (const part of this.prefault(false)) {
      this.#prefaulted = part;
      if (steadyMs() - start < PREFAULT_MS) continue;
      await platform().turn();
      if (!this.#mapped) return;
    }
  }

  /** How far prefaultSoon has come, from 0 to 1. */
  get prefaulted(): number {
    return this.#mapped ? this.#prefaulted : 1;
  }

  /** The tensors of `count` frames, the oldest in `slot`, on the shared pages. */
  window(slot: number, count: number, latestFirst: boolean): Window {
    return this.#cache.window(slot, count, latestFirst);
  }

  /** The tensors of one frame of these lengths, on the shared pages. */
  sizedWindow(slot: number, lengths: Lengths): Window {
    const { buffer, byteOffset } = this.#frames;
    return this.windows.sized(buffer, byteOffset + slot * this.geometry.frameStride, lengths);
  }

  /** Whether copyWords can: small frames of whole words. */
  get hasWords(): boolean {
    return this.#hasWords;
  }

  /** Copies a whole frame to a slot, word by word. */
  copyWords(slot: number, from: Uint32Array): void {
    const { u32 } = this.arena;
    const at = (this.#frames.byteOffset + slot * this.geometry.frameStride) / 4;
    for (let i = 0; i < from.length; i++) u32[at + i] = from[i] as number;
  }

  /** Bytes of a slot, on the shared pages. */
  bytesOf(slot: number, byteOffset: number, bytes: number): Uint8Array {
    return new Uint8Array(this.#frames.buffer, this.#frames.byteOffset + slot * this.geometry.frameStride + byteOffset, bytes);
  }

  /**
   * Throws unless this runtime's typed arrays can be as long as such a window. To be asked before frames are pinned; of windows that
   * every runtime has room for it costs nothing.
   */
  checkWindow(count: number, latestFirst: boolean): void {
    if (count * this.geometry.frameStride >= LONG_WINDOW_BYTES) this.#cache.window(0, count, latestFirst);
  }

  /** Lends the pages to another thread of this process: what that needs to make a mapping of its own without mapping anything. */
  lend(): { readonly parts: MappingParts; readonly lease: LeaseParts } | null {
    if (this.#owner === null) return null;
    ReferenceCount.settle();
    this.#references ??= new ReferenceCount(this.#owner, this.system, this.fd);
    return { parts: this.#parts, lease: this.#references.lend().parts };
  }

  /** Lets the pages and the descriptor go. Where other threads read the pages, the last of all lets them go. */
  close(): void {
    this.#cache.clear();
    this.#mapped = false;
    if (this.#lease !== null) {
      // The descriptor last: with it goes the lock that says that the lease is not over yet.
      everyStep([() => this.#lease?.giveBack(() => this.#unmapPages()), () => this.system.close(this.fd)]);
    } else if (this.#references !== null) {
      this.#references.close(() => this.#finish());
    } else {
      this.#finish();
    }
  }

  #finish(): void {
    everyStep([() => this.unmap(), () => this.system.close(this.fd)]);
  }

  /** Lets the pages go. Stale views read zeros from then on. The descriptor stays open. */
  unmap(): void {
    this.#cache.clear();
    this.#mapped = false;
    const owner = this.#owner;
    everyStep([() => this.#unmapFrames(), () => owner?.retire(this.#control), () => owner?.freeHandle(this.handle)]);
  }

  /** For the last user of what another thread has mapped. */
  #unmapPages(): void {
    everyStep([() => this.system.unmapFixed(this.#control.address, this.#control.bytes), () => this.#unmapFrames()]);
  }

  #unmapFrames(): void {
    // Frames with a buffer of their own lie elsewhere.
    if (this.#frames.buffer !== this.#control.buffer) this.system.unmapFixed(this.#frames.address, this.#frames.bytes);
  }
}
