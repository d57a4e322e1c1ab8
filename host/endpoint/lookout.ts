// Waiting for something that is no frame, on the same doorbell and by the same periodic look.

import { onAbort } from '../runtime/signals';
import { platform, type Timer } from '../runtime/system';
import type { Waiter, Waiting } from './waiting';

/** How long to wait, and for whom. */
export interface LookoutOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** Held for as long as it waits: it is not dropped. */
  readonly holder?: object;
  /** Whether it does without keeping the process alive. */
  readonly quiet?: boolean;
}

export class Lookout implements Waiter {
  /** True once it is there; false when the time is over, and when the consumer is closed. Rejects with the signal's reason. */
  readonly promise: Promise<boolean>;
  readonly cursor = null;
  readonly quiet: boolean;
  readonly holder: object | null;
  readonly #waiting: Waiting;
  readonly #there: () => boolean;
  #resolve: (there: boolean) => void = () => {};
  #reject: (error: unknown) => void = () => {};
  #timer: Timer | null = null;
  #removeAbort: (() => void) | null = null;

  constructor(waiting: Waiting, there: () => boolean, { timeoutMs = Infinity, signal, holder, quiet = false }: LookoutOptions) {
    this.#waiting = waiting;
    this.#there = there;
    this.holder = holder ?? null;
    this.quiet = quiet;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    if (signal !== undefined) this.#removeAbort = onAbort(signal, () => this.#refuse(signal.reason));
    if (timeoutMs !== Infinity) this.#timer = platform().after(Math.max(0, timeoutMs), () => this.#late());
  }

  due(): boolean {
    return this.#there();
  }

  serve(): boolean {
    try {
      if (!this.#there()) return false;
      this.#leave();
      this.#resolve(true);
    } catch (error) {
      this.#refuse(error);
    }
    return true;
  }

  end(): void {
    this.#leave();
    this.#resolve(false);
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
    if (!this.serve()) this.end();
  }

  #leave(): void {
    this.#timer?.stop();
    this.#timer = null;
    this.#removeAbort?.();
    this.#removeAbort = null;
    this.#waiting.leave(this);
  }
}
