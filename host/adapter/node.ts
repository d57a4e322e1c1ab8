// Node, and Electron's main, utility and preload processes.

import type { Platform } from '../runtime/system';
import { common, openSystem } from './common';
import { openFifoDoorbell, openPipeNotifier } from './fifo';
import { process } from './process';
import { trackedDescriptors } from './tracked';

export const nodePlatform: Platform = {
  ...common,
  runtime: 'node',
  system: () => openSystem(trackedDescriptors),
  // libuv reads CLOCK_MONOTONIC; test/clock.test.ts holds it to that. Fake timers, which mark what they replace, may have been first.
  monotonicNs: 'clock' in process.hrtime ? () => openSystem(trackedDescriptors).monotonicNs() : process.hrtime.bigint,
  openDoorbell: openFifoDoorbell,
  openNotifier: openPipeNotifier,
};
