// Attaching to the pool of a name: what is found is checked, a place in its table is taken, and only then are its pages mapped.

import { HEADER_PRODUCER_STATE, LOCK_CONSUMERS, LOCK_PRODUCER, PRODUCER_CLOSED } from '../../assembly/layout';
import type { Trust } from '../endpoint/options';
import { Mapping } from '../memory/mapping';
import { TensorIpcError } from '../runtime/errors';
import { runSteps } from '../runtime/steps';
import type { System } from '../runtime/system';
import type { PoolDescription } from '../tensor/description';
import { readSnapshot } from './pool';
import { checkFile, checkReaders, objectName } from './trust';

export interface AttachOptions {
  readonly name: string;
  readonly trust: Trust;
  /** Map the frames read-only. */
  readonly protect: boolean;
  /** Throws when the pool is not what is expected. */
  check(description: PoolDescription): void;
}

/** A mapped pool, and the entry of its consumer table whose lock is held. */
export interface Place {
  readonly mapping: Mapping;
  readonly entry: number;
}

export class Attacher {
  readonly #system: System;
  readonly #options: AttachOptions;
  // The object that was found to be a pool without a live producer: until it changes only its lock is asked.
  #dead = '';

  constructor(system: System, options: AttachOptions) {
    this.#system = system;
    this.#options = options;
  }

  /**
   * Attaches to a pool with a live producer. Null when there is none yet: no object, one under construction, or one whose producer
   * is dead or has closed it.
   */
  attach(): Place | null {
    const fd = this.#system.openObject(objectName(this.#options.name));
    if (fd === null) return null;
    let place: Place | null = null;
    try {
      place = this.#enter(fd);
      return place;
    } finally {
      if (place === null) runSteps([() => this.#system.close(fd)]);
    }
  }

  #enter(fd: number): Place | null {
    const system = this.#system;
    const { name, trust, protect, check } = this.#options;
    const status = system.statDescriptor(fd);
    checkFile(name, objectName(name), status, system, trust);
    checkReaders(name, objectName(name), status, trust);
    const seen = `${status.identity} ${status.changedMs}`;
    if (seen === this.#dead && !system.isLocked(fd, LOCK_PRODUCER)) return null;
    const snapshot = readSnapshot(system, name, fd);
    if (snapshot === null) return null;
    const closed = snapshot.header.getUint32(HEADER_PRODUCER_STATE, true) === PRODUCER_CLOSED;
    if (!system.isLocked(fd, LOCK_PRODUCER)) {
      this.#dead = seen;
      return null;
    }
    if (closed) return null;
    check(snapshot.description);
    if (!snapshot.mappable) {
      throw new TensorIpcError(
        'UNSUPPORTED_PLATFORM',
        `pool '${name}' was made with pages of ${snapshot.pageBytes} bytes and cannot be mapped with pages of ${system.pageBytes} bytes: ` +
          'run both sides on kernels, or emulators, of one page size',
      );
    }
    // Before the pages are mapped: that takes long for large pools, and is for nothing where there is no place.
    const entry = takeEntry(system, name, fd, snapshot.geometry.consumerCapacity);
    try {
      const mapping = Mapping.map(system, fd, snapshot.template, snapshot.description, snapshot.geometry, !protect);
      return { mapping, entry };
    } catch (error) {
      // Pages that could not be unmapped keep a lock beyond the descriptor.
      runSteps([() => system.unlock(fd, LOCK_CONSUMERS + entry)]);
      throw error;
    }
  }
}

/** Takes a free entry of the consumer table: the lock is the allocation, and whoever has it owns the entry. */
export function takeEntry(system: System, name: string, fd: number, capacity: number): number {
  for (let index = 0; index < capacity; index++) if (system.tryLock(fd, LOCK_CONSUMERS + index)) return index;
  throw new TensorIpcError(
    'TOO_MANY_CONSUMERS',
    `pool '${name}' has ${capacity} consumers already: close some, or let several readers of a process share one consumer`,
  );
}
