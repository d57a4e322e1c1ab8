// Looking at Python pools without taking part. Their objects have no header: what can be seen from outside is who has them mapped and
// how their locks are. What they hold is told over DDS only (inspect-listen.ts).

import { LOCK_PRODUCER } from '../../assembly/layout';
import { translate } from '../native/pool';
import { runSteps } from '../runtime/steps';
import { type MappedObjects, platform, type System, SystemError } from '../runtime/system';
import { checkName } from '../tensor/metadata';
import { wireObject } from './form';
import { LockProbe, type PythonSlotInfo } from './inspect-locks';
import { groupFiles, lockFiles, type PoolFiles, type SlotFiles } from './inspect-names';

export type { PythonSlotInfo } from './inspect-locks';

/**
 * How a Python pool is. 'live': a process has its object mapped, or a producer of this library holds its lock; 'dead': nobody has, of
 * the processes that this one may look into; 'leftover': only locks are left, which the package's producers do not remove.
 */
export type PythonPoolState = 'live' | 'dead' | 'leftover';

/** What there is of a Python pool on this machine. */
export interface PythonPoolInfo {
  readonly name: string;
  readonly state: PythonPoolState;
  /** Of the object, history × frame; null where there is none. */
  readonly objectBytes: number | null;
  /** Owner and permission bits of the object, or of the first lock where there is none. */
  readonly uid: number;
  readonly mode: number;
  /** When the object was made, at the latest: CLOCK_REALTIME, ms. */
  readonly changedMs: number;
  /** Processes that have the object mapped, this one included: those of this user, in this namespace of pids. */
  readonly processes: readonly number[];
  /** Whether a producer of this library has it: the package's cannot be told from its consumers. */
  readonly producerHoldsLock: boolean;
  /** The locks that have been made so far. */
  readonly slots: readonly PythonSlotInfo[];
  /** Names in /dev/shm of the locks. */
  readonly lockFiles: readonly string[];
}

/** @internal The files of every Python pool. */
export function pythonPoolFiles(system: System, mapped: MappedObjects): PoolFiles[] {
  // What is no regular file is nothing of the package's: anybody can plant a FIFO, and every listing would fail on it.
  const files = system
    .listSharedMemory()
    .filter((file) => file.includes('tensoripc_') && system.statObject(`/${file}`)?.kind === 'file');
  return groupFiles(files, {
    bytes: (file) => system.statObject(`/${file}`)?.bytes ?? -1,
    mapped: (file) => mapped.has(`/${file}`),
  });
}

/** Every Python pool on this machine, and what dead ones left; sorted by name. Nothing is written, no lock is taken or made. */
export function listPythonPools(): PythonPoolInfo[] {
  const system = platform().system();
  const mapped = system.mappedObjects();
  return pythonPoolFiles(system, mapped).flatMap((files) => look(system, files, mapped) ?? []);
}

/**
 * What there is under a Python pool's name; null if there is nothing.
 *
 * @throws TensorIpcError INVALID_NAME, UNSUPPORTED_PLATFORM, MISSING_DEPENDENCY, SYSTEM
 */
export function inspectPythonPool(name: string): PythonPoolInfo | null {
  checkName(name);
  const system = platform().system();
  const mapped = system.mappedObjects();
  const files = pythonPoolFiles(system, mapped).find(({ pool }) => pool === name);
  return files === undefined ? null : look(system, files, mapped);
}

/** @internal Null when it has gone meanwhile. */
export function look(system: System, files: PoolFiles, mapped: MappedObjects): PythonPoolInfo | null {
  const { pool } = files;
  const locks = lockFiles(files);
  try {
    const object = files.object ? system.statObject(wireObject(pool)) : null;
    const status = object ?? (locks[0] === undefined ? null : system.statObject(`/${locks[0]}`));
    if (status === null) return null;
    const processes = object === null ? [] : (mapped.get(wireObject(pool)) ?? []);
    const producerHoldsLock = object !== null && producerLocks(system, pool);
    return {
      name: pool,
      state: object === null ? 'leftover' : processes.length > 0 || producerHoldsLock ? 'live' : 'dead',
      objectBytes: object === null ? null : object.bytes,
      uid: status.uid,
      mode: status.mode,
      changedMs: status.changedMs,
      processes,
      producerHoldsLock,
      slots: [...files.slots].sort(([a], [b]) => a - b).map(([slot, those]) => lookAtSlot(system, pool, slot, those)),
      lockFiles: locks,
    };
  } catch (error) {
    throw translate(pool, error);
  }
}

function lookAtSlot(system: System, pool: string, slot: number, files: SlotFiles): PythonSlotInfo {
  return new LockProbe(system, pool, slot, files).look();
}

/** Whether a producer of this library lives, in whatever container. */
export function producerLocks(system: System, pool: string): boolean {
  let fd: number | null;
  try {
    fd = system.openObjectToRead(wireObject(pool));
  } catch (error) {
    // Another user's: then who maps it cannot be seen either.
    if (error instanceof SystemError && (error.errno === 'EACCES' || error.errno === 'ELOOP')) return false;
    throw error;
  }
  if (fd === null) return false;
  try {
    return system.isLocked(fd, LOCK_PRODUCER);
  } finally {
    runSteps([() => system.close(fd)]);
  }
}
