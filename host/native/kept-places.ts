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

interface KeptPlace {
  readonly entry: number;
  readonly oldEntry: number;
  readonly doorbellId: bigint;
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
  readonly #oldFd: number;
  readonly #fd: number;
  #places: KeptPlace[] = [];

  /** Null when there is nobody to keep a place for. */
  static keep(from: Mapping, to: Mapping): KeptPlaces | null {
    const places = new KeptPlaces(from, to);
    try {
      places.#keepAll(from);
    } catch (error) {
      runSteps([() => places.close()]);
      throw error;
    }
    if (places.#places.length > 0) return places;
    places.close();
    return null;
  }

  private constructor(from: Mapping, to: Mapping) {
    this.#system = to.system;
    this.#mapping = to;
    // Locks belong to open file descriptions: those of the producer's own would be in nobody's way.
    this.#oldFd = reopen(from);
    try {
      this.#fd = reopen(to);
    } catch (error) {
      runSteps([() => this.#system.close(this.#oldFd)]);
      throw error;
    }
  }

  #keepAll(from: Mapping): void {
    const { core, handle, metadata } = this.#mapping;
    for (let index = 0; index < from.geometry.consumerCapacity; index++) {
      const at = entryOf(from, index);
      const follows =
        from.arena.u32[(at + CONSUMER_STATE) / 4] === CONSUMER_ACTIVE &&
        from.arena.u32[(at + CONSUMER_DELIVERY) / 4] === DELIVERY_ALL &&
        this.#system.isLocked(this.#oldFd, LOCK_CONSUMERS + index);
      if (!follows) continue;
      const entry = this.#freeEntry();
      // A table with no place left keeps none: its readers may miss frames, which is better than no pool.
      if (entry === null) return;
      core.consumerRegister(handle, entry, from.arena.u32[(at + CONSUMER_PID) / 4] as number, DELIVERY_ALL, 0n);
      const joined = core.reliableJoin(handle, Infinity);
      if (joined < 0) throw poolError(metadata.name, joined);
      // One frame more than its reader wants: what the producer is about to write over cannot be joined at any more. (What is older the
      // reader takes from the old object.) Nobody looks at the pins before the pool is open.
      const pin = (entryOf(this.#mapping, entry) + CONSUMER_HOLD_PIN) / 8;
      this.#mapping.arena.i64[pin] = (this.#mapping.arena.i64[pin] as bigint) - 1n;
      const doorbellId = from.arena.i64[(at + CONSUMER_DOORBELL_ID) / 8] as bigint;
      this.#places.push({ entry, oldEntry: index, doorbellId, leftMs: 0 });
    }
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
    for (let index = 0; index < geometry.consumerCapacity; index++) {
      const at = entryOf(this.#mapping, index);
      if (index === place.entry || arena.i64[(at + CONSUMER_DOORBELL_ID) / 8] !== place.doorbellId) continue;
      if (arena.i64[(at + CONSUMER_HOLD_PIN) / 8] !== NO_PIN) return true;
    }
    if (this.#system.isLocked(this.#oldFd, LOCK_CONSUMERS + place.oldEntry)) return false;
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
      () => this.#system.close(this.#fd),
      () => this.#system.close(this.#oldFd),
    ]);
  }
}

function reopen(mapping: Mapping): number {
  const fd = mapping.system.reopen(mapping.fd);
  if (fd === null) throw new TensorIpcError('SYSTEM', `pool '${mapping.metadata.name}': its object cannot be opened once more`);
  return fd;
}

function entryOf(mapping: Mapping, index: number): number {
  return mapping.controlOffset + HEADER_BYTES + index * CONSUMER_BYTES;
}
