// Work that takes long for large pools, cut into pieces: done at once where the caller waits for it, or with turns of the event loop between
// the pieces. A generator yields after each piece what part of the whole is done; an error that is thrown into it ends it as a failed system
// call would, and it cleans up.

import { steadyMs } from './clock';
import { platform } from './system';

/** Yields the fraction that is done, from 0 to 1. */
export type Pieces<T> = Generator<number, T, void>;

/** How to follow and to end what happens in turns. */
export interface TurnOptions {
  /** Ends it: the promise is rejected with the signal's reason, and nothing is left. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each piece with the part that is done, from 0 to 1. */
  readonly onProgress?: ((fraction: number) => void) | undefined;
}

/** A piece that takes this long is followed by a larger one, one that takes twice as long by a smaller one. */
export const PIECE_MS = 4;
const FIRST_BYTES = 1 << 21;
const LEAST_BYTES = 1 << 18;
const MOST_BYTES = 1 << 26;

/** Does something to `bytes` bytes, a piece at a time; `from` and `to` say what part of a larger work it is. */
export function* inPieces(bytes: number, piece: (offset: number, bytes: number) => void, from = 0, to = 1): Pieces<void> {
  let size = FIRST_BYTES;
  for (let at = 0; at < bytes; ) {
    const length = Math.min(size, bytes - at);
    const start = steadyMs();
    piece(at, length);
    const tookMs = steadyMs() - start;
    if (tookMs > 2 * PIECE_MS) size = Math.max(LEAST_BYTES, size / 2);
    else if (tookMs < PIECE_MS) size = Math.min(MOST_BYTES, size * 2);
    at += length;
    yield from + ((to - from) * at) / bytes;
  }
}

export function allAtOnce<T>(pieces: Pieces<T>): T {
  for (;;) {
    const step = pieces.next();
    if (step.done) return step.value;
  }
}

/** Work that goes on in turns, and can be ended in between. */
export class InTurns<T> {
  readonly #pieces: Pieces<T>;
  #fault: { readonly error: unknown } | null = null;

  constructor(pieces: Pieces<T>) {
    this.#pieces = pieces;
  }

  async finish({ signal, onProgress }: TurnOptions = {}): Promise<T> {
    signal?.throwIfAborted();
    for (;;) {
      const step = this.#pieces.next();
      if (step.done) return step.value;
      await platform().turn();
      this.#throwIfEnded();
      try {
        onProgress?.(step.value);
        signal?.throwIfAborted();
      } catch (error) {
        this.end(error);
      }
      this.#throwIfEnded();
    }
  }

  #throwIfEnded(): void {
    if (this.#fault !== null) throw this.#fault.error;
  }

  /** Ends it now, by this error. */
  end(error: unknown): void {
    if (this.#fault !== null) return;
    this.#fault = { error };
    try {
      this.#pieces.throw(error);
    } catch (fault) {
      // What a failed cleanup throws in its place says less.
      if (fault !== error) this.#fault = { error };
    }
  }
}
