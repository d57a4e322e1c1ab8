// The state of a slot's locks, seen without taking, making or changing any.

import type { Address, System } from '../runtime/system';
import { SystemError } from '../runtime/system';
import { slotNames } from './form';
import type { SlotFiles } from './inspect-names';

/** Size of glibc's semaphores: what is smaller is none, and reading beyond its end would end this process. */
const SEMAPHORE_BYTES = 32;
const COUNTER_BYTES = 8;

/** The locks of one slot of a Python pool. Null is what has not been made yet, or may not be looked at. */
export interface PythonSlotInfo {
  readonly slot: number;
  /** Values of the semaphores: 1 is free, 0 is taken. */
  readonly mutex: number | null;
  readonly write: number | null;
  readonly readTry: number | null;
  /** Readers that have counted themselves in. */
  readonly readers: number | null;
}

/** Whether nobody is inside. */
export function isFree({ mutex, write, readTry, readers }: PythonSlotInfo): boolean {
  return [mutex, write, readTry].every((value) => value === null || value === 1) && (readers === null || readers === 0);
}

/** A slot's locks, opened to be looked at again and again. */
export class LockProbe {
  readonly slot: number;
  readonly #system: System;
  readonly #semaphores: readonly (Address | null)[];
  readonly #counter: number | null;
  readonly #counterBytes = new Uint8Array(COUNTER_BYTES);

  constructor(system: System, pool: string, slot: number, files: SlotFiles) {
    const names = slotNames(pool, slot);
    this.slot = slot;
    this.#system = system;
    this.#semaphores = (
      [
        [names.mutex, 'mutex'],
        [names.write, 'wrt'],
        [names.readTry, 'readtry'],
      ] as const
    ).map(([name, kind]) => (files.semaphores.has(kind) ? openSemaphore(system, name) : null));
    this.#counter = files.counter ? allowed(() => system.openObjectToRead(names.counter)) : null;
  }

  /** Addresses of the semaphores that there are. */
  get mutex(): Address | null {
    return this.#semaphores[0] ?? null;
  }

  get write(): Address | null {
    return this.#semaphores[1] ?? null;
  }

  get readTry(): Address | null {
    return this.#semaphores[2] ?? null;
  }

  look(): PythonSlotInfo {
    const value = (semaphore: Address | null) => (semaphore === null ? null : this.#system.semaphores.value(semaphore));
    return {
      slot: this.slot,
      mutex: value(this.mutex),
      write: value(this.write),
      readTry: value(this.readTry),
      readers: this.#readers(),
    };
  }

  #readers(): number | null {
    if (this.#counter === null) return null;
    if (this.#system.readAt(this.#counter, this.#counterBytes, 0) !== COUNTER_BYTES) return null;
    return Number(new DataView(this.#counterBytes.buffer).getBigUint64(0, true));
  }

  close(): void {
    for (const semaphore of this.#semaphores) if (semaphore !== null) this.#system.semaphores.close(semaphore);
    if (this.#counter !== null) this.#system.close(this.#counter);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function openSemaphore(system: System, name: string): Address | null {
  const status = system.statObject(`/sem.${name.slice(1)}`);
  if (status === null || status.kind !== 'file' || status.bytes < SEMAPHORE_BYTES) return null;
  return allowed(() => system.semaphores.openExisting(name));
}

/** What may not be opened, or is no such thing, cannot be looked at: null. */
function allowed<V>(open: () => V | null): V | null {
  try {
    return open();
  } catch (error) {
    if (error instanceof SystemError && ['EACCES', 'EPERM', 'ELOOP', 'EINVAL'].includes(error.errno)) return null;
    throw error;
  }
}
