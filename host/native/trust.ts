// Whose objects are accepted as pools.

import { TensorIpcError } from '../runtime/errors';
import type { FileStatus, System } from '../runtime/system';

/**
 * Whose pools a process accepts: 'owner' its own user's, writable by nobody else; 'group' any owner's, writable by owner and
 * group; 'any' whatever the permissions let it open. A process that may write to a pool may also truncate it, and then every
 * reader of the lost pages is killed by SIGBUS: accept only whom you trust.
 */
export type Trust = 'owner' | 'group' | 'any';

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
