// Removing what the dead left behind. Only what is proved dead goes: by taking the lock that its owner would hold.

import { LOCK_CONSUMERS, LOCK_PRODUCER, MAX_CONSUMERS } from '../../assembly/layout';
import { wallMs } from '../runtime/clock';
import { TensorIpcError } from '../runtime/errors';
import { allAtOnce } from '../runtime/pieces';
import { runSteps } from '../runtime/steps';
import { platform, type System, SystemError } from '../runtime/system';
import { checkName } from '../tensor/metadata';
import { nameProducer } from './in-the-way';
import { poolOfDoorbell } from './inspect';
import { readSnapshot, sharedLock, translate } from './pool';
import { REMOVED_ON_PURPOSE } from './renewal';
import { checkFile, objectName } from './trust';
import { beginsAsPool, isUnfinished } from './unfinished';

/** What is younger may still be in the making: a file exists before its maker has opened or locked it. */
const MIN_AGE_MS = 1000;

/** What was done about a file of /dev/shm, or would be. */
export interface Removal {
  /** File name in /dev/shm. */
  readonly file: string;
  /** 'wouldRemove' in a dry run; 'kept' for what lives, 'young' for what is dead but too young (Python pools), 'unknown' for what is not provably a dead thing of ours. */
  readonly action: 'removed' | 'wouldRemove' | 'kept' | 'young' | 'unknown';
  readonly reason: string;
  readonly bytes: number;
}

/**
 * Removes the pools whose producer is dead and that no live consumer is attached to, and the FIFOs that nobody reads.
 *
 * @param options.pools Only what belongs to these names. Default: everything.
 */
export function removeDead(options: { readonly dryRun: boolean; readonly pools?: readonly string[] }): Removal[] {
  const system = platform().system();
  const prefix = objectName('').slice(1);
  return system
    .listSharedMemory()
    .filter((file) => {
      const pool = file.startsWith(prefix) ? file.slice(prefix.length) : poolOfDoorbell(file);
      return pool !== null && (options.pools?.includes(pool) ?? true);
    })
    .sort()
    .flatMap((file) => {
      const removal = file.startsWith(prefix)
        ? judgeObject(system, file, file.slice(prefix.length), options.dryRun)
        : judgeDoorbell(system, file, options.dryRun);
      return removal === null ? [] : [removal];
    });
}

function judgeObject(system: System, file: string, name: string, dryRun: boolean): Removal | null {
  try {
    checkName(name);
    // For reading only first: a live pool is not even opened for writing.
    const fd = system.openObjectToRead(`/${file}`);
    if (fd === null) return null;
    try {
      const status = system.statDescriptor(fd);
      checkFile(name, `/${file}`, status, system, 'any');
      const { bytes } = status;
      const say = (action: Removal['action'], reason: string) => ({ file, action, reason, bytes });
      const gone = dryRun ? 'wouldRemove' : 'removed';
      if (status.uid !== system.uid) return say('unknown', `belongs to uid ${status.uid}`);
      if (system.isLocked(fd, LOCK_PRODUCER)) return say('kept', 'its producer lives');
      if (liveConsumers(system, fd) > 0) return say('kept', 'its producer is dead, but a consumer is still attached');
      if (readSnapshot(system, name, fd) === null) {
        if (wallMs(system) - status.changedMs < MIN_AGE_MS) return say('kept', 'under construction');
        if (!beginsAsPool(system, fd) && !allAtOnce(isUnfinished(system, fd, bytes)))
          return say('unknown', 'is no pool, nor one under construction');
        return dispose(system, file, name, dryRun) ? say(gone, 'its producer died while making it') : null;
      }
      return dispose(system, file, name, dryRun) ? say(gone, 'its producer is dead') : say('kept', 'it came to life');
    } finally {
      runSteps([() => system.close(fd)]);
    }
  } catch (error) {
    return unknown(file, translate(name, error));
  }
}

/** What could not be looked at, or not be removed, and why. */
function unknown(file: string, error: unknown): Removal {
  if (!(error instanceof TensorIpcError)) throw error;
  return { file, action: 'unknown', reason: `${error.code}: ${error.message}`, bytes: 0 };
}

/**
 * Takes the producer's lock, looks once more, and unlinks. While the lock is held nobody can take the pool over; and who holds the
 * lock of the object that the name leads to owns the name.
 */
function dispose(system: System, file: string, name: string, dryRun: boolean): boolean {
  const fd = system.openObject(`/${file}`);
  if (fd === null) return false;
  try {
    const status = system.statDescriptor(fd);
    checkFile(name, `/${file}`, status, system, 'any');
    // A producer that starts at this instant would be told that there is one already: to pretend needs no lock.
    if (dryRun) return true;
    if (!system.tryLock(fd, LOCK_PRODUCER)) return false;
    if (system.statObject(`/${file}`)?.identity !== status.identity) return false;
    if (liveConsumers(system, fd) > 0) return false;
    system.unlinkObject(`/${file}`);
    return true;
  } finally {
    // Closing drops the lock.
    runSteps([() => system.close(fd)]);
  }
}

function liveConsumers(system: System, fd: number): number {
  let alive = 0;
  // All the bytes there can be: what the header says about its table may be wrong.
  for (let index = 0; index < MAX_CONSUMERS; index++) if (system.isLocked(fd, LOCK_CONSUMERS + index)) alive += 1;
  return alive;
}

function judgeDoorbell(system: System, file: string, dryRun: boolean): Removal | null {
  try {
    return disposeDoorbell(system, file, dryRun);
  } catch (error) {
    return unknown(file, error);
  }
}

function disposeDoorbell(system: System, file: string, dryRun: boolean): Removal | null {
  const status = system.statObject(`/${file}`);
  if (status === null) return null;
  const say = (action: Removal['action'], reason: string) => ({ file, action, reason, bytes: 0 });
  if (status.kind !== 'fifo' && status.kind !== 'socket') return say('unknown', 'has the name of a doorbell, but is none');
  if (status.uid !== system.uid) return say('unknown', `belongs to uid ${status.uid}`);
  if (!system.doorbellIsAbandoned(file)) return say('kept', 'a consumer listens');
  if (wallMs(system) - status.changedMs < MIN_AGE_MS) return say('kept', 'just made');
  if (!dryRun) system.unlinkDoorbell(file);
  return say(dryRun ? 'wouldRemove' : 'removed', 'nobody listens');
}

/**
 * Removes what stands under a pool's name, and the FIFOs of its name that nobody reads. A live pool, and what never was a pool, only
 * when forced to; its participants then go on with an object that nobody else finds.
 *
 * @returns the files removed. None if there is nothing under the name.
 * @throws TensorIpcError PRODUCER_EXISTS, FOREIGN_OBJECT, PERMISSION_DENIED, INVALID_NAME
 */
export function removePool(name: string, options: { readonly force: boolean }): string[] {
  checkName(name);
  const system = platform().system();
  const removed: string[] = [];
  try {
    if (unlinkPool(system, name, options.force)) removed.push(objectName(name).slice(1));
    for (const file of system.listSharedMemory()) {
      if (poolOfDoorbell(file) !== name || !system.doorbellIsAbandoned(file)) continue;
      system.unlinkDoorbell(file);
      removed.push(file);
    }
  } catch (error) {
    throw translate(name, error);
  }
  return removed;
}

function unlinkPool(system: System, name: string, force: boolean): boolean {
  const object = objectName(name);
  if (force) {
    if (system.statObject(object) === null) return false;
    markRemoved(system, object);
    system.unlinkObject(object);
    return true;
  }
  const fd = system.openObject(object);
  if (fd === null) return false;
  try {
    const status = system.statDescriptor(fd);
    checkFile(name, object, status, system, 'any');
    if (!system.tryLock(fd, LOCK_PRODUCER)) {
      if (!system.isLocked(fd, LOCK_PRODUCER)) throw sharedLock(name, object, status);
      throw new TensorIpcError(
        'PRODUCER_EXISTS',
        `pool '${name}' has a live producer${nameProducer(system, name, fd)}: stop it, or remove the pool under it with --force`,
      );
    }
    refuseForeign(system, name, fd, status.bytes);
    if (system.statObject(object)?.identity !== status.identity) return false;
    system.unlinkObject(object);
    return true;
  } finally {
    runSteps([() => system.close(fd)]);
  }
}

/** Tells a live producer that its object is removed on purpose: it would make it anew. Whatever stands there goes in any case. */
function markRemoved(system: System, object: string): void {
  try {
    const fd = system.openObject(object);
    if (fd === null) return;
    try {
      system.setMode(fd, system.statDescriptor(fd).mode | REMOVED_ON_PURPOSE);
    } finally {
      runSteps([() => system.close(fd)]);
    }
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
  }
}

/**
 * A damaged pool may go, and one that its producer did not finish, or had only just created: an empty file has nothing to lose. What does not
 * begin as a pool does was never one, however short it is.
 */
function refuseForeign(system: System, name: string, fd: number, bytes: number): void {
  if (beginsAsPool(system, fd) || allAtOnce(isUnfinished(system, fd, bytes))) return;
  throw new TensorIpcError(
    'FOREIGN_OBJECT',
    `pool '${name}': /dev/shm${objectName(name)} has ${bytes} bytes that do not begin as a pool does: it is another program's file; ` +
      'to remove it all the same: --force',
  );
}
