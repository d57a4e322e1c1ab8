// A wait at a consumer's doorbell that has a promise: with a time limit and a signal of its own.

import { onAbort } from '../runtime/signals';
import { platform, type Timer } from '../runtime/system';
import type { Cursor } from './source';
import type { Waiter, Waiting } from './waiting';

export abstract class Wait<R, V> implements Waiter {
  /** What was waited for; `inVain` when the time is over, and when the consumer is closed. Rejects with the signal's reason. */
  readonly promise: Promise<R | V>;
  abstract readonly cursor: Cursor | null;
  abstract readonly quiet: boolean;
  protected readonly waiting: Waiting;
  readonly #inVain: V;
  #resolve: (result: R | V) => void = () => {};
  #reject: (error: unknown) => void = () => {};
  #timer: Timer | null = null;
  #removeAbort: (() => void) | null = null;

  constructor(waiting: Waiting, inVain: V, timeoutMs: number, signal: AbortSignal | undefined) {
    this.waiting = waiting;
    this.#inVain = inVain;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    if (signal !== undefined) this.#removeAbort = onAbort(signal, () => this.#refuse(signal.reason));
    if (timeoutMs !== Infinity) this.#timer = platform().after(Math.max(0, timeoutMs), () => this.late());
  }

  abstract due(): boolean;

  /** What is waited for, or `inVain` where it is not there after all. */
  protected abstract find(quick: boolean): R | V;

  /** The time is over. */
  protected abstract late(): void;

  serve(quick: boolean): boolean {
    try {
      const found = this.find(quick);
      if (found === this.#inVain) return false;
      this.#leave();
      this.#resolve(found);
    } catch (error) {
      this.#refuse(error);
    }
    return true;
  }

  end(): void {
    this.#leave();
    this.#resolve(this.#inVain);
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

  #leave(): void {
    this.#timer?.stop();
    this.#timer = null;
    this.#removeAbort?.();
    this.#removeAbort = null;
    this.waiting.leave(this);
  }
}
