// Newcomers among a producer's readers. A reader of the package's takes no notice before it has metadata, and keeps those that it could not
// take: from then on it takes the oldest of them with each new one, and stays as many frames behind. So each gets the metadata first.

/** For how long a reader counts as new: two processes that find each other do so within some tens of milliseconds. */
const NEW_FOR_MS = 300;
/** Between two announcements to newcomers, of a producer without pause. */
const GAP_MS = 2;
/** A producer that has told nothing for so long rests. */
const RESTING_MS = 100;
/** A newcomer may have missed what was told so soon after it was found: it finds the producer on its own. */
const MISSED_MS = 100;

/** What a producer's endpoints can do for newcomers. */
export interface Host {
  /** How many readers of metadata have come so far. */
  readonly readersSoFar: number;
  announce(): void;
  /** Says once more what was said last. */
  repeat(): void;
}

export class LateJoiners {
  readonly #host: Host;
  #known: number;
  #cameMs = -Infinity;
  #announcedMs = -Infinity;
  #toldMs = -Infinity;
  // Whether there are newcomers who may not have heard which frame is the newest.
  #owed = false;
  // Whether frames were told of before they came: they may have heard one of those before metadata.
  #toldBefore = false;

  constructor(host: Host) {
    this.#host = host;
    this.#known = 0;
  }

  /** Before each notice, and at times: those who have come hear first what the pool is. */
  serve(nowMs: number): void {
    const { readersSoFar } = this.#host;
    if (readersSoFar !== this.#known) {
      this.#known = readersSoFar;
      this.#cameMs = nowMs;
      this.#announcedMs = -Infinity;
      this.#owed = true;
      this.#toldBefore ||= this.#toldMs > -Infinity;
    }
    if (nowMs - this.#cameMs > NEW_FOR_MS || nowMs - this.#announcedMs < GAP_MS) return;
    this.#announcedMs = nowMs;
    this.#host.announce();
  }

  /** A notice goes out. */
  told(nowMs: number): void {
    this.#toldMs = nowMs;
  }

  /**
   * At times: of a producer that rests, newcomers hear which frame is the newest. Not at once: they have to know by then what the pool is.
   * One that was putting when they came may have left them a frame behind, which nothing else would tell them now.
   */
  look(nowMs: number): void {
    this.serve(nowMs);
    if (!this.#owed || nowMs - this.#cameMs <= NEW_FOR_MS || nowMs - this.#toldMs <= RESTING_MS) return;
    const missed = this.#toldBefore || (this.#toldMs > -Infinity && this.#toldMs < this.#cameMs + MISSED_MS);
    this.#owed = false;
    this.#toldBefore = false;
    if (missed) this.#host.repeat();
  }
}
