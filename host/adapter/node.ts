// Node, and Electron's main, utility and preload processes.

import process from 'node:process';
import type { Platform } from '../runtime/system';
import { common, openSystem } from './common';
import { openFifoDoorbell, openPipeNotifier } from './fifo';
import { trackedDescriptors } from './tracked';

export const nodePlatform: Platform = {
  ...common,
  runtime: 'node',
  system: () => openSystem(trackedDescriptors),
  // libuv reads CLOCK_MONOTONIC; test/clock.test.ts holds it to that.
  monotonicNs: process.hrtime.bigint,
  openDoorbell: openFifoDoorbell,
  openNotifier: openPipeNotifier,
};
