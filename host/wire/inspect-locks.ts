// The state of a slot's locks, seen without taking, making or changing any.

import { runSteps } from '../runtime/steps';
import { type System, SystemError } from '../runtime/system';
import type { SlotFiles } from './inspect-names';
import { slotFiles } from './lock-files';

const COUNTER_BYTES = 8;
const VALUE_MASK = 0x7fffffff;
/** Of what may not be opened, or is no file. */
const UNREADABLE = ['EACCES', 'EPERM', 'ELOOP', 'EINVAL', 'EISDIR', 'ENXIO'];

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

/**
 * A slot's locks, to be looked at again and again. They are read, not mapped: whoever made them may cut them short at any time, which would
 * end a process that has them mapped.
 */
export class LockProbe {
  readonly slot: number;
  readonly #system: System;
  readonly #objects: Readonly<Record<'mutex' | 'write' | 'readTry' | 'counter', string | null>>;
  readonly #bytes = new Uint8Array(8);
  readonly #view = new DataView(this.#bytes.buffer);

  constructor(system: System, pool: string, slot: number, files: SlotFiles) {
    const has = {
      mutex: files.semaphores.has('mutex'),
      write: files.semaphores.has('wrt'),
      readTry: files.semaphores.has('readtry'),
    };
    const objects = { mutex: null, write: null, readTry: null, counter: null } as Record<
      keyof typeof has | 'counter',
      string | null
    >;
    for (const { kind, object } of slotFiles(system, pool, slot))
      if (kind === 'counter' ? files.counter : has[kind]) objects[kind] = object;
    this.slot = slot;
    this.#system = system;
    this.#objects = objects;
  }

  look(): PythonSlotInfo {
    const { mutex, write, readTry, counter } = this.#objects;
    return {
      slot: this.slot,
      mutex: this.#semaphore(mutex),
      write: this.#semaphore(write),
      readTry: this.#semaphore(readTry),
      readers: this.#read(counter, COUNTER_BYTES) ? Number(this.#view.getBigUint64(0, true)) : null,
    };
  }

  /** glibc keeps the value in the low half of the first word; musl marks in its highest bit that somebody waits. */
  #semaphore(object: string | null): number | null {
    return this.#read(object, this.#system.semaphores.bytes) ? this.#view.getUint32(0, true) & VALUE_MASK : null;
  }

  /** The first bytes of a file that has at least so many. */
  #read(object: string | null, bytes: number): boolean {
    if (object === null) return false;
    const fd = allowed(() => this.#system.openObjectToRead(object));
    if (fd === null) return false;
    try {
      const { kind, bytes: found } = this.#system.statDescriptor(fd);
      if (kind !== 'file' || found < bytes) return false;
      return this.#system.readAt(fd, this.#bytes, 0) === this.#bytes.byteLength;
    } finally {
      runSteps([() => this.#system.close(fd)]);
    }
  }
}

/** What may not be opened, or is no such thing, cannot be looked at: null. */
function allowed<V>(open: () => V | null): V | null {
  try {
    return open();
  } catch (error) {
    if (error instanceof SystemError && UNREADABLE.includes(error.errno)) return null;
    throw error;
  }
}
