// Deno: as Node, but for its clock and its permissions.

import { TensorIpcError } from '../errors';
import type { Platform, System } from '../system';
import { common, openSystem } from './common';
import { openFifoBell } from './fifo';

/** The part of Deno that is used. https://docs.deno.com/api/deno/~/Deno.Permissions */
interface PermissionDescriptor {
  readonly name: 'ffi' | 'read' | 'write' | 'env' | 'sys';
  readonly path?: string;
}

declare const Deno: {
  permissions: { querySync(descriptor: PermissionDescriptor): { state: 'granted' | 'denied' | 'prompt' } };
};

/** What the system calls need, and the flag that grants it. */
const NEEDED: readonly [PermissionDescriptor, string][] = [
  [{ name: 'ffi' }, '--allow-ffi'],
  [{ name: 'read', path: '/dev/shm' }, '--allow-read'],
  [{ name: 'write', path: '/dev/shm' }, '--allow-write=/dev/shm'],
];

let system: System | null = null;

function openPermitted(): System {
  if (system !== null) return system;
  const missing = NEEDED.filter(([descriptor]) => Deno.permissions.querySync(descriptor).state !== 'granted');
  if (missing.length > 0) {
    throw new TensorIpcError(
      'PERMISSION_DENIED',
      `Deno does not let this program reach shared memory: run it with ${missing.map(([, flag]) => flag).join(' ')}`,
    );
  }
  system = openSystem();
  return system;
}

export const denoPlatform: Platform = {
  ...common,
  runtime: 'deno',
  system: openPermitted,
  // Deno's own clocks start with the process.
  monotonicNs: () => openSystem().monotonicNs(),
  openBell: openFifoBell,
};
