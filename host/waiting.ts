// Waiting on the event loop. Nobody polls: whoever waits arms the consumer's bit, and the producer rings its FIFO. A slow timer looks
// for what no bell announces: a producer that died, or one that has appeared.

import { BELL_FILE } from '../assembly/layout';
import { CLOSED } from '../assembly/status';
import { bellName } from './bell';
import type { Connection } from './connection';
import { registerOpen } from './lifecycle';
import { type Cursor, LIVENESS_INTERVAL_MS, type Link } from './link';
import { type Bell, platform, type System, type Timer } from './system';

/** Longest that loops over frames keep the event loop to themselves. */
const MAX_TURN_MS = 2;

/** Somebody who waits for a newer frame. */
interface Waiter {
  readonly cursor: Cursor;
  resolve(outcome: 'frame' | 'over'): void;
  reject(error: unknown): void;
}

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
  readonly #system: System;
  readonly #link: Link;
  readonly #bellId: bigint;
  readonly #subscription: Subscription;
  readonly #bellMode: number;
  readonly #watch: Timer;
  readonly #waiters = new Set<Waiter>();
  #bell: Bell | null = null;
  #unregister: (() => void) | null = null;
  #keepAlive = true;
  #scheduled = false;
  // When readers began to find newer frames without waiting, or 0.
  #busySinceMs = 0;

  /** @param bellMode Permission bits of the FIFO: whoever may produce must be able to ring. */
  constructor(system: System, link: Link, bellId: bigint, bellMode: number, subscription: Subscription) {
    this.#system = system;
    this.#bellMode = bellMode;
    this.#link = link;
    this.#bellId = bellId;
    this.#subscription = subscription;
    this.#watch = platform().every(LIVENESS_INTERVAL_MS, () => this.look());
  }

  get #interested(): boolean {
    return !this.#link.closed && (this.#waiters.size > 0 || this.#subscription.active);
  }

  /** Waits for a frame newer than the cursor's; 'over' at the deadline or when the consumer is closed. */
  wait(cursor: Cursor, deadline: number, signal: AbortSignal | undefined): Promise<'frame' | 'over'> {
    this.#busySinceMs = 0;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      let timer: Timer | null = null;
      const done = () => {
        this.#waiters.delete(waiter);
        timer?.stop();
        signal?.removeEventListener('abort', onAbort);
        this.updateRef();
      };
      const waiter: Waiter = {
        cursor,
        resolve: (outcome) => {
          done();
          resolve(outcome);
        },
        reject: (error) => {
          done();
          reject(error);
        },
      };
      const onAbort = () => waiter.reject(signal?.reason);
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiters.add(waiter);
      if (deadline !== Infinity)
        timer = platform().after(Math.max(0, deadline - performance.now()), () => waiter.resolve('over'));
      this.updateRef();
      this.#arm();
    });
  }

  /**
   * Gives the event loop a turn when it has had none for a while. A reader that is always behind would otherwise go from frame to
   * frame in microtasks, and no timer or socket of the program would ever be served.
   */
  breathe(): Promise<void> | null {
    const now = performance.now();
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
      try {
        this.rearm();
      } catch (error) {
        this.#fail(error);
        return;
      }
      this.#pump();
    });
  }

  /** The periodic look; also after a blocking wait has timed out. */
  look(): void {
    if (this.#link.closed) return;
    try {
      this.#link.check();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Asks for the bell again after something else used the consumer's bit. */
  rearm(): void {
    if (this.#interested) this.#arm();
  }

  setKeepAlive(keepAlive: boolean): void {
    this.#keepAlive = keepAlive;
    this.updateRef();
  }

  /** Waiting keeps the process alive. */
  updateRef(): void {
    const ref = this.#keepAlive && this.#interested;
    this.#bell?.setRef(ref);
    this.#watch.setRef(ref && this.#bell === null);
  }

  close(): void {
    this.#watch.stop();
    this.#closeBell();
    for (const waiter of [...this.#waiters]) waiter.resolve('over');
  }

  /** Has the producer, or the next one, ring at the next frame, unless there is one already. */
  #arm(): void {
    if (this.#link.closed) return;
    this.#openBell();
    const { connection } = this.#link;
    if (connection === null) return;
    connection.mapping.core.consumerArm(connection.mapping.handle, BELL_FILE); // S5: before the head is looked at again
    // By a turn of the event loop: listeners that are always behind must not keep it to themselves.
    if (this.#due(connection)) this.#schedule(platform().turn());
  }

  #openBell(): void {
    if (this.#bell !== null) return;
    const name = bellName(this.#link.name, this.#bellId);
    // The bell is all that a consumer leaves behind. One that never waits here needs no hook on exit and signals. The hook comes first:
    // without it a signal that comes now would end the process and leave the file.
    this.#unregister = registerOpen(() => this.#closeBell());
    try {
      this.#bell = platform().openBell(name, this.#bellMode, () => this.#rung());
    } catch (error) {
      this.#unregister();
      throw error;
    }
    this.updateRef();
    // A producer may have come just before there was a bell to ring.
    if (this.#link.connection === null) this.look();
  }

  #closeBell(): void {
    if (this.#bell === null) return;
    this.#bell.close();
    this.#bell = null;
    this.#system.unlinkBell(bellName(this.#link.name, this.#bellId));
    // Not before: without the hook a signal that comes now would end the process and leave the file.
    this.#unregister?.();
  }

  #rung(): void {
    if (this.#link.connection === null) this.look();
    this.#pump();
  }

  /** Whether anybody's wait is over. */
  #due(connection: Connection): boolean {
    if (this.#link.newest(connection) === CLOSED) return true;
    if (this.#subscription.active && this.#link.newer(this.#subscription.cursor, connection)) return true;
    for (const { cursor } of this.#waiters) if (this.#link.newer(cursor, connection)) return true;
    return false;
  }

  /** The bell rang, or something changed: serve everybody who waits, then ask for the next ring if somebody still does. */
  #pump(): void {
    const { connection, closed } = this.#link;
    if (closed || connection === null) return;
    try {
      if (this.#link.newest(connection) === CLOSED) {
        this.#link.lose('closed');
        return;
      }
      for (const waiter of [...this.#waiters]) {
        if (this.#link.newer(waiter.cursor, connection)) waiter.resolve('frame');
      }
      if (this.#subscription.active && this.#link.newer(this.#subscription.cursor, connection)) this.#subscription.serve();
      if (this.#interested) this.#arm();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    for (const waiter of [...this.#waiters]) waiter.reject(error);
    this.#subscription.report(error);
  }
}
