// When each frame is due.

import { setImmediate, setTimeout } from 'node:timers/promises';

/** So far behind, the schedule starts anew: catching up would be a burst. */
const MAX_LATE_MS = 200;

/** Spaces frames evenly on the monotonic clock, so that small delays do not add up. */
export class Pace {
  readonly #periodMs: number | null;
  readonly #signal: AbortSignal;
  #dueMs: number | null = null;

  /** @param fps null for no spacing at all */
  constructor(fps: number | null, signal: AbortSignal) {
    this.#periodMs = fps === null ? null : 1000 / fps;
    this.#signal = signal;
  }

  /** Returns when the next frame is due, or the signal is aborted. */
  async next(): Promise<void> {
    // Without a pace the event loop still gets its turn: a stop would not be heard otherwise.
    if (this.#periodMs === null) return setImmediate();
    const now = performance.now();
    this.#dueMs = this.#dueMs === null || now - this.#dueMs > MAX_LATE_MS ? now : this.#dueMs;
    const waitMs = this.#dueMs - now;
    this.#dueMs += this.#periodMs;
    if (waitMs <= 0) return setImmediate();
    try {
      await setTimeout(waitMs, undefined, { signal: this.#signal });
    } catch (error) {
      if (!this.#signal.aborted) throw error;
    }
  }
}
