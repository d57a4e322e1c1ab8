// Removing what dead Python pools left. Who has an object mapped is all the proof there is, so what is removed is also old.

import { LOCK_PRODUCER } from '../../assembly/layout';
import type { Removal } from '../native/inspect-remove';
import { translate } from '../native/pool';
import { wallMs } from '../runtime/clock';
import { TensorIpcError } from '../runtime/errors';
import { printable } from '../runtime/printable';
import { runSteps } from '../runtime/steps';
import { type MappedObjects, platform, type System } from '../runtime/system';
import { checkName } from '../tensor/metadata';
import { isDraft, wireObject } from './form';
import { inspectPythonPool, look, type PythonPoolInfo, pythonPoolFiles } from './inspect';
import { wasPool } from './inspect-foreign';

/** What is younger may be in the making, or between two processes that use it one after the other. */
const MIN_AGE_MS = 60_000;

/** What was done about a file of a Python pool, or would be. */
export interface PythonRemoval extends Removal {
  /** The pool whose lock it is; null for an object. */
  readonly lockOf: string | null;
}

/**
 * Removes the Python pools that no process has mapped, with their locks, and the locks of pools that are gone.
 *
 * @param options.pools Only these. Default: all.
 * @param options.minAgeMs What is younger is kept. Default a minute.
 */
export function removeDeadPython(options: {
  readonly dryRun: boolean;
  readonly pools?: readonly string[];
  readonly minAgeMs?: number;
}): PythonRemoval[] {
  const system = platform().system();
  const { dryRun, pools, minAgeMs = MIN_AGE_MS } = options;
  const mapped = system.mappedObjects();
  const drafts = pools === undefined ? removeDrafts(system, dryRun, minAgeMs) : [];
  const removals = pythonPoolFiles(system, mapped)
    .filter(({ pool }) => pools?.includes(pool) ?? true)
    .flatMap((files) => {
      try {
        const info = look(system, files, mapped);
        return info === null ? [] : judge(system, info, mapped, dryRun, minAgeMs);
      } catch (error) {
        const translated = translate(files.pool, error);
        if (!(translated instanceof TensorIpcError)) throw translated;
        const reason = `${translated.code}: ${translated.message}`;
        const file = wireObject(files.pool).slice(1);
        return [{ file, action: 'unknown', reason, bytes: 0, lockOf: null } as const];
      }
    });
  return [...removals, ...drafts];
}

/** Locks whose makers were killed before they had their names. To make one takes no millisecond. */
function removeDrafts(system: System, dryRun: boolean, minAgeMs: number): PythonRemoval[] {
  return system
    .listSharedMemory()
    .filter(isDraft)
    .flatMap((file): PythonRemoval[] => {
      const status = system.statObject(`/${file}`);
      if (status === null || status.uid !== system.uid) return [];
      const old = wallMs(system) - status.changedMs >= minAgeMs;
      if (old && !dryRun) system.unlinkObject(`/${file}`);
      const action = !old ? 'young' : dryRun ? 'wouldRemove' : 'removed';
      return [{ file, action, reason: 'a lock whose maker was killed', bytes: 0, lockOf: null }];
    });
}

function judge(system: System, info: PythonPoolInfo, mapped: MappedObjects, dryRun: boolean, minAgeMs: number): PythonRemoval[] {
  const { name, state, processes, lockFiles, uid, objectBytes } = info;
  const all = (action: Removal['action'], reason: string): PythonRemoval[] => [
    ...(objectBytes === null ? [] : [{ file: wireObject(name).slice(1), action, reason, bytes: objectBytes, lockOf: null }]),
    ...lockFiles.map((file) => ({ file, action, reason, bytes: 0, lockOf: name })),
  ];
  if (uid !== system.uid) return all('unknown', `belongs to uid ${uid}`);
  // The kernel writes some of them in another way where it says what is mapped: such a pool may live.
  if (printable(name) !== name) return all('unknown', 'has control characters in its name');
  if (state === 'live') {
    const count = processes.length;
    return all(
      'kept',
      count === 0 ? 'its producer lives' : `${count} ${count === 1 ? 'process has' : 'processes have'} it mapped`,
    );
  }
  if (!wasPool(system, info)) return all('unknown', 'has no locks of a pool, and is not empty');
  // Locks of a pool whose object is gone may still be open in consumers that wait for the next producer.
  if (lockFiles.some((file) => mapped.has(`/${file}`))) return all('kept', 'a process still has its locks');
  const why = state === 'dead' ? 'no process has it mapped' : 'its pool is gone';
  if (youngest(system, info) < minAgeMs) return all('young', `${why}, but it is not old enough: ${minAgeMs / 1000} s`);
  if (!dryRun && !dispose(system, info)) return all('kept', 'it came to life');
  return all(dryRun ? 'wouldRemove' : 'removed', why);
}

/** Age of what was made last, ms. */
function youngest(system: System, { objectBytes, name, lockFiles }: PythonPoolInfo): number {
  const files = [...(objectBytes === null ? [] : [wireObject(name)]), ...lockFiles.map((file) => `/${file}`)];
  const latest = files.reduce((most, file) => Math.max(most, system.statObject(file)?.changedMs ?? 0), 0);
  return wallMs(system) - latest;
}

/**
 * The locks first, the object last, under the lock that a producer of this library would take: then none makes new locks meanwhile.
 * The package's take no such lock; against them there is only the age.
 */
function dispose(system: System, { name, lockFiles }: PythonPoolInfo): boolean {
  const object = wireObject(name);
  const fd = system.openObject(object);
  try {
    if (fd !== null && !system.tryLock(fd, LOCK_PRODUCER)) return false;
    const mapped = system.mappedObjects();
    if ([object, ...lockFiles.map((file) => `/${file}`)].some((name) => mapped.has(name))) return false;
    for (const file of lockFiles) if (system.statObject(`/${file}`)?.uid === system.uid) system.unlinkObject(`/${file}`);
    if (fd !== null && system.statObject(object)?.identity === system.statDescriptor(fd).identity) system.unlinkObject(object);
    return true;
  } finally {
    // Closing drops the lock.
    if (fd !== null) runSteps([() => system.close(fd)]);
  }
}

/**
 * Removes a Python pool: its object and its locks. One that a process has mapped, and what never was a pool, only when forced to; its
 * participants then go on with what they have, and newcomers do not find it.
 *
 * @returns the files removed. None if there is nothing under the name.
 * @throws TensorIpcError PRODUCER_EXISTS, FOREIGN_OBJECT, PERMISSION_DENIED, INVALID_NAME
 */
export function removePythonPool(name: string, options: { readonly force: boolean }): string[] {
  checkName(name);
  const system = platform().system();
  try {
    const info = inspectPythonPool(name);
    if (info === null) return [];
    const { processes, lockFiles, objectBytes } = info;
    if (info.state === 'live' && !options.force) {
      const who = processes.length === 0 ? 'has a live producer' : `is mapped by ${pids(processes)}`;
      throw new TensorIpcError('PRODUCER_EXISTS', `pool '${name}' ${who}: stop it, or remove the pool under it with --force`);
    }
    if (!options.force && !wasPool(system, info)) throw foreign(info);
    const removed = [...lockFiles, ...(objectBytes === null ? [] : [wireObject(name).slice(1)])];
    for (const file of removed) system.unlinkObject(`/${file}`);
    return removed;
  } catch (error) {
    throw translate(name, error);
  }
}

function foreign({ name, objectBytes }: PythonPoolInfo): TensorIpcError {
  const object = `/dev/shm${wireObject(name)}`;
  const what =
    objectBytes === null
      ? 'nothing of a Python pool but files called like its locks, none of which is one'
      : `${object} has ${objectBytes} bytes that are not all zero, and nothing beside it is a lock of it`;
  return new TensorIpcError(
    'FOREIGN_OBJECT',
    `pool '${name}': ${what}: it is another program's file; to remove it all the same: --force`,
  );
}

/** "process 4" or "processes 4, 5". */
export function pids(processes: readonly number[]): string {
  return `${processes.length === 1 ? 'process' : 'processes'} ${processes.join(', ')}`;
}
