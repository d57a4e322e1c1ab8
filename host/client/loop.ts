// What `for await` runs over. Not an async generator: the return() of one waits until its next() is settled, which may be never.

import type { Cursor } from '../endpoint/source';
import type { Waiting } from '../endpoint/waiting';

/** What a loop needs of its consumer. */
export interface LoopParts<F> {
  readonly waiting: Waiting;
  /** The loop's place, its own. */
  readonly cursor: Cursor;
  /** The next frame, now or later; null when none will come. */
  next(): Promise<F | null>;
  /** The loop has begun (true), or is over (false). */
  running(runs: boolean): void;
}

const OVER: IteratorReturnResult<undefined> = Object.freeze({ done: true, value: undefined });

/**
 * The newer frames of a consumer, one after the other. Calls of next() that overlap are served in their order; return(), throw() and the
 * signal end those that wait.
 */
export class FrameLoop<F> implements AsyncIterableIterator<F, undefined> {
  readonly #parts: LoopParts<F>;
  readonly #signal: AbortSignal | undefined;
  #state: 'new' | 'running' | 'over' = 'new';

  constructor(parts: LoopParts<F>, signal: AbortSignal | undefined) {
    this.#parts = parts;
    this.#signal = signal;
  }

  next(): Promise<IteratorResult<F, undefined>> {
    if (this.#signal?.aborted) this.#end();
    if (this.#state === 'over') return Promise.resolve(OVER);
    if (this.#state === 'new') {
      this.#state = 'running';
      this.#parts.running(true);
    }
    const result = this.#parts.next().then<IteratorResult<F, undefined>, IteratorResult<F, undefined>>(
      (value) => {
        if (value !== null) return { done: false, value };
        this.#end();
        return OVER;
      },
      (error) => {
        this.#end();
        if (this.#signal?.aborted) return OVER;
        throw error;
      },
    );
    // As of Waiters.rejectAll: who awaits it has the error, and who does not yet is no reason to end the program.
    result.catch(() => undefined);
    return result;
  }

  return(): Promise<IteratorResult<F, undefined>> {
    this.#end();
    return Promise.resolve(OVER);
  }

  throw(error?: unknown): Promise<IteratorResult<F, undefined>> {
    this.#end();
    return Promise.reject(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end();
  }

  #end(): void {
    const running = this.#state === 'running';
    this.#state = 'over';
    if (!running) return;
    this.#parts.waiting.release(this.#parts.cursor);
    this.#parts.running(false);
  }
}
