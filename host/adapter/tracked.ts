// Descriptors that end with the thread that opened them.

import { closeSync, openSync } from 'node:fs';
import type { Descriptors } from '../../native-shim/libc';

/**
 * Objects are opened by node:fs: it closes a worker thread's descriptors when the thread ends, terminated or not, and with the
 * descriptor goes the lock that says that somebody lives.
 */
export const trackedDescriptors: Descriptors = {
  open(path, flags, mode) {
    try {
      return openSync(path, flags, mode);
    } catch (error) {
      return errnoOf(error);
    }
  },
  close(fd) {
    try {
      closeSync(fd);
      return 0;
    } catch (error) {
      return errnoOf(error);
    }
  },
};

/** The negative errno of a failed call of node:fs, by what it says: an error of another realm is no Error of ours. */
function errnoOf(error: unknown): number {
  if (typeof error === 'object' && error !== null && 'errno' in error && typeof error.errno === 'number') return error.errno;
  throw error;
}
