// Node, and Electron's main, utility and preload processes.

import { closeSync, openSync } from 'node:fs';
import process from 'node:process';
import type { Descriptors } from '../../native-shim/libc';
import type { Platform } from '../system';
import { common, openSystem } from './common';
import { openFifoBell } from './fifo';

/**
 * Objects are opened by node:fs: it closes a worker thread's descriptors when the thread ends, terminated or not, and with the
 * descriptor goes the lock that says that somebody lives.
 */
const tracked: Descriptors = {
  open(path, flags, mode) {
    try {
      return openSync(path, flags, mode);
    } catch (error) {
      if (error instanceof Error && 'errno' in error && typeof error.errno === 'number') return error.errno;
      throw error;
    }
  },
  close: closeSync,
};

export const nodePlatform: Platform = {
  ...common,
  runtime: 'node',
  system: () => openSystem(tracked),
  // libuv reads CLOCK_MONOTONIC; test/clock.test.ts holds it to that.
  monotonicNs: process.hrtime.bigint,
  openBell: openFifoBell,
};
