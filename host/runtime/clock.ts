import { platform, type System } from './system';

/**
 * Now, on the clock of `timestampNs`, `publishedNs` and `sinceNs`: CLOCK_MONOTONIC, in nanoseconds. All processes of a machine agree on
 * it. In Node it is `process.hrtime.bigint()`; Deno's and Bun's own clocks start with the process.
 */
export function monotonicNs(): bigint {
  return platform().monotonicNs();
}

// Deadlines and ages never ask the globals: fake timers of a test runner replace those, and a wait would never end.

/** @internal Milliseconds of a clock that only goes forward, for deadlines and intervals of this process. */
export function steadyMs(): number {
  return platform().steadyMs();
}

/** @internal Milliseconds since 1970 as the kernel stamps files. */
export function wallMs(system: System): number {
  return Number(system.realtimeNs() / 1_000_000n);
}
