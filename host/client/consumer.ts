import { Call } from '../endpoint/call';
import type { Frame } from '../endpoint/frame';
import {
  type ConsumerEvents,
  type ConsumerOptions,
  type ConsumerStats,
  checkConsumerOptions,
  type FramesOptions,
  type GetOptions,
  type NextOptions,
  type OpenOptions,
  type WindowOptions,
} from '../endpoint/options';
import { CopyingReader, LendingReader, type Reader } from '../endpoint/reader';
import { checkFlag, checkRequest, checkSignal, checkTimeout, checkTurnOptions, type Prospect } from '../endpoint/requests';
import type { Cursor, Source } from '../endpoint/source';
import type { View } from '../endpoint/view';
import { Waiting } from '../endpoint/waiting';
import { checkOptions } from '../endpoint/wires';
import { checkShared, type SharedPool } from '../memory/share';
import { NativeSource } from '../native/source';
import { whenDropped } from '../runtime/dropped';
import { TensorIpcError } from '../runtime/errors';
import { callSafely, Emitter } from '../runtime/events';
import { messageOf } from '../runtime/realm';
import { everyStep, runSteps } from '../runtime/steps';
import { platform } from '../runtime/system';
import { MetadataCreator, type Sample } from '../tensor/creator';
import type { TypedArray } from '../tensor/dtype';
import { checkName, ownMetadata, type PoolMetadata } from '../tensor/metadata';
import type { TensorLike } from '../tensor/tensor';
import { WireSource } from '../wire/source';
import { FrameLoop } from './loop';
import { type Anchor, type ConsumerCallbacks, closeOnAbort, closing, eventsOf, subscriptionOf } from './weak-callbacks';

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
  readonly #expects: Pick<Prospect, 'historyKnown' | 'lossless'>;
  readonly #source: Source;
  readonly #waiting: Waiting;
  readonly #onNewData: ((frame: Frame<T>) => void) | null;
  readonly #removeAbort: () => void;
  readonly #keep: () => void;
  readonly #anchor: Anchor = { held: null };
  readonly #callbacks: ConsumerCallbacks = {
    onConnect: (found) => this.#connected(found),
    onDisconnect: (reason) => this.#disconnected(reason),
    onLag: (missed, sequence) => void this.emit('lag', { missed, sequence }),
    wantsLast: () => this.#loops > 0 || ((this.#reads || !this.#subscribed) && this.#source.due(this.#cursor)),
    serve: (quick) => this.#serve(quick),
    report: (error) => this.#report(error),
    abort: () => this.cleanup(),
  };
  readonly #cursor: Cursor = { epoch: 0, seen: -1 };
  readonly #subscription: Cursor = { epoch: 0, seen: -1 };
  // Of next() without options.
  readonly #plain: CopyingReader<T>;
  #lastError: string | null = null;
  // What has still to be told, in order.
  #announced: Promise<void> = Promise.resolve();
  // Loops that have begun and are not over.
  #loops = 0;
  // Whether the consumer itself is read, not only its loops and listeners.
  #reads = false;

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
    const shared = typeof pool === 'object' && pool !== null && 'parts' in pool ? pool : null;
    const expected = shared === null ? ownMetadata(pool) : null;
    if (typeof pool !== 'string' && shared === null && expected === null) {
      throw new TensorIpcError('INVALID_ARGUMENT', 'metadata must be a PoolMetadata, as MetadataCreator.fromSample makes it');
    }
    this.#expected = expected;
    this.name = checkName(typeof pool === 'string' ? pool : pool.name);
    const checked = checkConsumerOptions(options);
    const { onNewData, signal } = checked;
    this.#expects = { historyKnown: this.#expected !== null && !ignoreHistory, lossless: checked.delivery === 'all' };
    this.#onNewData = onNewData ?? null;
    const what = { ...checked, name: this.name, expected: this.#expected, ignoreHistory, shared };
    const callbacks = new WeakRef(this.#callbacks);
    const events = eventsOf(callbacks);
    const system = platform().system();
    this.#source = checked.wire === 'native' ? new NativeSource(system, what, events) : new WireSource(system, what, events);
    this.#waiting = new Waiting(this.#source, subscriptionOf(callbacks, this.#subscription, this.#anchor));
    this.#plain = new CopyingReader<T>(this.#source, this.#cursor, undefined);
    try {
      this.#source.connect();
    } catch (error) {
      runSteps([() => this.#source.close(), () => this.#waiting.close()]);
      throw error;
    }
    this.#removeAbort = closeOnAbort(callbacks, signal);
    this.#keep = whenDropped(this, closing(this.name, this.#source, this.#waiting, this.#removeAbort));
    if (signal?.aborted) this.cleanup();
    else this.listenersChanged();
  }

  #connected(found: PoolMetadata): void {
    this.#lastError = null;
    this.#announce(() => void this.emit('connect', found));
    this.#waiting.poolChanged();
    this.#waiting.wakeSoon();
  }

  #disconnected(reason: 'closed' | 'died'): void {
    // The last frame comes first, and those who were given it, now or a moment ago, have a turn to deal with it.
    this.#announce(() => (this.#waiting.serveLast() || !this.#expects.lossless ? platform().turn() : undefined));
    this.#announce(() => void this.emit('disconnect', reason));
    this.#waiting.poolChanged();
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
    return new TensorConsumer(
      MetadataCreator.fromSample(name, sample, checkOptions(options)),
      options,
      options.historyLen === undefined,
    );
  }

  /** A consumer that takes the pool for what it says it is. */
  static attach<T extends TypedArray = TypedArray>(name: string, options?: ConsumerOptions<T>): TensorConsumer<T> {
    return new TensorConsumer<T>(name, options, true);
  }

  /**
   * The same for large pools: it is given when the page tables of a pool that is there are populated, piece by piece with turns of the event
   * loop in between, so that the first lap costs what the second does. A signal that aborts earlier closes the consumer and rejects.
   *
   * @throws as the constructor, and the signal's reason, by rejection
   */
  static open<T extends TypedArray = TypedArray>(name: string, options?: OpenOptions<T>): Promise<TensorConsumer<T>>;
  static open<T extends TypedArray = TypedArray>(metadata: PoolMetadata, options?: OpenOptions<T>): Promise<TensorConsumer<T>>;
  static async open<T extends TypedArray>(pool: string | PoolMetadata, options: OpenOptions<T> = {}): Promise<TensorConsumer<T>> {
    const { onProgress, ...rest } = checkOptions(options);
    checkTurnOptions({ signal: rest.signal, onProgress });
    rest.signal?.throwIfAborted();
    const consumer = new TensorConsumer<T>(pool, rest, typeof pool === 'string');
    try {
      for (let part = consumer.#source.prefaulted; ; part = consumer.#source.prefaulted) {
        onProgress?.(part);
        rest.signal?.throwIfAborted();
        if (part >= 1) return consumer;
        await platform().turn();
      }
    } catch (error) {
      runSteps([() => consumer.close()]);
      throw error;
    }
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
    return this.#source.connected;
  }

  get closed(): boolean {
    return this.#source.closed;
  }

  /** The pool's metadata; before the first connection what was expected, or null. */
  get metadata(): PoolMetadata | null {
    return this.#source.metadata ?? this.#expected;
  }

  /**
   * A copy of the latest frame, or of the latest `historyLen` frames as `[historyLen, ...shape]`; null before the first frame, or
   * without a producer. Never torn.
   *
   * @throws TensorIpcError HISTORY_TOO_LONG, INVALID_ARGUMENT, CLOSED, and what the constructor throws
   */
  get(options?: GetOptions): Frame<T> | null {
    this.#reads = true;
    if (options !== undefined && checkOptions(options).latestFirst !== undefined)
      checkFlag('latestFirst', options.latestFirst as boolean);
    const frame = this.#source.get<T>(this.#cursor, options);
    if (frame === null && options !== undefined) this.#checkRead(options);
    return frame;
  }

  /**
   * A view of the latest frame, or window of frames, on the shared pages: no copy. Pinned until `release()`; null before the first
   * frame, or without a producer.
   *
   * @throws as get
   */
  borrow(options?: WindowOptions): View<T> | null {
    this.#reads = true;
    if (options !== undefined && checkOptions(options).latestFirst !== undefined)
      checkFlag('latestFirst', options.latestFirst as boolean);
    const view = this.#source.borrow<T>(this.#cursor, options);
    if (view === null && options !== undefined) this.#checkRead(options);
    return view;
  }

  /**
   * The pool for another thread of this process, which reads the same mapped pages: post it, and open it there with
   * TensorConsumer.fromShared. Each call is for one reader. Null without a producer.
   */
  share(): SharedPool | null {
    return this.#source.share();
  }

  /**
   * Waits for a frame newer than the last one that this consumer gave out, and copies it. Null when the time is over or the
   * consumer is closed. Calls that overlap are served in their order, each with a frame of its own.
   *
   * @throws as get, by rejection
   */
  next(options?: NextOptions): Promise<Frame<T> | null> {
    this.#reads = true;
    const { signal, timeoutMs = Infinity } = options ?? {};
    try {
      if (options !== undefined) this.#checkCall(options, timeoutMs);
    } catch (error) {
      return Promise.reject(error);
    }
    const reader = options === undefined ? this.#plain : new CopyingReader<T>(this.#source, this.#cursor, options);
    return this.#nextOf(reader, timeoutMs, signal);
  }

  /**
   * next without waiting: a frame newer than the last one given out (with delivery 'all' the one after it), or null. What belongs
   * behind waitSync and spin.
   *
   * @throws as get
   */
  tryNext(options: GetOptions & { readonly borrow: true }): View<T> | null;
  tryNext(options?: GetOptions & { readonly borrow?: false }): Frame<T> | null;
  tryNext(options?: GetOptions & { readonly borrow?: boolean }): Frame<T> | View<T> | null {
    this.#reads = true;
    if (options !== undefined) checkRequest(options, this.#prospect);
    // Calls of next that wait came first.
    this.#waiting.serveFirst(this.#cursor);
    const cursor = this.#cursor;
    const source = this.#source;
    const lends = options?.borrow === true;
    if (source.due(cursor)) {
      const frame = lends ? source.quickLend<T>(cursor, options) : source.quickTake<T>(cursor, options);
      if (frame !== null) return frame;
    }
    if (!source.newer(cursor)) return null;
    return lends ? source.lend<T>(cursor, options) : source.take<T>(cursor, options);
  }

  /**
   * Every newer frame, as fast as the loop takes them; what came in between is counted in `missed`.
   *
   * @throws TensorIpcError INVALID_ARGUMENT, HISTORY_TOO_LONG; the loop itself throws what get throws
   */
  frames(options: FramesOptions & { readonly borrow: true }): AsyncIterableIterator<View<T>>;
  frames(options?: FramesOptions & { readonly borrow?: false }): AsyncIterableIterator<Frame<T>>;
  frames(options: FramesOptions = {}): AsyncIterableIterator<View<T>> | AsyncIterableIterator<Frame<T>> {
    const { borrow = false } = checkOptions(options);
    this.#checkCall(options, Infinity);
    checkFlag('borrow', borrow);
    const cursor = { ...this.#cursor };
    return borrow
      ? this.#loop(new LendingReader<T>(this.#source, cursor, options), options)
      : this.#loop(new CopyingReader<T>(this.#source, cursor, options), options);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Frame<T>> {
    return this.frames();
  }

  #loop<F>(reader: Reader<F>, { signal }: FramesOptions): FrameLoop<F> {
    const running = (runs: boolean) => {
      this.#loops += runs ? 1 : -1;
      if (!runs && !this.closed) this.#source.settle();
    };
    const parts = { waiting: this.#waiting, reader, now: this.#now, closed: () => this.closed, running };
    return new FrameLoop<F>(parts, signal);
  }

  /** The next frame of a place: now if it is there and no other call waits for it, else in its turn. Null in vain. */
  #nextOf<F>(reader: Reader<F>, timeoutMs: number, signal: AbortSignal | undefined): Promise<F | null> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.closed) return Promise.resolve(null);
    try {
      const frame = this.#now(reader);
      if (frame !== null) return Promise.resolve(frame);
    } catch (error) {
      return Promise.reject(error);
    }
    const call = new Call<F>(this, this.#waiting, reader, timeoutMs, signal);
    this.#waiting.join(call);
    return call.promise;
  }

  /** The frame that is there, unless somebody else waits for it, or the event loop is to have a turn first. */
  readonly #now = <F>(reader: Reader<F>): F | null => {
    const { cursor } = reader;
    if (!this.#waiting.idle(cursor)) return null;
    const there = this.#source.attached ? this.#source.due(cursor) : this.#source.newer(cursor);
    if (!there || this.#waiting.overdue) return null;
    return reader.quick() ?? reader.take();
  };

  get #prospect(): Prospect {
    return { ...this.#expects, metadata: this.metadata, historyKnown: this.#source.attached || this.#expects.historyKnown };
  }

  /** Where no frame was there to be refused. get and borrow give windows to lossless readers as well. */
  #checkRead(options: GetOptions): void {
    checkRequest(options, { ...this.#prospect, lossless: false });
  }

  #checkCall(options: NextOptions, timeoutMs: number): void {
    checkRequest(options, this.#prospect);
    checkTimeout(timeoutMs);
    checkSignal(options.signal);
  }

  /** Blocks the thread until there is a frame newer than the last one given out: true, or false when the time is over. */
  waitSync(timeoutMs = Infinity): boolean {
    this.#reads = true;
    checkTimeout(timeoutMs);
    try {
      return this.#source.waitSync(this.#cursor, timeoutMs);
    } finally {
      this.#waiting.rearm();
    }
  }

  /**
   * Blocks the thread and burns its core until there is a newer frame: true, or false after `timeoutUs` microseconds, or without a
   * live producer.
   */
  spin(timeoutUs = Infinity): boolean {
    this.#reads = true;
    return this.#source.spin(this.#cursor, checkTimeout(timeoutUs));
  }

  /** What it was given so far; the same figures as `inspect(name)` shows of it. */
  stats(): ConsumerStats {
    const { connected } = this;
    return { connected, ...(this.#source.stats() ?? { lastSequence: null, lag: 0, framesTaken: 0, framesMissed: 0 }) };
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
    this.#anchor.held = null;
    this.#keep();
    everyStep([this.#removeAbort, () => this.#source.close(), () => this.#waiting.close()]);
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

  get #subscribed(): boolean {
    return this.#onNewData !== null || this.listenerCount('frame') > 0;
  }

  protected override listenersChanged(): void {
    if (this.closed) return;
    this.#anchor.held = this.#onNewData !== null || this.eventNames().length > 0 ? this : null;
    this.#waiting.listen(this.#subscribed);
  }

  /** Events come after the call that caused them: the constructor's caller has no listeners yet, and no call is re-entered. */
  #announce(step: () => void | Promise<void>): void {
    // A promise, not queueMicrotask, which fake timers replace. Listeners' errors do not come this far.
    this.#announced = this.#announced.then(() => (this.closed ? undefined : step()));
  }

  #serve(quick: boolean): boolean {
    const frame = quick
      ? this.#source.quickTake<T>(this.#subscription, undefined)
      : this.#source.take<T>(this.#subscription, undefined);
    if (frame === null) return false;
    if (this.#onNewData !== null) callSafely(() => this.#onNewData?.(frame));
    this.emit('frame', frame);
    return true;
  }

  /** Once, until it changes or the pool can be used. */
  #report(error: unknown): void {
    const message = messageOf(error);
    if (message === this.#lastError) return;
    this.#lastError = message;
    if (!this.emit('error', error) && this.#subscribed) platform().warn(message);
  }
}
