// Waiting on the event loop. Nobody polls: whoever waits arms the consumer's bit, and the producer rings its FIFO. A slow timer looks
// for what no doorbell announces: a producer that died, one that has appeared, a frame whose ring went astray.

import { steadyMs } from '../runtime/clock';
import { everyStep } from '../runtime/steps';
import { type Doorbell, platform, type Timer } from '../runtime/system';
import { type Cursor, LIVENESS_INTERVAL_MS, type Source } from './source';
import { Waiters } from './waiters';

/** Longest that loops over frames keep the event loop to themselves. */
const MAX_TURN_MS = 2;

/** The listeners of a consumer, which wait for ever. */
export interface Subscription {
  readonly active: boolean;
  readonly cursor: Cursor;
  /** There is a newer frame. */
  serve(): void;
  /** An error that nobody's call caused. */
  report(error: unknown): void;
}

export class Waiting {
  readonly #source: Source;
  readonly #subscription: Subscription;
  readonly #watch: Timer;
  readonly #waiters = new Waiters<Cursor, 'frame' | 'over'>(() => this.updateRef());
  #doorbell: Doorbell | null = null;
  #keepAlive = true;
  #scheduled = false;
  // When readers began to find newer frames without waiting, or 0.
  #busySinceMs = 0;

  constructor(source: Source, subscription: Subscription) {
    this.#source = source;
    this.#subscription = subscription;
    this.#watch = platform().every(LIVENESS_INTERVAL_MS, () => this.#lookAndServe());
  }

  get #interested(): boolean {
    return !this.#source.closed && (this.#waiters.size > 0 || this.#subscription.active);
  }

  /** Waits for a frame newer than the cursor's; 'over' at the deadline or when the consumer is closed. */
  wait(cursor: Cursor, deadline: number, signal: AbortSignal | undefined): Promise<'frame' | 'over'> {
    this.#busySinceMs = 0;
    if (signal?.aborted) return Promise.reject(signal.reason);
    const outcome = this.#waiters.wait(cursor, deadline - steadyMs(), signal, 'over');
    // Nobody rings those who wait when this fails, whoever called: all of them hear of it.
    this.rearm();
    return outcome;
  }

  /**
   * Gives the event loop a turn when it has had none for a while. A reader that is always behind would otherwise go from frame to
   * frame in microtasks, and no timer or socket of the program would ever be served.
   */
  breathe(): Promise<void> | null {
    const now = steadyMs();
    if (this.#busySinceMs === 0) this.#busySinceMs = now;
    if (now - this.#busySinceMs < MAX_TURN_MS) return null;
    this.#busySinceMs = 0;
    return platform().turn();
  }

  /** Serves whoever can be served, soon: after a connection, or when listeners came. */
  wakeSoon(): void {
    this.#schedule(Promise.resolve());
  }

  #schedule(when: Promise<void>): void {
    if (this.#scheduled || !this.#interested) return;
    this.#scheduled = true;
    when.then(() => {
      this.#scheduled = false;
      this.rearm();
      this.#pump();
    });
  }

  /** The periodic look. It also serves: a ring may have gone astray, and nobody with a live producer sleeps past the next look. */
  #lookAndServe(): void {
    this.#look();
    this.#pump();
  }

  #look(): void {
    if (this.#source.closed) return;
    try {
      this.#source.check();
    } catch (error) {
      this.#fail(error);
      return;
    }
    // Listeners stay when a doorbell could not be had, and have one as soon as it can.
    if (this.#doorbell === null) this.rearm();
  }

  /** Asks for the doorbell again after something else used the consumer's bit. Those who wait hear of it when that fails. */
  rearm(): void {
    if (!this.#interested) return;
    try {
      this.#arm();
    } catch (error) {
      this.#fail(error);
    }
  }

  setKeepAlive(keepAlive: boolean): void {
    this.#keepAlive = keepAlive;
    this.updateRef();
  }

  /** Waiting keeps the process alive. */
  updateRef(): void {
    const ref = this.#keepAlive && this.#interested;
    this.#doorbell?.setRef(ref);
    this.#watch.setRef(ref && this.#doorbell === null);
  }

  close(): void {
    everyStep([() => this.#watch.stop(), () => this.#closeDoorbell(), () => this.#waiters.resolveAll('over')]);
  }

  /** Has the producer, or the next one, ring at the next frame, unless there is one already. */
  #arm(): void {
    if (this.#source.closed) return;
    this.#openDoorbell();
    if (!this.#source.attached) return;
    this.#source.arm();
    // By a turn of the event loop: listeners that are always behind must not keep it to themselves.
    if (this.#due()) this.#schedule(platform().turn());
  }

  #openDoorbell(): void {
    if (this.#doorbell !== null) return;
    this.#doorbell = this.#source.openDoorbell(() => this.#rung());
    this.updateRef();
    // A producer may have come just before there was a doorbell to ring.
    if (!this.#source.attached) this.#look();
  }

  #closeDoorbell(): void {
    const doorbell = this.#doorbell;
    this.#doorbell = null;
    doorbell?.close();
  }

  #rung(): void {
    if (!this.#source.attached) this.#look();
    this.#pump();
  }

  /** Whether anybody's wait is over. */
  #due(): boolean {
    if (!this.#source.connected) return true;
    if (this.#subscription.active && this.#source.due(this.#subscription.cursor)) return true;
    for (const { what } of this.#waiters) if (this.#source.due(what)) return true;
    return false;
  }

  /** The doorbell rang, or something changed: serve everybody who waits, then ask for the next ring if somebody still does. */
  #pump(): void {
    if (this.#source.closed || !this.#source.attached) return;
    try {
      if (this.#source.ended()) return;
      for (const waiter of this.#waiters) if (this.#source.due(waiter.what)) waiter.resolve('frame');
      if (this.#subscription.active && this.#source.due(this.#subscription.cursor)) this.#subscription.serve();
      if (this.#interested) this.#arm();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#waiters.rejectAll(error);
    this.#subscription.report(error);
  }
}
