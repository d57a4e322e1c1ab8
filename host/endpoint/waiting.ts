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

/** A call that waits for its frame: of the calls with one place, the first takes the next. */
interface Call {
  readonly cursor: Cursor;
  /** Takes the frame; null when there is none after all. */
  take(): unknown;
}

export class Waiting {
  readonly #source: Source;
  readonly #subscription: Subscription;
  readonly #watch: Timer;
  // The result is what the call took, or null when it has waited in vain.
  readonly #waiters = new Waiters<Call, unknown>(() => this.updateRef());
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

  /**
   * Waits until it is this call's turn and there is a frame newer than the cursor's, and takes that. Null when the time is over, when the
   * consumer is closed, and when `release` ends it.
   */
  wait<F>(cursor: Cursor, take: () => F | null, timeoutMs: number, signal: AbortSignal | undefined): Promise<F | null> {
    this.#busySinceMs = 0;
    const late = () => {
      // The time may be over while a frame that is there waits for its turn of the event loop.
      this.#serveCalls(cursor);
      return null;
    };
    const taken = this.#waiters.wait({ cursor, take }, timeoutMs, signal, late);
    // Nobody rings those who wait when this fails, whoever called: all of them hear of it.
    this.rearm();
    return taken as Promise<F | null>;
  }

  /** Whether no call with this place waits: a frame that is there is not another's. */
  idle(cursor: Cursor): boolean {
    if (this.#waiters.size === 0) return true;
    for (const { what } of this.#waiters) if (what.cursor === cursor) return false;
    return true;
  }

  /** Ends the calls with this place. */
  release(cursor: Cursor): void {
    for (const waiter of this.#waiters) if (waiter.what.cursor === cursor) waiter.resolve(null);
  }

  /** Gives the calls with this place what is there, before somebody else takes it. */
  serveFirst(cursor: Cursor): void {
    if (this.#waiters.size > 0) this.#serveCalls(cursor);
  }

  /**
   * Whether the event loop has had no turn for a while. A reader that is always behind would otherwise go from frame to frame in
   * microtasks, and no timer or socket of the program would ever be served.
   */
  get overdue(): boolean {
    const now = steadyMs();
    if (this.#busySinceMs === 0) this.#busySinceMs = now;
    return now - this.#busySinceMs >= MAX_TURN_MS;
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
    everyStep([() => this.#watch.stop(), () => this.#closeDoorbell(), () => this.#waiters.resolveAll(null)]);
  }

  /** Has the producer, or the next one, ring at the next frame, unless there is one already. */
  #arm(): void {
    if (this.#source.closed) return;
    this.#openDoorbell();
    if (this.#source.attached) this.#source.arm();
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
    if (this.#source.attached && !this.#source.connected) return true;
    if (this.#subscription.active && this.#source.due(this.#subscription.cursor)) return true;
    for (const { what } of this.#waiters) if (this.#source.due(what.cursor)) return true;
    return false;
  }

  /** The doorbell rang, or something changed: serve everybody who waits, then ask for the next ring if somebody still does. */
  #pump(): void {
    if (this.#source.closed) return;
    try {
      // Of its end the consumer is told, which serves those who wait for its last frame.
      if (this.#source.attached && this.#source.ended()) return;
      this.#serveAll();
      if (this.#interested) this.#arm();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The pool is over: its last frame goes to everybody who waits, before they are told. Whether anybody was given it. */
  serveLast(): boolean {
    if (this.#source.closed) return false;
    try {
      const served = this.#serveAll();
      this.#source.settle();
      return served;
    } catch (error) {
      this.#fail(error);
      return false;
    }
  }

  #serveAll(): boolean {
    const waiting = this.#waiters.size;
    this.#serveCalls(null);
    const listening = this.#subscription.active && this.#source.due(this.#subscription.cursor);
    if (listening) this.#subscription.serve();
    return listening || this.#waiters.size < waiting;
  }

  /** In the order of the calls; with a cursor only those with that place. */
  #serveCalls(cursor: Cursor | null): void {
    for (const waiter of this.#waiters) {
      const { what } = waiter;
      if ((cursor !== null && what.cursor !== cursor) || !this.#waiters.has(waiter) || !this.#source.due(what.cursor)) continue;
      try {
        const taken = what.take();
        if (taken !== null) waiter.resolve(taken);
      } catch (error) {
        waiter.reject(error);
      }
    }
  }

  #fail(error: unknown): void {
    this.#waiters.rejectAll(error);
    this.#subscription.report(error);
  }
}
