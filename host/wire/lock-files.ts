// The files of a slot's locks. Each is held to the pool's trust and to its size before it is mapped, and to its size once more afterwards:
// touching a page beyond the end of a file ends the process.

import type { Trust } from '../endpoint/options';
import { reserveInArena, type Space } from '../memory/arena';
import { checkFile } from '../native/trust';
import { TensorIpcError } from '../runtime/errors';
import { runSteps } from '../runtime/steps';
import { type Address, type System, SystemError } from '../runtime/system';
import { draftName, slotNames } from './form';

/** The package's locks are its user's alone. */
const MODE = 0o600;
export const COUNTER_BYTES = 8;
/** Milliseconds of patience with a counter that is just being made. */
const COUNTER_TRIES = 100;

/** The four files of a slot, in the order in which the package makes them. */
const KINDS = ['mutex', 'write', 'readTry', 'counter'] as const;
type Kind = (typeof KINDS)[number];

interface LockFile {
  readonly kind: Kind;
  /** Its name, with the slash of POSIX shared memory. */
  readonly object: string;
  readonly bytes: number;
}

/** The files of one slot's locks, whether they exist or not. */
export function slotFiles(system: System, pool: string, slot: number): readonly LockFile[] {
  const names = slotNames(pool, slot);
  const { bytes, fileOf } = semaphoreFiles(system);
  return KINDS.map((kind) =>
    kind === 'counter' ? { kind, object: names.counter, bytes: COUNTER_BYTES } : { kind, object: fileOf(names[kind]), bytes },
  );
}

function semaphoreFiles({ semaphores }: System) {
  return { bytes: semaphores.bytes, fileOf: (name: string) => semaphores.fileOf(name) };
}

/** Whether any lock of a slot stands under its name. */
export function slotIsNamed(system: System, pool: string, slot: number): boolean {
  return slotFiles(system, pool, slot).some(({ object }) => system.statObject(object) !== null);
}

/** Opens one that exists, and checks it; null if there is none. */
function openChecked(system: System, pool: string, file: LockFile, trust: Trust): number | null {
  const { object } = file;
  let fd: number | null;
  try {
    fd = system.openObject(object);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return explain(system, pool, object, trust, error);
  }
  if (fd === null) return null;
  try {
    checkFile(pool, object, system.statDescriptor(fd), system, trust);
    if (file.kind === 'counter') complete(system, fd, file.bytes);
    checkSize(system, pool, fd, file);
    return fd;
  } catch (error) {
    runSteps([() => system.close(fd)]);
    throw error;
  }
}

/** What cannot be opened is mostly what must not be: then that is the error. Null when it is gone by now. */
function explain(system: System, pool: string, object: string, trust: Trust, error: SystemError): null {
  const status = system.statObject(object);
  if (status === null) return null;
  checkFile(pool, object, status, system, trust);
  if (error.errno !== 'EACCES' && error.errno !== 'EPERM') throw error;
  throw new TensorIpcError(
    'PERMISSION_DENIED',
    `pool '${pool}': its lock /dev/shm${object} belongs to uid ${status.uid} and is not readable and writable for uid ${system.uid}; ` +
      'run all processes of the pool as one user',
    { cause: error, syscall: error.syscall, errno: error.errno },
  );
}

/** The package makes a counter first and gives it its size then. A maker that died in between is helped out. */
function complete(system: System, fd: number, bytes: number): void {
  const word = new Int32Array(1);
  const status = () => system.statDescriptor(fd);
  for (let patience = 0; patience < COUNTER_TRIES && status().bytes === 0; patience++)
    system.futexWait(system.addressOf(word), 0, 1); // nobody wakes it: a millisecond's sleep
  const { bytes: found, uid } = status();
  if (found === 0 && uid === system.uid) system.grow(fd, bytes);
}

function checkSize(system: System, pool: string, fd: number, { object, bytes }: LockFile): void {
  const { bytes: found, allocatedBytes } = system.statDescriptor(fd);
  if (found < bytes) {
    throw new TensorIpcError(
      'TRUNCATED_OBJECT',
      `pool '${pool}': its lock /dev/shm${object} has ${found} bytes, expected ${bytes}: stop the pool's processes and remove it`,
    );
  }
  // A counter of the package has no page until somebody touches it.
  if (allocatedBytes === 0 && system.sharedMemorySpace().freeBytes < system.pageBytes)
    throw new TensorIpcError('SHM_FULL', `pool '${pool}': /dev/shm has no room for the counters of its locks`);
}

/** Makes one under another name and links it: others map what they find. False when the name is taken by now. */
function make(system: System, file: LockFile, at: Address): boolean {
  const draft = draftName(system.randomU64());
  const { fd } = system.openOrCreateObject(draft, MODE);
  try {
    system.allocate(fd, file.bytes);
    system.mapFixed(at, system.pageBytes, fd, 0, true);
    if (file.kind !== 'counter') system.semaphores.init(at, 1);
    return system.linkObject(draft, file.object);
  } finally {
    runSteps([() => system.unlinkObject(draft), () => system.close(fd)]);
  }
}

/** The locks of one slot, mapped: a page for each file. */
export class SlotMapping {
  readonly mutex: Address;
  readonly write: Address;
  readonly readTry: Address;
  readonly counter: BigUint64Array;
  readonly #release: () => void;

  private constructor({ address, buffer, byteOffset }: Space, pageBytes: number, release: () => void) {
    this.mutex = address;
    this.write = address + pageBytes;
    this.readTry = address + 2 * pageBytes;
    this.counter = new BigUint64Array(buffer, byteOffset + 3 * pageBytes, 1);
    this.#release = release;
  }

  /**
   * Maps what is there. What is not is made where `create`; otherwise a slot that lacks a lock has none, and this is null. What is there is
   * not reset: others may hold it.
   *
   * @throws TensorIpcError FOREIGN_OBJECT, UNSAFE_MODE, TRUNCATED_OBJECT, PERMISSION_DENIED, ADDRESS_SPACE, SHM_FULL
   */
  static open(system: System, pool: string, slot: number, trust: Trust, create: boolean): SlotMapping | null {
    const files = slotFiles(system, pool, slot);
    const { pageBytes } = system;
    const place = reserveInArena(system, files.length * pageBytes);
    if (place === null) throw new TensorIpcError('ADDRESS_SPACE', `pool '${pool}': no room for the locks of its slots`);
    const { space, arena } = place;
    const release = () => arena.vacate(space);
    const made: string[] = [];
    let whole = false;
    try {
      for (const [index, file] of files.entries()) {
        const at = space.address + index * pageBytes;
        for (let mapped = false; !mapped; ) {
          mapped = mapExisting(system, pool, file, trust, at);
          if (mapped) break;
          if (!create) return null;
          mapped = make(system, file, at);
          if (mapped) made.push(file.object);
        }
      }
      whole = true;
      return new SlotMapping(space, pageBytes, release);
    } finally {
      if (!whole) runSteps([release, ...made.map((object) => () => system.unlinkObject(object))]);
    }
  }

  close(): void {
    this.#release();
  }
}

/** Which lock of which pool. */
export interface Locked {
  readonly system: System;
  readonly pool: string;
  readonly slot: number;
  readonly trust: Trust;
}

/** Runs `use` with one lock mapped. Does nothing where there is none. */
export function withLock({ system, pool, slot, trust }: Locked, kind: Kind, use: (space: Space) => void): void {
  const place = reserveInArena(system, system.pageBytes);
  if (place === null) throw new TensorIpcError('ADDRESS_SPACE', `pool '${pool}': no room for the locks of its slots`);
  const { space, arena } = place;
  try {
    for (const file of slotFiles(system, pool, slot))
      if (file.kind === kind && mapExisting(system, pool, file, trust, space.address)) use(space);
  } finally {
    runSteps([() => arena.vacate(space)]);
  }
}

function mapExisting(system: System, pool: string, file: LockFile, trust: Trust, at: Address): boolean {
  const fd = openChecked(system, pool, file, trust);
  if (fd === null) return false;
  try {
    system.mapFixed(at, system.pageBytes, fd, 0, true);
    checkSize(system, pool, fd, file);
    return true;
  } finally {
    runSteps([() => system.close(fd)]);
  }
}

/** Removes the names of a pool's locks: all that can be removed, whatever becomes of one. Those who have them open keep them. */
export function unlinkLocks(system: System, pool: string, slotCount: number): void {
  let failure: { readonly error: unknown } | null = null;
  for (let slot = 0; slot < slotCount; slot++) {
    for (const { object } of slotFiles(system, pool, slot)) {
      try {
        unlinkLock(system, pool, object);
      } catch (error) {
        failure ??= { error };
      }
    }
  }
  if (failure !== null) throw failure.error;
}

function unlinkLock(system: System, pool: string, object: string): void {
  try {
    system.unlinkObject(object);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    refuse(system, pool, object, error);
  }
}

/** Another user's file in the way, or a directory. */
function refuse(system: System, pool: string, object: string, error: SystemError): never {
  const status = system.statObject(object);
  if (status !== null) checkFile(pool, object, status, system, 'owner');
  throw error;
}
