// Whose objects are accepted as pools.

import type { Trust } from '../endpoint/options';
import { TensorIpcError } from '../runtime/errors';
import type { FileStatus, System } from '../runtime/system';

/** Name of a pool's object in the POSIX shared-memory name space. */
export function objectName(pool: string): string {
  return `/tensoripc.${pool}`;
}

/**
 * Refuses objects that are no files, belong to the wrong user, or may be written by people beyond `trust`.
 *
 * @param object Its name, with the slash of POSIX shared memory: pools of the two wires have different ones.
 */
export function checkFile(pool: string, object: string, status: FileStatus, system: System, trust: Trust): void {
  const path = `/dev/shm${object}`;
  if (status.kind !== 'file') {
    throw new TensorIpcError('FOREIGN_OBJECT', `pool '${pool}': ${path} is not a regular shared-memory object; remove it`);
  }
  if (trust === 'owner' && status.uid !== system.uid) {
    throw new TensorIpcError(
      'FOREIGN_OBJECT',
      `pool '${pool}': ${path} belongs to uid ${status.uid}, expected this user's, ${system.uid}; if you trust that user, pass { trust: 'any' }`,
    );
  }
  const writers = trust === 'owner' ? 0o022 : trust === 'group' ? 0o002 : 0;
  if ((status.mode & writers) !== 0) {
    throw new TensorIpcError(
      'UNSAFE_MODE',
      `pool '${pool}': ${path} has mode 0${status.mode.toString(8)}, so others may change it under its readers; ` +
        `expected no write permission beyond the ${trust}; if you trust them, pass { trust: '${trust === 'owner' ? 'group' : 'any'}' }`,
    );
  }
}

/**
 * Refuses native pools that people beyond `trust` may read. Reading is enough for a shared lock on any byte: a stranger could lock all 64
 * entries of the consumer table, or the producer's byte, and keep everybody out.
 */
export function checkReaders(pool: string, object: string, status: FileStatus, trust: Trust): void {
  const readers = trust === 'owner' ? 0o044 : trust === 'group' ? 0o004 : 0;
  if ((status.mode & readers) === 0) return;
  throw new TensorIpcError(
    'UNSAFE_MODE',
    `pool '${pool}': /dev/shm${object} has mode 0${status.mode.toString(8)}, so users who may only read it can take its locks and keep ` +
      `consumers out; expected no permission beyond the ${trust}: remove it, or chmod ${trust === 'owner' ? '600' : '660'} it`,
  );
}
