// Whether frames come in time. A timer is due when the next frame would be late, so that frames which come in time wake nobody. Once one is
// late, the doorbell and the periodic look tell of the next. None of it keeps the process alive.

import { platform, type Timer } from '../runtime/system';
import { Lookout } from './lookout';
import { LIVENESS_INTERVAL_MS, type Newest, type Source } from './source';
import type { Waiting } from './waiting';

export interface DeadlineEvents {
  /** The next frame is late by so much; the number of the newest one, or null where there has been none. */
  onStall(lateMs: number, sequence: number | null): void;
  /** Frames come again: so long after the one before the stall there was the newest. */
  onResume(gapMs: number, sequence: number): void;
  /** The source could not be asked. */
  report(error: unknown): void;
}

export class DeadlineWatch {
  readonly #source: Source;
  readonly #waiting: Waiting;
  readonly #deadlineNs: number;
  readonly #events: DeadlineEvents;
  // The newest frame there has been, in whatever pool of the name.
  #newest: Newest | null = null;
  // Since when the next one is waited for.
  #sinceNs = nowNs();
  // The same when the stall began; null while frames come in time.
  #stalledNs: number | null = null;
  #timer: Timer | null = null;
  #awaiting = false;
  #closed = false;

  constructor(source: Source, waiting: Waiting, deadlineMs: number, events: DeadlineEvents) {
    this.#source = source;
    this.#waiting = waiting;
    this.#deadlineNs = deadlineMs * 1e6;
    this.#events = events;
  }

  /** A frame that has not been noted, if there is one. */
  #newer(): Newest | null {
    const newest = this.#source.newest();
    // Of one clock, whichever producer and pool they are of.
    return newest !== null && (this.#newest === null || newest.publishedNs > this.#newest.publishedNs) ? newest : null;
  }

  /** Looks whether a frame is late now, and when the next one will be. To be called when a pool is found or lost, too. */
  look(): void {
    if (this.#closed) return;
    this.#timer?.stop();
    this.#timer = null;
    try {
      this.#judge();
    } catch (error) {
      this.#events.report(error);
      this.#lookIn(LIVENESS_INTERVAL_MS);
    }
  }

  #judge(): void {
    const now = nowNs();
    const newest = this.#newer();
    if (newest !== null) {
      this.#newest = newest;
      // One from the future would be a clock of another time namespace, or a lie.
      this.#sinceNs = Math.min(newest.publishedNs, now);
    }
    const lateNs = now - this.#sinceNs - this.#deadlineNs;
    if (lateNs < 0) {
      this.#resume();
      this.#lookIn(-lateNs / 1e6);
      return;
    }
    if (this.#stalledNs === null) {
      this.#stalledNs = this.#sinceNs;
      this.#events.onStall(lateNs / 1e6, this.#newest?.sequence ?? null);
    }
    this.#awaitNext();
  }

  #resume(): void {
    const stalledNs = this.#stalledNs;
    if (stalledNs === null || this.#newest === null) return;
    this.#stalledNs = null;
    this.#events.onResume((this.#sinceNs - stalledNs) / 1e6, this.#newest.sequence);
  }

  #lookIn(delayMs: number): void {
    this.#timer?.stop();
    // A runtime's timers count whole milliseconds, and may be early by a part of one.
    this.#timer = platform().after(Math.max(1, Math.ceil(delayMs)), () => this.look());
    this.#timer.setRef(false);
  }

  #awaitNext(): void {
    if (this.#awaiting) return;
    this.#awaiting = true;
    const again = () => {
      this.#awaiting = false;
      this.look();
    };
    const lookout = new Lookout(this.#waiting, () => this.#newer() !== null, { quiet: true });
    this.#waiting.join(lookout);
    lookout.promise.then(again, () => {
      // The consumer's listeners have heard why nobody would be rung. Until that is over, looks do.
      this.#awaiting = false;
      if (!this.#closed) this.#lookIn(LIVENESS_INTERVAL_MS);
    });
  }

  close(): void {
    this.#closed = true;
    this.#timer?.stop();
    this.#timer = null;
  }
}

/** Null where there is no deadline. */
export function openDeadline(
  source: Source,
  waiting: Waiting,
  deadlineMs: number | undefined,
  events: DeadlineEvents,
): DeadlineWatch | null {
  return deadlineMs === undefined ? null : new DeadlineWatch(source, waiting, deadlineMs, events);
}

function nowNs(): number {
  return Number(platform().monotonicNs());
}
