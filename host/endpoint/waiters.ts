// Those who wait for something, each with a time limit and a signal of its own.

import { onAbort } from '../runtime/signals';
import { platform, type Timer } from '../runtime/system';

/** Somebody who waits, and what for. */
export interface Waiter<What, Result> {
  readonly what: What;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

export class Waiters<What, Result> {
  readonly #waiters = new Set<Waiter<What, Result>>();
  readonly #changed: () => void;

  /** @param changed Called when somebody came or went. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  get size(): number {
    return this.#waiters.size;
  }

  /** A snapshot: whoever is served goes. */
  [Symbol.iterator](): Iterator<Waiter<What, Result>> {
    return [...this.#waiters][Symbol.iterator]();
  }

  /** Waits until somebody resolves it. When the time is over the result is `late`; when the signal aborts it rejects with its reason. */
  wait(what: What, timeoutMs: number, signal: AbortSignal | undefined, late: Result): Promise<Result> {
    return new Promise((resolve, reject) => {
      let timer: Timer | null = null;
      const leave = () => {
        this.#waiters.delete(waiter);
        timer?.stop();
        removeAbort?.();
        this.#changed();
      };
      const waiter: Waiter<What, Result> = {
        what,
        resolve: (result) => {
          leave();
          resolve(result);
        },
        reject: (error) => {
          leave();
          reject(error);
        },
      };
      const removeAbort = signal && onAbort(signal, () => waiter.reject(signal.reason));
      this.#waiters.add(waiter);
      if (timeoutMs !== Infinity) timer = platform().after(Math.max(0, timeoutMs), () => waiter.resolve(late));
      this.#changed();
    });
  }

  resolveAll(result: Result): void {
    for (const waiter of this) waiter.resolve(result);
  }

  rejectAll(error: unknown): void {
    for (const waiter of this) waiter.reject(error);
  }
}
