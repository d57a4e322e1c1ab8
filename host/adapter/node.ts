// Node, and Electron's main, utility and preload processes.

import type { Platform } from '../runtime/system';
import { common, openSystem } from './common';
import { openFifoDoorbell, openPipeNotifier } from './fifo';
import { process } from './process';
import { trackedDescriptors } from './tracked';

const { hrtime } = process;
/** Fake timers, which mark what they replace, may have been first. */
const faked = 'clock' in hrtime;

const now = hrtime.bigint;
const steadyMs = () => Number(now()) / 1e6;

export const nodePlatform: Platform = {
  ...common,
  runtime: 'node',
  system: () => openSystem(trackedDescriptors),
  // libuv reads CLOCK_MONOTONIC; test/clock.test.ts holds it to that.
  monotonicNs: faked ? () => openSystem(trackedDescriptors).monotonicNs() : hrtime.bigint,
  // The same clock as performance.now, at half the cost.
  steadyMs: faked ? common.steadyMs : steadyMs,
  openDoorbell: openFifoDoorbell,
  openNotifier: openPipeNotifier,
};
