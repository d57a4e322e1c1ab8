// The timer behind the doorbell, for what no ring announces.

import { platform, type Timer } from '../runtime/system';
import { LIVENESS_INTERVAL_MS } from './source';

/** How often is looked where a doorbell that hangs up tells of a death: the net below it. */
const NET_INTERVAL_MS = 1500;

/** The longest delay of those that follow one another after a hang-up: they double, from one millisecond on. */
const LAST_DELAY_MS = 64;

export class Watch {
  readonly #look: () => void;
  #interval: Timer;
  #soon: Timer | null = null;
  #slow = false;
  #ref = false;
  #stopped = false;

  constructor(look: () => void) {
    this.#look = look;
    this.#interval = platform().every(LIVENESS_INTERVAL_MS, look);
  }

  /** Whether it is only a net. */
  get relaxed(): boolean {
    return this.#slow;
  }

  /** Whoever rings holds the doorbell open, and hangs up when it dies. */
  relax(): void {
    if (this.#slow) return;
    this.#hurryNoMore();
    this.#pace(true);
  }

  /** Nobody is known to. Whether somebody was. */
  alert(): boolean {
    const was = this.#slow;
    if (was) this.#pace(false);
    return was;
  }

  /**
   * Looks again, soon and then after longer and longer delays: the kernel closes the descriptors of a process that dies one by one, and the
   * one with the lock may be the last.
   */
  hurry(delayMs = 1): void {
    this.#hurryNoMore();
    if (this.#stopped || delayMs > LAST_DELAY_MS) return;
    this.#soon = platform().after(delayMs, () => {
      this.#soon = null;
      this.hurry(delayMs * 2);
      this.#look();
    });
    this.#soon.setRef(false);
  }

  #hurryNoMore(): void {
    this.#soon?.stop();
    this.#soon = null;
  }

  /** The pool that was looked at is over. */
  rest(): void {
    this.#hurryNoMore();
    this.alert();
  }

  #pace(slow: boolean): void {
    if (this.#stopped) return;
    this.#slow = slow;
    this.#interval.stop();
    this.#interval = platform().every(slow ? NET_INTERVAL_MS : LIVENESS_INTERVAL_MS, this.#look);
    if (this.#ref) this.#interval.setRef(true);
  }

  /** Whether it keeps the process alive. */
  setRef(ref: boolean): void {
    if (ref === this.#ref) return;
    this.#ref = ref;
    this.#interval.setRef(ref);
  }

  stop(): void {
    this.#stopped = true;
    this.#hurryNoMore();
    this.#interval.stop();
  }
}
