import { CLOSED } from '../assembly/status';
import { Blocking } from './blocking';
import type { Connection } from './connection';
import {
  type ConsumerEvents,
  type ConsumerOptions,
  type ConsumerStats,
  checkConsumerOptions,
  type FramesOptions,
  type GetOptions,
  type NextOptions,
  type WindowOptions,
} from './consumer-options';
import { readConsumerCounters } from './counters';
import type { TypedArray } from './dtype';
import { TensorIpcError } from './errors';
import { callSafely, Emitter } from './events';
import { FROM_NOW } from './follower';
import { Frame } from './frame';
import { checkInto } from './intake';
import { type Cursor, Link } from './link';
import { checkName, MetadataCreator, PoolMetadata, type Sample } from './metadata';
import { adoptMapping, checkShared, type SharedPool, shareMapping } from './share';
import { platform, type System } from './system';
import type { TensorLike } from './tensor';
import { View } from './view';
import { type Subscription, Waiting } from './waiting';

/** Permission bits of a consumer's FIFO: whoever it accepts as a producer must be able to ring. */
const BELL_MODES = { owner: 0o600, group: 0o660, any: 0o666 } as const;

/**
 * Reads a pool. May be created before its producer: it connects by itself, at `get` and while waiting, and again when the
 * producer comes back.
 */
export class TensorConsumer<T extends TypedArray = TypedArray>
  extends Emitter<ConsumerEvents<T>>
  implements Disposable, AsyncIterable<Frame<T>>
{
  readonly name: string;
  readonly #expected: PoolMetadata | null;
  readonly #system: System;
  readonly #link: Link;
  readonly #waiting: Waiting;
  readonly #blocking: Blocking;
  readonly #onNewData: ((frame: Frame<T>) => void) | null;
  readonly #removeAbort: () => void;
  readonly #cursor: Cursor = { epoch: 0, seen: -1 };
  readonly #subscription: Cursor = { epoch: 0, seen: -1 };
  readonly #recycle = (frame: Frame): void => this.#link.connection?.recycle(frame.data);
  #lastError: string | null = null;

  /**
   * @param metadata What the pool is expected to be. A pool of other form under the name is an error.
   * @throws TensorIpcError SHAPE_MISMATCH, DTYPE_MISMATCH, FIELDS_MISMATCH, HISTORY_MISMATCH, FOREIGN_OBJECT, UNSAFE_MODE,
   * TRUNCATED_OBJECT, VERSION_MISMATCH, CORRUPT_OBJECT, PERMISSION_DENIED, TOO_MANY_CONSUMERS, ADDRESS_SPACE,
   * UNSUPPORTED_PLATFORM, MISSING_DEPENDENCY
   */
  constructor(metadata: PoolMetadata, options?: ConsumerOptions<T>);
  /** @internal */
  constructor(pool: PoolMetadata | string | SharedPool, options?: ConsumerOptions<T>, ignoreHistory?: boolean);
  constructor(pool: PoolMetadata | string | SharedPool, options: ConsumerOptions<T> = {}, ignoreHistory = false) {
    super();
    const shared = pool instanceof Object && 'parts' in pool ? pool : null;
    if (typeof pool !== 'string' && shared === null && !(pool instanceof PoolMetadata)) {
      throw new TensorIpcError('INVALID_ARGUMENT', 'metadata must be a PoolMetadata, as MetadataCreator.fromSample makes it');
    }
    this.#expected = pool instanceof PoolMetadata ? pool : null;
    this.name = checkName(typeof pool === 'string' ? pool : pool.name);
    const { onNewData, signal, trust, delivery, from, protect } = checkConsumerOptions(options);
    this.#onNewData = onNewData ?? null;
    this.#system = platform().system();
    const bellId = this.#system.randomU64();
    this.#link = new Link(this.#system, {
      name: this.name,
      expected: this.#expected,
      ignoreHistory,
      trust,
      protect,
      follow: delivery === 'latest' ? null : from === 'oldest' ? 0 : FROM_NOW,
      bellId,
      adopt: shared && (() => adoptMapping(this.#system, shared)),
      onConnect: (found) => {
        this.#lastError = null;
        this.#announce(() => this.emit('connect', found));
        this.#waiting.updateRef();
        this.#waiting.wakeSoon();
      },
      onDisconnect: (reason) => {
        this.#announce(() => this.emit('disconnect', reason));
        this.#waiting.updateRef();
      },
    });
    this.#blocking = new Blocking(this.#system, this.#link);
    this.#waiting = new Waiting(this.#system, this.#link, bellId, BELL_MODES[trust], this.#listening());
    try {
      this.#link.connect();
    } catch (error) {
      this.#waiting.close();
      throw error;
    }
    const abort = () => this.cleanup();
    signal?.addEventListener('abort', abort, { once: true });
    this.#removeAbort = () => signal?.removeEventListener('abort', abort);
    if (signal?.aborted) this.cleanup();
    else this.listenersChanged();
  }

  /**
   * A consumer for frames like the sample: its shape and dtype must be the pool's, and its historyLen if one is given.
   */
  static fromSample<T extends TypedArray>(
    name: string,
    sample: TensorLike<T>,
    options?: ConsumerOptions<T> & { readonly historyLen?: number },
  ): TensorConsumer<T>;
  static fromSample(name: string, sample: Sample, options?: ConsumerOptions & { readonly historyLen?: number }): TensorConsumer;
  static fromSample(
    name: string,
    sample: Sample,
    options: ConsumerOptions & { readonly historyLen?: number } = {},
  ): TensorConsumer {
    return new TensorConsumer(MetadataCreator.fromSample(name, sample, options), options, options.historyLen === undefined);
  }

  /** A consumer that takes the pool for what it says it is. */
  static attach<T extends TypedArray = TypedArray>(name: string, options?: ConsumerOptions<T>): TensorConsumer<T> {
    return new TensorConsumer<T>(name, options, true);
  }

  /**
   * A consumer of what `share()` gave, in the thread that it was posted to: on the same mapped pages. When that pool ends it attaches to
   * the next one under the name by itself.
   *
   * @throws TensorIpcError INVALID_ARGUMENT, CLOSED when another reader has it or the sharing thread has closed its pool, TOO_MANY_CONSUMERS
   */
  static fromShared<T extends TypedArray = TypedArray>(shared: SharedPool, options?: ConsumerOptions<T>): TensorConsumer<T> {
    return new TensorConsumer<T>(checkShared(shared, platform().system().pid), options, true);
  }

  /** Whether it is attached to the pool of a live producer. */
  get connected(): boolean {
    const { connection } = this.#link;
    return connection !== null && this.#link.newest(connection) !== CLOSED;
  }

  get closed(): boolean {
    return this.#link.closed;
  }

  /** The pool's metadata; before the first connection what was expected, or null. */
  get metadata(): PoolMetadata | null {
    return this.#link.connection?.mapping.metadata ?? this.#expected;
  }

  /**
   * A copy of the latest frame, or of the latest `historyLen` frames as `[historyLen, ...shape]`; null before the first frame, or
   * without a producer. Never torn.
   *
   * @throws TensorIpcError HISTORY_TOO_LONG, INVALID_ARGUMENT, CLOSED, and what the constructor throws
   */
  get(options?: GetOptions): Frame<T> | null {
    return this.#get(this.#cursor, options);
  }

  /**
   * A view of the latest frame, or window of frames, on the shared pages: no copy. Pinned until `release()`; null before the first
   * frame, or without a producer.
   *
   * @throws as get
   */
  borrow(options?: WindowOptions): View<T> | null {
    return this.#borrow(this.#cursor, options);
  }

  /**
   * The pool for another thread of this process, which reads the same mapped pages: post it, and open it there with
   * TensorConsumer.fromShared. Each call is for one reader. Null without a producer.
   */
  share(): SharedPool | null {
    const connection = this.#link.live();
    return connection && shareMapping(connection.mapping);
  }

  /**
   * Waits for a frame newer than the last one that this consumer gave out, and copies it. Null when the time is over or the
   * consumer is closed.
   */
  async next(options: NextOptions = {}): Promise<Frame<T> | null> {
    const { timeoutMs, signal } = options;
    signal?.throwIfAborted();
    const deadline = timeoutMs === undefined ? Infinity : performance.now() + checkTimeout(timeoutMs);
    for (;;) {
      if (this.closed) return null;
      if (this.#link.newer(this.#cursor, this.#link.live())) {
        await this.#waiting.breathe();
        const frame = this.closed ? null : this.#take(this.#cursor, options);
        if (frame !== null) return frame;
        continue;
      }
      if ((await this.#waiting.wait(this.#cursor, deadline, signal)) === 'over') return null;
    }
  }

  /**
   * next without waiting: a frame newer than the last one given out (with delivery 'all' the one after it), or null. What belongs
   * behind waitSync and spin.
   *
   * @throws as get
   */
  tryNext(options: GetOptions & { readonly borrow: true }): View<T> | null;
  tryNext(options?: GetOptions & { readonly borrow?: false }): Frame<T> | null;
  tryNext(options: GetOptions & { readonly borrow?: boolean } = {}): Frame<T> | View<T> | null {
    if (!this.#link.newer(this.#cursor, this.#link.live())) return null;
    return options.borrow === true ? this.#lend(this.#cursor, options) : this.#take(this.#cursor, options);
  }

  /** Every newer frame, as fast as the loop takes them; what came in between is counted in `missed`. */
  frames(options: FramesOptions & { readonly borrow: true }): AsyncIterableIterator<View<T>>;
  frames(options?: FramesOptions & { readonly borrow?: false }): AsyncIterableIterator<Frame<T>>;
  frames(options: FramesOptions = {}): AsyncIterableIterator<View<T>> | AsyncIterableIterator<Frame<T>> {
    const cursor = { ...this.#cursor };
    return options.borrow === true
      ? this.#loop(cursor, options, () => this.#lend(cursor, options))
      : this.#loop(cursor, options, () => this.#take(cursor, options));
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Frame<T>> {
    return this.frames();
  }

  async *#loop<F>(cursor: Cursor, { signal }: FramesOptions, take: () => F | null): AsyncGenerator<F, void, undefined> {
    while (!this.closed && !signal?.aborted) {
      if (this.#link.newer(cursor, this.#link.live())) {
        await this.#waiting.breathe();
        const frame = this.closed ? null : take();
        if (frame !== null) yield frame;
        continue;
      }
      try {
        if ((await this.#waiting.wait(cursor, Infinity, signal)) === 'over') return;
      } catch (error) {
        if (signal?.aborted) return;
        throw error;
      }
    }
  }

  /** Blocks the thread until there is a frame newer than the last one given out: true, or false when the time is over. */
  waitSync(timeoutMs = Infinity): boolean {
    checkTimeout(timeoutMs);
    try {
      return this.#blocking.wait(this.#cursor, timeoutMs);
    } finally {
      this.#waiting.rearm();
    }
  }

  /**
   * Blocks the thread and burns its core until there is a newer frame: true, or false after `timeoutUs` microseconds, or without a
   * live producer.
   */
  spin(timeoutUs = Infinity): boolean {
    return this.#blocking.spin(this.#cursor, checkTimeout(timeoutUs));
  }

  /** What it was given so far; the same figures as `inspect(name)` shows of it. */
  stats(): ConsumerStats {
    const { connection } = this.#link;
    if (connection === null) return { connected: false, lastSequence: null, lag: 0, framesTaken: 0, framesMissed: 0 };
    const counters = readConsumerCounters(connection.mapping);
    const latest = Math.max(connection.latest(), -1);
    return { connected: this.connected, ...counters, lag: Math.max(0, latest - (counters.lastSequence ?? -1)) };
  }

  /** Lets waiting keep the process alive (default). */
  ref(): this {
    this.#waiting.setKeepAlive(true);
    return this;
  }

  /** Lets the process end although somebody waits or listens. */
  unref(): this {
    this.#waiting.setKeepAlive(false);
    return this;
  }

  /** Leaves the pool. Waiting ends: `next` gives null, loops end. Views that are out stay valid until they are released. */
  cleanup(): void {
    if (this.closed) return;
    this.#removeAbort();
    this.#link.close();
    this.#waiting.close();
  }

  /** The same as cleanup. */
  close(): void {
    this.cleanup();
  }

  [Symbol.dispose](): void {
    this.cleanup();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cleanup();
  }

  #count(connection: Connection, options: WindowOptions | undefined): number {
    const count = options?.historyLen;
    if (count === undefined) return 1;
    const { historyLen } = connection.mapping.metadata;
    if (!Number.isSafeInteger(count) || count < 1) {
      throw new TensorIpcError('INVALID_ARGUMENT', `historyLen is a whole number of at least 1, found ${String(count)}`);
    }
    if (count > historyLen) {
      throw new TensorIpcError(
        'HISTORY_TOO_LONG',
        `pool '${this.name}' keeps ${historyLen} frames, but ${count} were asked for: create the producer with { historyLen: ${count} }`,
      );
    }
    return count;
  }

  #get(cursor: Cursor, options: GetOptions | undefined): Frame<T> | null {
    const connection = this.#link.live();
    if (connection === null) return null;
    const count = this.#count(connection, options);
    const into = options?.into === undefined ? null : checkInto(connection.mapping.metadata, count, options.into);
    const copied = connection.copy(count, options?.latestFirst ?? true, into);
    if (typeof copied === 'number') {
      if (copied === CLOSED && this.#link.follower === null) this.#link.lose('closed');
      return null;
    }
    const missed = this.#advance(cursor, copied.sequence);
    return new Frame<T>(copied.window, copied.sequence, count, copied.timestampNs, missed, into === null ? this.#recycle : null);
  }

  #borrow(cursor: Cursor, options: WindowOptions | undefined): View<T> | null {
    // The pin itself tells whether the pool is open: no look before it.
    const connection = this.#link.connection ?? this.#link.live();
    if (connection === null) return null;
    const count = this.#count(connection, options);
    const sequence = connection.pin(count);
    if (sequence < 0) {
      if (sequence === CLOSED && this.#link.follower === null) this.#link.lose('closed');
      return null;
    }
    if (this.#link.follower === null && !this.#link.stillLives(connection, sequence)) return null;
    return new View<T>(connection, sequence, count, options?.latestFirst ?? true, this.#advance(cursor, sequence));
  }

  /** The next frame of this reader: with lossless delivery the one after the last, otherwise the newest. */
  #take(cursor: Cursor, options: GetOptions | undefined): Frame<T> | null {
    const connection = this.#link.live();
    const { follower } = this.#link;
    if (connection === null || follower === null) return this.#get(cursor, options);
    this.#checkSingle(options);
    const into = options?.into === undefined ? null : checkInto(connection.mapping.metadata, 1, options.into);
    if (follower.next() < 0) return null;
    const { window, sequence, timestampNs } = follower.take(into);
    const missed = this.#advance(cursor, sequence);
    return new Frame<T>(window, sequence, 1, timestampNs, missed, into === null ? this.#recycle : null);
  }

  /** The same as a view. */
  #lend(cursor: Cursor, options: WindowOptions | undefined): View<T> | null {
    const connection = this.#link.live();
    const { follower } = this.#link;
    if (connection === null || follower === null) return this.#borrow(cursor, options);
    this.#checkSingle(options);
    if (follower.next() < 0) return null;
    const sequence = follower.lend();
    return new View<T>(connection, sequence, 1, false, this.#advance(cursor, sequence));
  }

  #checkSingle(options: WindowOptions | undefined): void {
    if ((options?.historyLen ?? 1) === 1) return;
    throw new TensorIpcError(
      'INVALID_ARGUMENT',
      "delivery 'all' gives frames one by one: leave historyLen out, or use get({ historyLen }) for the latest window",
    );
  }

  /** Notes what a reader was given; how many it missed since the last. */
  #advance(cursor: Cursor, sequence: number): number {
    const missed = this.#link.advance(cursor, sequence);
    if (missed > 0) this.emit('lag', { missed, sequence });
    return missed;
  }

  get #subscribed(): boolean {
    return this.#onNewData !== null || this.listenerCount('frame') > 0;
  }

  protected override listenersChanged(): void {
    if (this.closed) return;
    this.#waiting.updateRef();
    this.#waiting.wakeSoon();
  }

  /** Events come after the call that caused them: the constructor's caller has no listeners yet, and no call is re-entered. */
  #announce(event: () => void): void {
    queueMicrotask(() => {
      if (!this.closed) event();
    });
  }

  #listening(): Subscription {
    const consumer = this;
    return {
      cursor: this.#subscription,
      get active() {
        return consumer.#subscribed;
      },
      serve: () => {
        const frame = this.#take(this.#subscription, undefined);
        if (frame === null) return;
        if (this.#onNewData !== null) callSafely(() => this.#onNewData?.(frame));
        this.emit('frame', frame);
      },
      // Once, until it changes or the pool can be used.
      report: (error) => {
        const message = error instanceof Error ? error.message : String(error);
        if (message === this.#lastError) return;
        this.#lastError = message;
        if (!this.emit('error', error) && this.#subscribed) platform().warn(message);
      },
    };
  }
}

function checkTimeout(timeout: number): number {
  if (!(timeout >= 0)) {
    throw new TensorIpcError('INVALID_ARGUMENT', `a timeout is a number of at least 0, found ${String(timeout)}`);
  }
  return timeout;
}
