// A consumer's place in one pool: its entry in the consumer table, its copies and its pins.

import {
  HANDLE_EPOCH,
  HANDLE_PUBLISHED_NS,
  HANDLE_TIMESTAMP_NS,
  HANDLE_WAKE,
  HEADER_POOL_ID,
  LOCK_CONSUMERS,
  LOCK_PRODUCER,
  SLOT_BYTES,
  SLOT_PUBLISHED_NS,
} from '../../assembly/layout';
import { BAD_HEAD, BAD_LENGTH, CLOSED, EMPTY, LAPPED, OK } from '../../assembly/status';
import { type Times, wholeOf } from '../endpoint/times';
import type { Holder, PinGuard } from '../endpoint/view';
import { poolError } from '../memory/core';
import type { Mapping } from '../memory/mapping';
import type { Window } from '../memory/window';
import type { TensorIpcError } from '../runtime/errors';
import { everyStep, runSteps } from '../runtime/steps';
import { platform, type System } from '../runtime/system';
import type { TypedArray } from '../tensor/dtype';
import type { PoolMetadata } from '../tensor/metadata';
import { Copier } from './copier';
import { unlinkDeadDoorbell } from './doorbell';
import { Pins } from './pins';
import { ProducerRinger } from './producer-doorbell';

/** Copies that may lose against the writer before the frames are held for one. */
const FREE_TRIES = 4;

export interface Copied extends Times {
  readonly window: Window;
  readonly sequence: number;
}

/** What was copied, with its times as the halves that the core leaves: most readers never ask for them, and a bigint is an object. */
class CopiedFrame implements Copied {
  readonly #low: number;
  readonly #high: number;
  readonly #publishedLow: number;
  readonly #publishedHigh: number;
  readonly epoch: number;

  /** Right after the copy, while the handle holds the newest frame's times. */
  constructor(
    readonly window: Window,
    readonly sequence: number,
    { arena, handle }: Mapping,
  ) {
    const { i32 } = arena;
    const at = (handle + HANDLE_TIMESTAMP_NS) / 4;
    const published = (handle + HANDLE_PUBLISHED_NS) / 4;
    this.#low = i32[at] as number;
    this.#high = i32[at + 1] as number;
    this.#publishedLow = i32[published] as number;
    this.#publishedHigh = i32[published + 1] as number;
    this.epoch = arena.u32[(handle + HANDLE_EPOCH) / 4] as number;
  }

  get timestampNs(): bigint {
    return wholeOf(this.#low, this.#high);
  }

  get publishedNs(): number {
    return Number(wholeOf(this.#publishedLow, this.#publishedHigh));
  }
}

export class Connection implements Holder {
  readonly mapping: Mapping;
  readonly metadata: PoolMetadata;
  readonly poolId: bigint;
  readonly entryIndex: number;
  readonly #system: System;
  readonly #copier: Copier;
  readonly #producer: ProducerRinger;
  readonly #pins: Pins;
  // Those that no view has: to register one costs more than a view.
  readonly #guards: PinGuard[] = [];
  #closed = false;

  /** @param entry The entry of the table whose lock is held. Closes the mapping's descriptor, and so drops the lock, if that fails. */
  constructor(mapping: Mapping, entry: number, delivery: number, doorbellId: bigint) {
    const system = mapping.system;
    this.mapping = mapping;
    this.metadata = mapping.metadata;
    this.entryIndex = entry;
    this.#system = system;
    this.#copier = new Copier(mapping);
    this.#producer = new ProducerRinger(mapping);
    this.#pins = pinsOf(mapping, entry, this.#producer);
    this.poolId = mapping.arena.i64[(mapping.controlOffset + HEADER_POOL_ID) / 8] as bigint;
    try {
      unlinkDeadDoorbell(mapping, entry);
      mapping.setClock(platform().monotonicNs());
      mapping.core.consumerRegister(mapping.handle, entry, system.pid, delivery, doorbellId);
      this.wakeProducer(mapping.arena.u32[(mapping.handle + HANDLE_WAKE) / 4] as number);
    } catch (error) {
      // The lock first: pages that cannot be unmapped keep it beyond the descriptor.
      runSteps([() => system.unlock(mapping.fd, LOCK_CONSUMERS + entry), () => mapping.close()]);
      throw error;
    }
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Whether the producer still lives. One system call. */
  producerAlive(): boolean {
    return this.#system.isLocked(this.mapping.fd, LOCK_PRODUCER);
  }

  /** Sequence number of the newest frame, or EMPTY or CLOSED. */
  latest(): number {
    const sequence = this.mapping.core.readerLatest(this.mapping.handle);
    if (sequence === BAD_HEAD) throw this.#damaged(BAD_HEAD);
    return sequence;
  }

  /** The same of an open or a closed pool: EMPTY, or the last frame of all. Below EMPTY where the head is damaged. */
  newest(): number {
    return this.mapping.core.readerNewest(this.mapping.handle);
  }

  /** When a frame was published, ns. Of one that is gone: when a later one was. */
  publishedNs(sequence: number): number {
    const { arena, slotsOffset, geometry } = this.mapping;
    const slot = slotsOffset + (sequence % geometry.slotCapacity) * SLOT_BYTES;
    return Number(arena.i64[(slot + SLOT_PUBLISHED_NS) / 8]);
  }

  /** A consistent copy of the newest `count` frames, of an open or a closed pool, into `into` or into memory of its own. */
  copy(count: number, latestFirst: boolean, into: TypedArray | null): Copied | typeof EMPTY {
    const { core, handle } = this.mapping;
    let target: Window | null = null;
    for (let tries = 0; tries < FREE_TRIES; tries++) {
      const sequence = this.newest();
      if (sequence === EMPTY) return EMPTY;
      if (sequence < 0) throw this.#damaged(sequence);
      const slot = core.readerCopyBegin(handle, sequence, count);
      if (slot < 0) continue;
      const window = this.#copier.copy(slot, count, latestFirst, into, target);
      if (core.readerCopyEnd(handle, sequence, count) === OK) {
        if (window === null) throw this.#damaged(BAD_LENGTH);
        return new CopiedFrame(window, sequence, this.mapping);
      }
      target = window;
    }
    // The writer is faster than the copy. Hold the frames for this once: it waits, and the copy ends.
    let sequence = core.readerHold(handle, count);
    this.wakeProducer(this.mapping.arena.u32[(handle + HANDLE_WAKE) / 4] as number);
    try {
      // Closed since: nobody writes any more.
      if (sequence === CLOSED) sequence = this.keepLast(count);
      if (sequence === EMPTY) return EMPTY;
      if (sequence < 0) throw this.#damaged(sequence);
      const { slotCapacity } = this.mapping.geometry;
      const window = this.copyHeld((sequence - count + 1 + slotCapacity) % slotCapacity, count, latestFirst, into, target);
      return new CopiedFrame(window, sequence, this.mapping);
    } finally {
      this.wakeProducer(core.readerUnhold(handle));
    }
  }

  #damaged(status: number): TensorIpcError {
    return poolError(this.mapping.metadata.name, status);
  }

  /** What was copied of frames that are held, whose times the core has left in the handle. */
  copied(window: Window, sequence: number): Copied {
    return new CopiedFrame(window, sequence, this.mapping);
  }

  /** Takes a result's memory back for the next copy. */
  recycle(data: TypedArray): void {
    this.#copier.recycle(data);
  }

  /** Copies frames that are held: nobody writes to them meanwhile. */
  copyHeld(slot: number, count: number, latestFirst: boolean, into: TypedArray | null, target: Window | null = null): Window {
    const window = this.#copier.copy(slot, count, latestFirst, into, target);
    if (window === null) throw this.#damaged(BAD_LENGTH);
    return window;
  }

  /** The tensors of frames that are held, on the shared pages. */
  view(slot: number, count: number, latestFirst: boolean): Window {
    const window = this.#copier.view(slot, count, latestFirst);
    if (window === null) throw this.#damaged(BAD_LENGTH);
    return window;
  }

  /** Pins the newest `count` frames: the sequence number of the newest, or EMPTY or CLOSED. Then takePin. */
  pin(count: number): number {
    const { core, handle, arena } = this.mapping;
    const sequence = core.readerPin(handle, count);
    this.wakeProducer(arena.u32[(handle + HANDLE_WAKE) / 4] as number);
    if (sequence < 0 && sequence !== EMPTY && sequence !== CLOSED) throw this.#damaged(sequence);
    return sequence;
  }

  /**
   * What pin is for an open pool, of a closed one: nobody writes to it any more, so its frames need no pin. Leaves the newest frame's times
   * in the handle. Then takePin.
   */
  keepLast(count: number): number {
    const { core, handle } = this.mapping;
    const sequence = this.newest();
    if (sequence === EMPTY) return EMPTY;
    if (sequence < 0) throw this.#damaged(sequence);
    if (core.readerCopyEnd(handle, sequence, count) !== OK) throw this.#damaged(LAPPED);
    return sequence;
  }

  /** The guard of the pin just made, whose window starts at `oldest`. */
  takePin(oldest: number): PinGuard {
    const guard = this.#guards.pop() ?? this.#pins.guard();
    this.#pins.add(guard, oldest);
    return guard;
  }

  /** Undoes a pin that no view came of. */
  dropPin(): void {
    this.#pins.drop();
  }

  /** The periodic look: while nothing is pinned, puts need not look at this entry. */
  rest(): void {
    this.mapping.core.readerRest(this.mapping.handle);
  }

  /** Whether the window that starts at `oldest` is as it was pinned. */
  intact(oldest: number): boolean {
    return this.mapping.core.readerIntact(this.mapping.handle, oldest) !== 0;
  }

  releasePin(guard: PinGuard): void {
    this.#pins.remove(guard.index);
    this.#guards.push(guard);
  }

  /** Ends the sleep of a producer that waits for a pin, if it does. */
  wakeProducer(waiting: number): void {
    if (waiting !== 0) this.#producer.wake(waiting);
  }

  /** Leaves the pool. Views that are still out keep the pages, and the pin, until they are released. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#copier.close();
    this.#pins.close();
  }
}

/** The pins of an entry, and how it is left: by steps that do not reach the connection, for its guards must be forgotten with it. */
function pinsOf(mapping: Mapping, entry: number, producer: ProducerRinger): Pins {
  const { system, core, handle, fd } = mapping;
  const wake = (waiting: number) => {
    if (waiting !== 0) producer.wake(waiting);
  };
  const leave = () =>
    everyStep([
      () => wake(core.consumerUnregister(handle)),
      () => producer.close(),
      () => system.unlock(fd, LOCK_CONSUMERS + entry),
    ]);
  return new Pins(mapping, wake, leave, () => mapping.close());
}
