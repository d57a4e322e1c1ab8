// Places for lossless readers in the object that replaces theirs, until they have come over.

import {
  CONSUMER_ACTIVE,
  CONSUMER_BYTES,
  CONSUMER_DELIVERY,
  CONSUMER_DOORBELL_ID,
  CONSUMER_HOLD_PIN,
  CONSUMER_PID,
  CONSUMER_STATE,
  DELIVERY_ALL,
  HEADER_BYTES,
  LOCK_CONSUMERS,
} from '../../assembly/layout';
import { poolError } from '../memory/core';
import type { Mapping } from '../memory/mapping';
import { steadyMs } from '../runtime/clock';
import { TensorIpcError } from '../runtime/errors';
import { everyStep, runSteps } from '../runtime/steps';
import type { System } from '../runtime/system';

/** How long a reader that has left the old object may take to come to the new one. */
const MOVE_MS = 2000;

const NO_PIN = -1n;

/** The reader for which a place is kept, in the object that it is still attached to. */
interface Absent {
  readonly fd: number;
  readonly entry: number;
  readonly doorbellId: bigint;
}

interface KeptPlace {
  readonly entry: number;
  readonly reader: Absent;
  /** When it was first seen that its reader has left the old object, or 0. */
  leftMs: number;
}

/**
 * Places in the table of a new object for the lossless readers of the one that it replaces. Each holds every frame from the new object's
 * first until its reader has come over and holds them itself. A lock of this process's own stands for the reader's.
 */
export class KeptPlaces {
  readonly #system: System;
  readonly #mapping: Mapping;
  // Open file descriptions of this one's own, to which its locks belong and by which it asks for those of readers: the producer's own locks
  // would be in nobody's way.
  readonly #fds: number[] = [];
  #places: KeptPlace[] = [];

  /**
   * Null when there is nobody to keep a place for.
   *
   * @param before Places that are kept in `from`, for readers that are in an object before that one.
   */
  static keep(from: Mapping, to: Mapping, before: KeptPlaces | null): KeptPlaces | null {
    const places = new KeptPlaces(to);
    try {
      places.#keepAll(from, before);
    } catch (error) {
      runSteps([() => places.close()]);
      throw error;
    }
    if (places.#places.length > 0) return places;
    places.close();
    return null;
  }

  private constructor(to: Mapping) {
    this.#system = to.system;
    this.#mapping = to;
  }

  /** The same object by another descriptor. */
  #reopen(fd: number): number {
    const again = this.#system.reopen(fd);
    if (again === null) {
      throw new TensorIpcError('SYSTEM', `pool '${this.#mapping.metadata.name}': its object cannot be opened once more`);
    }
    this.#fds.push(again);
    return again;
  }

  get #fd(): number {
    return this.#fds[0] as number;
  }

  #keepAll(from: Mapping, before: KeptPlaces | null): void {
    this.#reopen(this.#mapping.fd);
    const own = new Set<number>();
    const reopened = new Map<number, number>();
    // Readers that have not come to `from` come here from where they are: they have still to take all that is kept for them there.
    for (const place of before?.places ?? []) {
      own.add(place.entry);
      const { fd: old, entry, doorbellId } = place.reader;
      const fd = reopened.get(old) ?? this.#reopen(old);
      reopened.set(old, fd);
      const pin = from.arena.i64[(entryOf(from, place.entry) + CONSUMER_HOLD_PIN) / 8] as bigint;
      if (!this.#keep(from, place.entry, { fd, entry, doorbellId }, pin)) return;
    }
    const fd = this.#reopen(from.fd);
    for (let index = 0; index < from.geometry.consumerCapacity; index++) {
      const at = entryOf(from, index);
      const follows =
        !own.has(index) &&
        from.arena.u32[(at + CONSUMER_STATE) / 4] === CONSUMER_ACTIVE &&
        from.arena.u32[(at + CONSUMER_DELIVERY) / 4] === DELIVERY_ALL &&
        this.#system.isLocked(fd, LOCK_CONSUMERS + index);
      if (!follows) continue;
      const doorbellId = from.arena.i64[(at + CONSUMER_DOORBELL_ID) / 8] as bigint;
      if (!this.#keep(from, index, { fd, entry: index, doorbellId }, null)) return;
    }
  }

  /** Those whose readers have not come. */
  get places(): readonly KeptPlace[] {
    this.release();
    return this.#places;
  }

  /**
   * Takes a place that holds every frame from `pin` on, or from the next. False when the table has none left: its reader may miss frames then,
   * which is better than no pool.
   */
  #keep(from: Mapping, index: number, reader: Absent, pin: bigint | null): boolean {
    const { core, handle, metadata, arena } = this.#mapping;
    const entry = this.#freeEntry();
    if (entry === null) return false;
    core.consumerRegister(handle, entry, from.arena.u32[(entryOf(from, index) + CONSUMER_PID) / 4] as number, DELIVERY_ALL, 0n);
    this.#places.push({ entry, reader, leftMs: 0 });
    const joined = core.reliableJoin(handle, Infinity);
    if (joined < 0) throw poolError(metadata.name, joined);
    // One frame more than its reader wants: what the producer is about to write over cannot be joined at any more. (What is older the
    // reader takes from the old object.) Nobody looks at the pins before the pool is open.
    const at = (entryOf(this.#mapping, entry) + CONSUMER_HOLD_PIN) / 8;
    arena.i64[at] = pin ?? (arena.i64[at] as bigint) - 1n;
    return true;
  }

  #freeEntry(): number | null {
    const { consumerCapacity } = this.#mapping.geometry;
    // Behind those that are kept already: their locks are this description's own, which it could take again.
    for (let entry = (this.#places.at(-1)?.entry ?? -1) + 1; entry < consumerCapacity; entry++) {
      if (this.#system.tryLock(this.#fd, LOCK_CONSUMERS + entry)) return entry;
    }
    return null;
  }

  /** Lets go of the places whose readers have come, or will not. False once there are none left. */
  release(): boolean {
    const now = steadyMs();
    this.#places = this.#places.filter((place) => {
      if (!this.#isOver(place, now)) return true;
      this.#free(place);
      return false;
    });
    return this.#places.length > 0;
  }

  #isOver(place: KeptPlace, now: number): boolean {
    const { arena, geometry } = this.#mapping;
    const { fd, entry, doorbellId } = place.reader;
    for (let index = 0; index < geometry.consumerCapacity; index++) {
      const at = entryOf(this.#mapping, index);
      if (doorbellId === 0n || index === place.entry || arena.i64[(at + CONSUMER_DOORBELL_ID) / 8] !== doorbellId) continue;
      if (arena.i64[(at + CONSUMER_HOLD_PIN) / 8] !== NO_PIN) return true;
    }
    if (this.#system.isLocked(fd, LOCK_CONSUMERS + entry)) return false;
    if (place.leftMs === 0) place.leftMs = now;
    return now - place.leftMs >= MOVE_MS;
  }

  #free({ entry }: KeptPlace): void {
    this.#mapping.core.consumerReap(this.#mapping.handle, entry);
    this.#system.unlock(this.#fd, LOCK_CONSUMERS + entry);
  }

  close(): void {
    const places = this.#places;
    this.#places = [];
    everyStep([
      ...places.map((place) => () => this.#free(place)),
      // Behind the locks, which are the first one's.
      ...this.#fds.map((fd) => () => this.#system.close(fd)),
      () => void this.#fds.splice(0),
    ]);
  }
}

function entryOf(mapping: Mapping, index: number): number {
  return mapping.controlOffset + HEADER_BYTES + index * CONSUMER_BYTES;
}
