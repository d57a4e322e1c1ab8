// Waiting on the event loop. Nobody polls: whoever waits arms the consumer's bit, and the producer rings its FIFO. A slow timer looks
// for what no doorbell announces: a producer that died, one that has appeared, a frame whose ring went astray.

import { steadyMs } from '../runtime/clock';
import { everyStep } from '../runtime/steps';
import { type Doorbell, platform } from '../runtime/system';
import type { Cursor, Source } from './source';
import { Watch } from './watch';

/** Longest that loops over frames keep the event loop to themselves. */
const MAX_TURN_MS = 2;

const NOW = Promise.resolve();

/** The listeners of a consumer, which wait for ever. */
export interface Subscription {
  readonly cursor: Cursor;
  /** Gives them the newer frame that there may be: whether there was one. `quick` as of Waiter. */
  serve(quick: boolean): boolean;
  /** An error that nobody's call caused. */
  report(error: unknown): void;
}

/** Somebody who waits: a call or a loop for frames, or who waits for something else. It joins when it begins to, and leaves when it is served. */
export interface Waiter {
  /** Of the waiters with one place, the first takes the next frame. Null for who waits for no frame. */
  readonly cursor: Cursor | null;
  /** Whether it does without keeping the process alive. */
  readonly quiet: boolean;
  /** Whether its wait may be over. */
  due(): boolean;
  /**
   * Takes the frame that there may be: whether there was one, or an error in its place.
   *
   * @param quick Where nobody has looked yet whether there is one: only what needs no further look.
   */
  serve(quick: boolean): boolean;
  /** It waits in vain: the consumer is closed. */
  end(): void;
  /** It waits in vain, for a reason that was not its own. */
  fail(error: unknown): void;
}

export class Waiting {
  readonly #source: Source;
  readonly #subscription: Subscription;
  readonly #watch: Watch;
  readonly #waiters = new Set<Waiter>();
  // How many of them are quiet.
  #quiet = 0;
  #doorbell: Doorbell | null = null;
  #listening = false;
  #keepAlive = true;
  // Whether the doorbell keeps the process alive.
  #ref = false;
  #releasing = false;
  #scheduled = false;
  // When readers began to find newer frames without waiting, or 0.
  #busySinceMs = 0;

  constructor(source: Source, subscription: Subscription) {
    this.#source = source;
    this.#subscription = subscription;
    this.#watch = new Watch(() => this.#lookAndServe());
  }

  get #interested(): boolean {
    return !this.#source.closed && (this.#waiters.size > 0 || this.#listening);
  }

  /** Whether anybody listens for frames. */
  listen(listening: boolean): void {
    this.#listening = listening;
    this.updateRef();
    this.wakeSoon();
  }

  /** Asks for the ring, for a reader that is about to join: false where there is something to look at before. */
  armed(cursor: Cursor): boolean {
    return this.#doorbell !== null && this.#source.attached && !this.#source.armFor(cursor);
  }

  /** Begins to wait, behind those that do. @param armed As `armed` has just said. */
  join(waiter: Waiter, armed = false): void {
    this.#busySinceMs = 0;
    this.#waiters.add(waiter);
    if (waiter.quiet) this.#quiet += 1;
    else if (!this.#ref) this.updateRef();
    if (armed) return;
    // The others have looked since the last ring.
    try {
      if (this.#doorbell === null || !this.#source.attached || waiter.cursor === null) this.#arm();
      else if (this.#source.armFor(waiter.cursor)) this.#schedule(platform().turn());
    } catch (error) {
      // Nobody rings those who wait, whoever called: all of them hear of it.
      this.#fail(error);
    }
  }

  leave(waiter: Waiter): void {
    if (!this.#waiters.delete(waiter)) return;
    if (waiter.quiet) this.#quiet -= 1;
    if (this.#waiters.size > this.#quiet || this.#releasing) return;
    // A microtask later: a loop whose body is short waits again by then, and the event loop's reference is held for all of its life.
    this.#releasing = true;
    NOW.then(this.#release);
  }

  readonly #release = (): void => {
    this.#releasing = false;
    this.updateRef();
  };

  /** Whether no call with this place waits: a frame that is there is not another's. */
  idle(cursor: Cursor): boolean {
    if (this.#waiters.size === 0) return true;
    for (const waiter of this.#waiters) if (waiter.cursor === cursor) return false;
    return true;
  }

  /** Gives the calls with this place what is there, before somebody else takes it. */
  serveFirst(cursor: Cursor): void {
    if (this.#waiters.size > 0) this.#serveWaiters(cursor);
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

  /** There is another pool, or none any more: whoever rang is not who would ring now. */
  poolChanged(): void {
    this.#watch.rest();
    this.updateRef();
  }

  /** Serves whoever can be served, soon: after a connection, or when listeners came. */
  wakeSoon(): void {
    this.#schedule(NOW);
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
    const held = this.#waiters.size > this.#quiet || this.#listening;
    const ref = this.#keepAlive && held && !this.#source.closed;
    if (ref !== this.#ref) this.#doorbell?.setRef(ref);
    this.#ref = ref;
    this.#watch.setRef(ref && this.#doorbell === null);
  }

  close(): void {
    everyStep([() => this.#watch.stop(), () => this.#closeDoorbell(), () => this.#endAll()]);
  }

  #endAll(): void {
    for (const waiter of [...this.#waiters]) waiter.end();
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
    this.#doorbell = this.#source.openDoorbell(
      () => this.#rung(),
      () => this.#hungUp(),
    );
    this.#doorbell.setRef(this.#ref);
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
    const { attached } = this.#source;
    if (attached) {
      if (this.#serveQuick()) return;
    } else {
      this.#look();
    }
    const served = this.#pump();
    if (attached && served) this.#noteRing();
  }

  /** A ring with a frame: its producer has the doorbell open, and keeps it open. */
  #noteRing(): void {
    if (!this.#watch.relaxed && this.#doorbell?.hangsUp === true) this.#watch.relax();
  }

  /** The last who had the doorbell open for ringing is gone, or has let go of it. */
  #hungUp(): void {
    if (this.#source.closed) return;
    const held = this.#watch.alert();
    // Whoever rang between two readers of the doorbell was not heard.
    this.rearm();
    this.#lookAndServe();
    if (held && this.#source.attached) this.#watch.hurry();
  }

  /** What nearly every ring is for: a frame for everybody who waits. False where there is more to look at. */
  #serveQuick(): boolean {
    let served = false;
    try {
      for (const waiter of this.#listed()) {
        if (!waiter.serve(true)) return false;
        served = true;
      }
      if (this.#listening) {
        if (!this.#subscription.serve(true)) return false;
        served = true;
        if (this.#source.armFor(this.#subscription.cursor)) this.#schedule(platform().turn());
      }
    } catch (error) {
      this.#fail(error);
      return true;
    }
    if (served) this.#noteRing();
    return served && this.#waiters.size === 0;
  }

  /** Those who wait, in their order. A snapshot where there are several: whoever is served goes. */
  #listed(): Iterable<Waiter> {
    return this.#waiters.size === 1 ? this.#waiters : [...this.#waiters];
  }

  /** Whether anybody's wait is over. */
  #due(): boolean {
    if (this.#source.attached && !this.#source.connected) return true;
    if (this.#listening && this.#source.due(this.#subscription.cursor)) return true;
    for (const waiter of this.#waiters) if (waiter.due()) return true;
    return false;
  }

  /**
   * The doorbell rang, or something changed: serve everybody who waits, then ask for the next ring if somebody still does. Whether anybody
   * was given a frame.
   */
  #pump(): boolean {
    if (this.#source.closed) return false;
    try {
      // Of its end the consumer is told, which serves those who wait for its last frame.
      if (this.#source.attached && this.#source.ended()) return false;
      const served = this.#serveAll();
      if (this.#interested) this.#arm();
      return served;
    } catch (error) {
      this.#fail(error);
      return false;
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
    const served = this.#serveWaiters(null);
    const listening = this.#listening && this.#source.due(this.#subscription.cursor);
    if (listening) this.#subscription.serve(false);
    return listening || served;
  }

  /** In the order in which they came; with a cursor only those with that place. Whether anybody was given a frame. */
  #serveWaiters(cursor: Cursor | null): boolean {
    let served = false;
    for (const waiter of this.#listed()) {
      if (cursor !== null && waiter.cursor !== cursor) continue;
      // A loop may wait for several.
      while (this.#waiters.has(waiter) && waiter.due() && waiter.serve(false)) served = true;
    }
    return served;
  }

  #fail(error: unknown): void {
    for (const waiter of [...this.#waiters]) waiter.fail(error);
    this.#subscription.report(error);
  }
}
