import { platform } from './system';

/**
 * Now, on the clock of `timestampNs`, `publishedNs` and `sinceNs`: CLOCK_MONOTONIC, in nanoseconds. All processes of a machine agree on
 * it. In Node it is `process.hrtime.bigint()`; Deno's and Bun's own clocks start with the process.
 */
export function monotonicNs(): bigint {
  return platform().monotonicNs();
}
