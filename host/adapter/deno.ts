// Deno: as Node, but for its clock and its permissions.

import { TensorIpcError } from '../errors';
import type { Platform, System } from '../system';
import { common, openSystem } from './common';
import { openFifoBell } from './fifo';

/** The part of Deno that is used. https://docs.deno.com/api/deno/~/Deno.Permissions */
declare const Deno: {
  permissions: { querySync(descriptor: { name: 'ffi' }): { state: 'granted' | 'denied' | 'prompt' } };
};

/** What Deno throws where a permission is missing. */
function isRefusal(error: unknown): error is Error {
  return error instanceof Error && error.name === 'NotCapable';
}

function refused(cause?: Error): TensorIpcError {
  return new TensorIpcError(
    'PERMISSION_DENIED',
    'Deno does not let this program make system calls: run it with --allow-ffi, and with --allow-read so that koffi is found' +
      (cause === undefined ? '' : ` (${cause.message})`),
    { cause },
  );
}

let system: System | null = null;

function openPermitted(): System {
  if (system !== null) return system;
  // All system calls are made through koffi. (Deno's own file functions want --allow-all for anything in /dev.)
  if (Deno.permissions.querySync({ name: 'ffi' }).state !== 'granted') throw refused();
  try {
    system = openSystem();
    return system;
  } catch (error) {
    throw error instanceof TensorIpcError && isRefusal(error.cause) ? refused(error.cause) : error;
  }
}

export const denoPlatform: Platform = {
  ...common,
  runtime: 'deno',
  system: openPermitted,
  // Deno's own clocks start with the process.
  monotonicNs: () => openSystem().monotonicNs(),
  openBell: openFifoBell,
};
