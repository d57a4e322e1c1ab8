// A call of next that waits for its frame, with a time limit and a signal of its own.

import { onAbort } from '../runtime/signals';
import { platform, type Timer } from '../runtime/system';
import type { Reader } from './reader';
import type { Cursor } from './source';
import type { Waiter, Waiting } from './waiting';

export class Call<F> implements Waiter {
  readonly promise: Promise<F | null>;
  readonly cursor: Cursor;
  readonly quiet = false;
  readonly #waiting: Waiting;
  readonly #reader: Reader<F>;
  #resolve: (frame: F | null) => void = () => {};
  #reject: (error: unknown) => void = () => {};
  #timer: Timer | null = null;
  #removeAbort: (() => void) | null = null;

  /**
   * Null when the time is over, and when the consumer is closed. Rejects with the signal's reason.
   *
   * @param consumer Held for as long as the call waits: it is not dropped.
   */
  constructor(
    readonly consumer: object,
    waiting: Waiting,
    reader: Reader<F>,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ) {
    this.#waiting = waiting;
    this.#reader = reader;
    this.cursor = reader.cursor;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    if (signal !== undefined) this.#removeAbort = onAbort(signal, () => this.#refuse(signal.reason));
    if (timeoutMs !== Infinity) this.#timer = platform().after(Math.max(0, timeoutMs), () => this.#late());
  }

  due(): boolean {
    return this.#reader.due();
  }

  serve(quick: boolean): boolean {
    try {
      const frame = quick ? this.#reader.quick() : this.#reader.take();
      if (frame === null) return false;
      this.#leave();
      this.#resolve(frame);
    } catch (error) {
      this.#refuse(error);
    }
    return true;
  }

  end(): void {
    this.#leave();
    this.#resolve(null);
  }

  fail(error: unknown): void {
    // Whoever awaits it, now or later, has the error; a promise that nobody awaits yet is no reason to end the program.
    this.promise.catch(() => undefined);
    this.#refuse(error);
  }

  #refuse(error: unknown): void {
    this.#leave();
    this.#reject(error);
  }

  #late(): void {
    // The time may be over while a frame that is there waits for its turn of the event loop.
    this.#waiting.serveFirst(this.cursor);
    this.end();
  }

  #leave(): void {
    this.#timer?.stop();
    this.#timer = null;
    this.#removeAbort?.();
    this.#removeAbort = null;
    this.#waiting.leave(this);
  }
}
