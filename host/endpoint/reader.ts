// Those who read frame after frame: from which place, and copied or lent.

import type { FrameForm } from '../tensor/form';
import type { Frame } from './frame';
import type { CopyRequest, Cursor, Source } from './source';
import type { View } from './view';

/** One way to read. Made once for a loop: it is asked for every frame. */
export interface Reader<F> {
  readonly cursor: Cursor;
  /** Whether there may be a frame, without looking for another pool. */
  due(): boolean;
  /** The frame that any ring tells of: a newer one of an open pool. Null where there is more to look at: then ask take. */
  quick(): F | null;
  /** The reader's next frame, after a look that has said that there is one; null when there is none after all. */
  take(): F | null;
}

export class CopyingReader<F extends FrameForm> implements Reader<Frame<F>> {
  readonly #source: Source;
  readonly #request: CopyRequest | undefined;

  constructor(
    source: Source,
    readonly cursor: Cursor,
    request: CopyRequest | undefined,
  ) {
    this.#source = source;
    this.#request = request;
  }

  due(): boolean {
    return this.#source.due(this.cursor);
  }

  quick(): Frame<F> | null {
    return this.#source.quickTake<F>(this.cursor, this.#request);
  }

  take(): Frame<F> | null {
    return this.#source.take<F>(this.cursor, this.#request);
  }
}

export class LendingReader<F extends FrameForm> implements Reader<View<F>> {
  readonly #source: Source;
  readonly #request: CopyRequest | undefined;

  constructor(
    source: Source,
    readonly cursor: Cursor,
    request: CopyRequest | undefined,
  ) {
    this.#source = source;
    this.#request = request;
  }

  due(): boolean {
    return this.#source.due(this.cursor);
  }

  quick(): View<F> | null {
    return this.#source.quickLend<F>(this.cursor, this.#request);
  }

  take(): View<F> | null {
    return this.#source.lend<F>(this.cursor, this.#request);
  }
}
