// A pool's object, mapped: control block, frames, and the frames once more right behind, so that every window of history is one
// contiguous range even where the ring wraps.

import {
  HANDLE_CLOCK_NS,
  HANDLE_CONSUMER_CAPACITY,
  HANDLE_FRAME_STRIDE,
  HANDLE_FRAMES_OFFSET,
  HANDLE_OBJECT_BYTES,
  HANDLE_SLOT_CAPACITY,
  HANDLE_SLOTS,
} from '../../assembly/layout';
import { TensorIpcError } from '../runtime/errors';
import { everyStep, runSteps } from '../runtime/steps';
import type { Address, System } from '../runtime/system';
import { arrayOf, type Dtype, type TypedArray, type TypedArrayConstructor } from '../tensor/dtype';
import type { FieldMetadata, PoolDescription, PoolMetadata } from '../tensor/metadata';
import { denseStrides, elementsOf, type TensorView } from '../tensor/tensor';
import { type Arena, type CoreMemory, isRangeError, noAddressSpace, reserveAlone, reserveInArena, type Space } from './arena';
import type { Core, Handle } from './core';
import { type Lease, type LeaseParts, ReferenceCount } from './reference-count';
import { WindowCache } from './window-cache';

/** The tensors of a window: what a frame's or view's data, shape and so on are made of. Shared and immutable. */
export interface Window extends TensorView {
  readonly fields: Readonly<Record<string, TensorView>> | undefined;
}

/** How one tensor of a window of `count` frames looks in one order, whatever its slot. */
interface TensorPlan {
  readonly name: string;
  readonly dtype: Dtype;
  readonly array: TypedArrayConstructor;
  readonly byteOffset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;
  /** Elements from the first to the last of the window. */
  readonly span: number;
}

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

/** Plans a tensor of records that lie `frameStride` apart. */
function planTensor(field: Omit<FieldMetadata, 'bytes'>, frameStride: number, count: number, latestFirst: boolean): TensorPlan {
  const { name, dtype, byteOffset, shape } = field;
  const array = arrayOf(dtype);
  const strides = denseStrides(shape);
  const elements = elementsOf(shape);
  if (count === 1) return { name, dtype, array, byteOffset, shape, strides: Object.freeze(strides), offset: 0, span: elements };
  const step = frameStride / array.BYTES_PER_ELEMENT;
  return {
    name,
    dtype,
    array,
    byteOffset,
    shape: Object.freeze([count, ...shape]),
    strides: Object.freeze([latestFirst ? -step : step, ...strides]),
    offset: latestFirst ? (count - 1) * step : 0,
    span: (count - 1) * step + elements,
  };
}

function arrayOver(plan: TensorPlan, buffer: ArrayBufferLike, byteOffset: number): TypedArray {
  try {
    return new plan.array(buffer, byteOffset + plan.byteOffset, plan.span);
  } catch (error) {
    if (!isRangeError(error)) throw error;
    throw new TensorIpcError(
      'INVALID_ARGUMENT',
      `[${plan.shape.join(', ')}] elements of ${plan.dtype} lie over ${plan.span * plan.array.BYTES_PER_ELEMENT} bytes, more than a typed array of ` +
        'this runtime can have: ask for fewer frames at once',
      { cause: error },
    );
  }
}

function buildTensor(plan: TensorPlan, buffer: ArrayBufferLike, byteOffset: number): TensorView {
  const data = arrayOver(plan, buffer, byteOffset);
  return { data, shape: plan.shape, strides: plan.strides, offset: plan.offset, dtype: plan.dtype };
}

/** Lengths of windows whose plans are kept. */
const MAX_PLANS = 256;

/** Builds the tensors of windows over any buffer that holds frames `frameStride` apart. */
export class WindowBuilder {
  readonly #metadata: PoolMetadata;
  readonly #frameStride: number;
  // By count, negative where the latest comes first. The first plan is the frame itself: its one tensor, or a record's raw bytes.
  readonly #plans = new Map<number, readonly TensorPlan[]>();

  constructor(metadata: PoolMetadata, frameStride: number) {
    this.#metadata = metadata;
    this.#frameStride = frameStride;
  }

  #plan(count: number, latestFirst: boolean): readonly TensorPlan[] {
    const key = latestFirst ? -count : count;
    const known = this.#plans.get(key);
    if (known !== undefined) return known;
    const { plain, fields, frameBytes } = this.#metadata;
    const raw = { name: '', dtype: 'uint8', byteOffset: 0, shape: Object.freeze([frameBytes]) } as const;
    const plans = (plain ? fields : [raw, ...fields]).map((field) => planTensor(field, this.#frameStride, count, latestFirst));
    if (this.#plans.size >= MAX_PLANS) this.#plans.clear();
    this.#plans.set(key, plans);
    return plans;
  }

  /** The tensors of `count` frames at `byteOffset`, the oldest in front, indexed as the caller wants them. */
  build(buffer: ArrayBufferLike, byteOffset: number, count: number, latestFirst: boolean): Window {
    return this.#assemble(this.#plan(count, latestFirst), buffer, byteOffset);
  }

  /** The tensors of `count` dense frames in zeroed memory of their own. For small ones: an engine keeps those in its heap. */
  fresh(count: number, bytes: number): Window {
    const plans = this.#plan(count, false);
    const { array, shape, strides, offset, dtype, span } = plans[0] as TensorPlan;
    if (plans.length === 1) return { data: new array(span), shape, strides, offset, dtype, fields: undefined };
    return this.#assemble(plans, new ArrayBuffer(bytes), 0);
  }

  /** The tensors of `count` dense frames in the caller's array, which has the right type and length. */
  around(data: TypedArray, count: number): Window {
    const plans = this.#plan(count, false);
    const { shape, strides, offset, dtype } = plans[0] as TensorPlan;
    if (plans.length === 1) return { data, shape, strides, offset, dtype, fields: undefined };
    return { ...this.#assemble(plans, data.buffer, data.byteOffset), data };
  }

  #assemble(plans: readonly TensorPlan[], buffer: ArrayBufferLike, byteOffset: number): Window {
    const { data, shape, strides, offset, dtype } = buildTensor(plans[0] as TensorPlan, buffer, byteOffset);
    if (plans.length === 1) return { data, shape, strides, offset, dtype, fields: undefined };
    const fields: Record<string, TensorView> = {};
    for (let i = 1; i < plans.length; i++) {
      const plan = plans[i] as TensorPlan;
      fields[plan.name] = buildTensor(plan, buffer, byteOffset);
    }
    return { data, shape, strides, offset, dtype, fields: Object.freeze(fields) };
  }
}

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
  readonly #control: Space;
  readonly #frames: Space;
  readonly #lease: Lease | null;
  /** Who allocated the ranges: null for a mapping that another thread has made. */
  readonly #owner: Arena | null;
  #references: ReferenceCount | null = null;
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

  /** How many bytes of addresses the frames have: both maps. */
  get frameSpaceBytes(): number {
    return this.#frames.bytes;
  }

  /** Populates page tables of the frames, so that the first lap costs what the second does. */
  prefault(from: number, bytes: number, writable: boolean): void {
    const most = Math.min(bytes, this.#frames.bytes - from);
    if (most > 0) this.system.prefault(this.#frames.address + from, most, writable);
  }

  /** The tensors of `count` frames, the oldest in `slot`, on the shared pages. */
  window(slot: number, count: number, latestFirst: boolean): Window {
    return this.#cache.window(slot, count, latestFirst);
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
