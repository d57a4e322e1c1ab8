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
  // With the promise that each was given.
  readonly #waiters = new Map<Waiter<What, Result>, Promise<Result>>();
  readonly #changed: () => void;

  /** @param changed Called when somebody came or went. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  get size(): number {
    return this.#waiters.size;
  }

  /** Whether it still waits: others may have gone while one was served. */
  has(waiter: Waiter<What, Result>): boolean {
    return this.#waiters.has(waiter);
  }

  /** A snapshot, in the order in which they came: whoever is served goes. */
  [Symbol.iterator](): Iterator<Waiter<What, Result>> {
    return [...this.#waiters.keys()][Symbol.iterator]();
  }

  /**
   * Waits until somebody resolves it. When the time is over the result is what `late` says; when the signal aborts it rejects with its
   * reason.
   */
  wait(what: What, timeoutMs: number, signal: AbortSignal | undefined, late: () => Result): Promise<Result> {
    let join = () => {};
    const promise = new Promise<Result>((resolve, reject) => {
      let timer: Timer | null = null;
      const leave = () => {
        if (!this.#waiters.delete(waiter)) return false;
        timer?.stop();
        removeAbort?.();
        this.#changed();
        return true;
      };
      const waiter: Waiter<What, Result> = {
        what,
        resolve: (result) => {
          if (leave()) resolve(result);
        },
        reject: (error) => {
          if (leave()) reject(error);
        },
      };
      const onTime = () => {
        try {
          waiter.resolve(late());
        } catch (error) {
          waiter.reject(error);
        }
      };
      const removeAbort = signal && onAbort(signal, () => waiter.reject(signal.reason));
      join = () => {
        this.#waiters.set(waiter, promise);
        if (timeoutMs !== Infinity) timer = platform().after(Math.max(0, timeoutMs), onTime);
      };
    });
    join();
    this.#changed();
    return promise;
  }

  resolveAll(result: Result): void {
    for (const waiter of this) waiter.resolve(result);
  }

  /**
   * Rejects everybody, for a failure that none of their calls caused. Whoever awaits its promise, now or later, has the error; a promise
   * that nobody awaits yet is no reason to end the program.
   */
  rejectAll(error: unknown): void {
    for (const [waiter, promise] of [...this.#waiters]) {
      promise.catch(() => undefined);
      waiter.reject(error);
    }
  }
}
