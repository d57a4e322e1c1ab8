// Whose turn it is: a frame goes to the call that has waited longest with its place, and the event loop has turns in between.

import { Call } from '../endpoint/call';
import type { Frame } from '../endpoint/frame';
import type { Reader } from '../endpoint/reader';
import type { CopyRequest, Cursor, Source } from '../endpoint/source';
import type { View } from '../endpoint/view';
import type { Waiting } from '../endpoint/waiting';
import type { FrameForm } from '../tensor/form';

export class Turns {
  readonly #source: Source;
  readonly #waiting: Waiting;

  constructor(source: Source, waiting: Waiting) {
    this.#source = source;
    this.#waiting = waiting;
  }

  /** The next frame of a place: now if it is there and no other call waits for it, else in its turn. Null in vain. */
  next<F>(consumer: object, reader: Reader<F>, timeoutMs: number, signal: AbortSignal | undefined): Promise<F | null> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#source.closed) return Promise.resolve(null);
    try {
      const frame = this.now(reader);
      if (frame !== null) return Promise.resolve(frame);
    } catch (error) {
      return Promise.reject(error);
    }
    const call = new Call<F>(consumer, this.#waiting, reader, timeoutMs, signal);
    this.#waiting.join(call);
    return call.promise;
  }

  /** The next frame of a place, if it is there and no call waits for it. */
  tryNext<F extends FrameForm>(cursor: Cursor, request: CopyRequest | undefined, lends: boolean): Frame<F> | View<F> | null {
    // Calls of next that wait came first.
    this.#waiting.serveFirst(cursor);
    const source = this.#source;
    if (source.due(cursor)) {
      const frame = lends ? source.quickLend<F>(cursor, request) : source.quickTake<F>(cursor, request);
      if (frame !== null) return frame;
    }
    if (!source.newer(cursor)) return null;
    return lends ? source.lend<F>(cursor, request) : source.take<F>(cursor, request);
  }

  /** The frame that is there, unless somebody else waits for it, or the event loop is to have a turn first. */
  readonly now = <F>(reader: Reader<F>): F | null => {
    const { cursor } = reader;
    if (!this.#waiting.idle(cursor)) return null;
    const source = this.#source;
    let there = source.attached && source.due(cursor);
    // Without a pool, or with one that is over: that is looked into now, not after a turn of the event loop, for which a short wait has no time.
    if (!there && !source.connected) there = source.newer(cursor);
    if (!there || this.#waiting.overdue) return null;
    return reader.quick() ?? reader.take();
  };
}
