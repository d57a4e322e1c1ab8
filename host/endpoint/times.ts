// When a frame was made and published, and by which producer.

import { platform } from '../runtime/system';

export interface Times {
  /** What the producer gave, or when the frame was published. */
  readonly timestampNs: bigint;
  /** CLOCK_MONOTONIC at publication, ns. As a number it is exact to two nanoseconds for 200 days after the machine's start. */
  readonly publishedNs: number;
  /** Which of the pool's producers published it. */
  readonly epoch: number;
}

/** A 64-bit number of two halves of 32 bits, whatever their signs. */
export function wholeOf(low: number, high: number): bigint {
  return BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low >>> 0));
}

/** Whether a frame was published longer ago than a reader allows, if it says. */
export function isStale(publishedNs: number, maxAgeMs: number | undefined): boolean {
  return maxAgeMs !== undefined && ageOf(publishedNs) > maxAgeMs;
}

/** How long ago a frame was published, ms. */
export function ageOf(publishedNs: number): number {
  return (Number(platform().monotonicNs()) - publishedNs) / 1e6;
}
