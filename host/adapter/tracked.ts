// Descriptors that end with the thread that opened them.

import { closeSync, openSync } from 'node:fs';
import type { Descriptors } from '../../native-shim/libc';
import { TensorIpcError } from '../runtime/errors';

/**
 * Objects are opened by node:fs: it closes a worker thread's descriptors when the thread ends, terminated or not, and with the
 * descriptor goes the lock that says that somebody lives.
 */
export const trackedDescriptors: Descriptors = {
  open(path, flags, mode) {
    try {
      return openSync(path, flags, mode);
    } catch (error) {
      return errnoOf(error, path);
    }
  },
  close(fd) {
    try {
      closeSync(fd);
      return 0;
    } catch (error) {
      return errnoOf(error, `descriptor ${fd}`);
    }
  },
};

/** Of Node's permission model, which has no errno. */
function refused(cause: object, path: string): TensorIpcError {
  return new TensorIpcError(
    'PERMISSION_DENIED',
    `Node does not let this program open ${path}: start it with "--allow-fs-read=/dev/shm/*" and "--allow-fs-write=/dev/shm/*", and where ` +
      'threads share pools with the same for "/proc/self/fd/*"',
    { cause },
  );
}

/** The negative errno of a failed call of node:fs, by what it says: an error of another realm is no Error of ours. */
function errnoOf(error: unknown, subject: string): number {
  if (typeof error === 'object' && error !== null) {
    if ('errno' in error && typeof error.errno === 'number') return error.errno;
    if ('code' in error && error.code === 'ERR_ACCESS_DENIED') throw refused(error, subject);
  }
  throw error;
}
