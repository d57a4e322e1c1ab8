// What `for await` runs over. Not an async generator: the return() of one waits until its next() is settled, which may be never.

import type { Reader } from '../endpoint/reader';
import type { Cursor, Source } from '../endpoint/source';
import type { Waiter, Waiting } from '../endpoint/waiting';
import { onAbort } from '../runtime/signals';

/** What a loop needs of its consumer. */
export interface LoopParts<F> {
  readonly waiting: Waiting;
  readonly reader: Reader<F>;
  /** The frame that is there now and that nobody else waits for, unless the event loop is to have a turn first. */
  now(reader: Reader<F>): F | null;
  /** The consumer has been closed, or the producer whose frames these were: there is nothing to wait for. */
  over(): boolean;
  /** The loop has begun (true), or is over (false). */
  running(runs: boolean): void;
}

/** How a loop ends. */
export interface LoopOptions {
  readonly signal: AbortSignal | undefined;
  readonly endOnClose: boolean;
}

/** Whether a producer has said goodbye from now on, and its last frame is taken or gone. The next producer may be there already. */
export function goodbyeTo(source: Source, cursor: Cursor): () => boolean {
  const before = source.goodbyes;
  return () => source.goodbyes !== before && !source.leftover(cursor);
}

const OVER: IteratorReturnResult<undefined> = Object.freeze({ done: true, value: undefined });

/** A call of next() that waits. */
class Pending<F> {
  readonly promise: Promise<IteratorResult<F, undefined>>;
  resolve: (result: IteratorResult<F, undefined>) => void = () => {};
  reject: (error: unknown) => void = () => {};

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
}

/** The place of a loop among those who wait: it takes the frame at the ring, and settles next() itself. */
class Place<F> implements Waiter {
  readonly cursor: Cursor;
  readonly quiet = false;
  readonly #parts: LoopParts<F>;
  readonly #signal: AbortSignal | undefined;
  // Calls of next() that wait, in their order. Nearly always one, or none.
  readonly #pending: Pending<F>[] = [];
  #state: 'new' | 'running' | 'over' = 'new';
  // Whether a ring brought the last frame.
  #rung = false;
  #removeAbort: (() => void) | null = null;

  constructor(parts: LoopParts<F>, signal: AbortSignal | undefined) {
    this.#parts = parts;
    this.#signal = signal;
    this.cursor = parts.reader.cursor;
  }

  next(): Promise<IteratorResult<F, undefined>> {
    if (this.#signal?.aborted || this.#parts.over()) this.end();
    if (this.#state === 'over') return Promise.resolve(OVER);
    if (this.#state === 'new') this.#begin();
    const { waiting, reader } = this.#parts;
    // Whoever keeps up asks for the ring first, and then looks once (S5). One that is behind looks before, and costs no ring.
    const keepsUp = this.#rung;
    this.#rung = false;
    let armed = false;
    try {
      if (this.#pending.length === 0) {
        armed = keepsUp && waiting.armed(this.cursor);
        const frame = armed ? null : this.#parts.now(reader);
        if (frame !== null) return Promise.resolve({ done: false, value: frame });
      }
    } catch (error) {
      this.end();
      return quiet(Promise.reject(error));
    }
    const call = new Pending<F>();
    if (this.#pending.push(call) === 1) waiting.join(this, armed);
    return call.promise;
  }

  #begin(): void {
    this.#state = 'running';
    this.#parts.running(true);
    // Once for the loop, and weakly: one that is dropped while nobody waits is to be collected, though its signal lives on.
    if (this.#signal !== undefined) this.#removeAbort = endOnAbort(new WeakRef<Ending>(this), this.#signal);
  }

  due(): boolean {
    return this.#parts.reader.due() || this.#parts.over();
  }

  serve(quick: boolean): boolean {
    const { reader, waiting } = this.#parts;
    try {
      if (this.#parts.over()) {
        this.end();
        return true;
      }
      const frame = quick ? reader.quick() : reader.take();
      if (frame === null) return false;
      this.#rung = quick;
      const call = this.#pending.shift();
      if (this.#pending.length === 0) waiting.leave(this);
      call?.resolve({ done: false, value: frame });
    } catch (error) {
      this.#refuse(this.#pending.splice(0, 1), error);
    }
    return true;
  }

  fail(error: unknown): void {
    this.#refuse(this.#pending.splice(0), error);
  }

  #refuse(calls: readonly Pending<F>[], error: unknown): void {
    for (const { promise, reject } of calls) {
      quiet(promise);
      reject(error);
    }
    this.end();
  }

  /** The loop is over: those that wait are told so. */
  end(): void {
    const running = this.#state === 'running';
    this.#state = 'over';
    if (!running) return;
    this.#removeAbort?.();
    this.#removeAbort = null;
    this.#parts.waiting.leave(this);
    for (const call of this.#pending.splice(0)) call.resolve(OVER);
    this.#parts.running(false);
  }
}

interface Ending {
  end(): void;
}

function endOnAbort(place: WeakRef<Ending>, signal: AbortSignal): () => void {
  return onAbort(signal, () => place.deref()?.end());
}

/** Whoever awaits it, now or later, has its error; a promise that nobody awaits yet is no reason to end the program. */
function quiet<R>(promise: Promise<R>): Promise<R> {
  promise.catch(() => undefined);
  return promise;
}

/**
 * The newer frames of a consumer, one after the other. Calls of next() that overlap are served in their order; return(), throw() and the
 * signal end those that wait.
 */
export class FrameLoop<F> implements AsyncIterableIterator<F, undefined> {
  readonly #place: Place<F>;

  constructor(parts: LoopParts<F>, signal: AbortSignal | undefined) {
    this.#place = new Place(parts, signal);
  }

  next(): Promise<IteratorResult<F, undefined>> {
    return this.#place.next();
  }

  return(): Promise<IteratorResult<F, undefined>> {
    this.#place.end();
    return Promise.resolve(OVER);
  }

  throw(error?: unknown): Promise<IteratorResult<F, undefined>> {
    this.#place.end();
    return Promise.reject(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#place.end();
  }
}
