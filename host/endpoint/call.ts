// A call of next that waits for its frame.

import type { Reader } from './reader';
import type { Cursor } from './source';
import { Wait } from './wait';
import type { Waiting } from './waiting';

export class Call<F> extends Wait<F, null> {
  readonly cursor: Cursor;
  readonly quiet = false;
  readonly #reader: Reader<F>;

  /** @param consumer Held for as long as the call waits: it is not dropped. */
  constructor(
    readonly consumer: object,
    waiting: Waiting,
    reader: Reader<F>,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ) {
    super(waiting, null, timeoutMs, signal);
    this.#reader = reader;
    this.cursor = reader.cursor;
  }

  due(): boolean {
    return this.#reader.due();
  }

  protected find(quick: boolean): F | null {
    return quick ? this.#reader.quick() : this.#reader.take();
  }

  protected late(): void {
    // The time may be over while a frame that is there waits for its turn of the event loop.
    this.waiting.serveFirst(this.cursor);
    this.end();
  }
}
