// What a consumer has to tell, one thing after the other.

import { messageOf } from '../runtime/realm';
import { platform } from '../runtime/system';

export class News {
  // What has still to be told, in order.
  #announced: Promise<void> = Promise.resolve();
  #lastError: string | null = null;

  /** Runs a step in its turn, after the call that caused it: a constructor's caller has no listeners yet, and no call is re-entered. */
  announce(step: () => void | Promise<void>): void {
    // A promise, not queueMicrotask, which fake timers replace. Listeners' errors do not come this far.
    this.#announced = this.#announced.then(() => step());
  }

  /** There is nothing wrong any more: the next error is a new one. */
  allIsWell(): void {
    this.#lastError = null;
  }

  /**
   * Tells an error once, until it changes or all is well.
   *
   * @param tell Whether anybody listened.
   * @param warns Whether it is a warning then.
   */
  report(error: unknown, tell: () => boolean, warns: boolean): void {
    const message = messageOf(error);
    if (message === this.#lastError) return;
    this.#lastError = message;
    if (!tell() && warns) platform().warn(message);
  }
}
