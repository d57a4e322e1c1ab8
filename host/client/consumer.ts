import { openDeadline } from '../endpoint/deadline';
import type { Frame } from '../endpoint/frame';
import {
  CONSUMER_OPTIONS,
  type ConsumerEvents,
  type ConsumerOptions,
  type ConsumerStats,
  checkConsumerOptions,
  type FramesOptions,
  type GetOptions,
  type NextOptions,
  type OpenOptions,
  READ_OPTIONS,
  type ReadyOptions,
  type WindowOptions,
} from '../endpoint/options';
import { CopyingReader, LendingReader, type Reader } from '../endpoint/reader';
import { checkCall, checkFlag, checkLook, checkRead, checkRequest, checkTimeout, prospectOf } from '../endpoint/requests';
import { type Cursor, newCursor, type Source } from '../endpoint/source';
import type { View } from '../endpoint/view';
import { Waiting } from '../endpoint/waiting';
import { checkShared, type SharedPool } from '../memory/share';
import { NativeSource } from '../native/source';
import { whenDropped } from '../runtime/dropped';
import { callSafely, Emitter } from '../runtime/events';
import { checkOptions } from '../runtime/options';
import { runSteps } from '../runtime/steps';
import { platform } from '../runtime/system';
import type { Sample } from '../tensor/creator';
import type { Dtype } from '../tensor/dtype';
import type { Expectation } from '../tensor/expectation';
import type { FormOf, FormStated, FrameForm, StatedFields } from '../tensor/form';
import type { PoolMetadata } from '../tensor/metadata';
import { WireSource } from '../wire/source';
import {
  type AttachOptions,
  attachParts,
  type FormGiven,
  type FormStating,
  openParts,
  type Progress,
  type SampleConsumerOptions,
  sampleParts,
} from './attach-options';
import { FrameLoop, goodbyeTo, type LoopOptions } from './loop';
import { News } from './news';
import { prefaultInTurns, waitUntilReady } from './ready';
import { showConsumers } from './shown';
import { Turns } from './turns';
import { type Wanting, wantedPool } from './wanted-pool';
import {
  type Anchor,
  type ConsumerCallbacks,
  type ConsumerParts,
  closeOnAbort,
  closeParts,
  closing,
  deadlineEventsOf,
  eventsOf,
  subscriptionOf,
} from './weak-callbacks';

/** Reads a pool. May be made before its producer: it connects at `get` and while it waits, and again when a producer is back. */
export class TensorConsumer<F extends FrameForm = FrameForm>
  extends Emitter<ConsumerEvents<F>>
  implements Disposable, AsyncIterable<Frame<F>>
{
  readonly name: string;
  readonly #expected: PoolMetadata | null;
  readonly #expectation: Expectation;
  readonly #expects: Parameters<typeof prospectOf>[0];
  readonly #source: Source;
  readonly #waiting: Waiting;
  // A method's type: a consumer of a known form is one of any form.
  readonly #onNewData: { told(frame: Frame<F>): void }['told'] | null;
  readonly #parts: ConsumerParts;
  readonly #endOnClose: boolean;
  readonly #keep: () => void;
  readonly #anchor: Anchor = { held: null };
  readonly #callbacks: ConsumerCallbacks = {
    onConnect: (found) => this.#connected(found),
    onDisconnect: (reason) => this.#disconnected(reason),
    onLag: (missed, sequence) => void this.emit('lag', { missed, sequence }),
    onStall: (lateMs, sequence) => this.#announce(() => void this.emit('stall', { lateMs, sequence })),
    onResume: (gapMs, sequence) => this.#announce(() => void this.emit('resume', { gapMs, sequence })),
    wantsLast: () => this.#loops > 0 || ((this.#reads || !this.#subscribed) && this.#source.due(this.#cursor)),
    serve: (quick) => this.#serve(quick),
    report: (error) => this.#news.report(error, () => this.emit('error', error), this.#subscribed),
    abort: () => this.cleanup(),
  };
  readonly #cursor: Cursor = newCursor();
  readonly #subscription: Cursor = newCursor();
  // Of next() without options.
  readonly #plain: CopyingReader<F>;
  readonly #turns: Turns;
  readonly #news = new News();
  // Loops that have begun and are not over.
  #loops = 0;
  #met: PoolMetadata | null = null; // of the pool met last, whose last frame may come when it is over
  // Whether the consumer itself is read, not only its loops and listeners.
  #reads = false;

  /**
   * @param metadata What the pool is expected to be. A pool of other form under the name is an error.
   * @throws TensorIpcError SHAPE_MISMATCH, DTYPE_MISMATCH, FIELDS_MISMATCH, HISTORY_MISMATCH, FOREIGN_OBJECT, UNSAFE_MODE,
   * TRUNCATED_OBJECT, VERSION_MISMATCH, CORRUPT_OBJECT, PERMISSION_DENIED, TOO_MANY_CONSUMERS, ADDRESS_SPACE,
   * UNSUPPORTED_PLATFORM, MISSING_DEPENDENCY
   */
  constructor(metadata: PoolMetadata<F> | PoolMetadata, options?: ConsumerOptions<F>);
  /** @internal */
  constructor(pool: PoolMetadata | string | SharedPool, options?: ConsumerOptions<F>, wanting?: Wanting);
  constructor(pool: PoolMetadata | string | SharedPool, options: ConsumerOptions<F> = {}, wanting: Wanting = {}) {
    super();
    const wanted = wantedPool(pool, wanting);
    this.#expected = wanted.expected;
    this.name = wanted.name;
    const checked = checkConsumerOptions(options, new.target === TensorConsumer ? CONSUMER_OPTIONS : null);
    const { onNewData, signal, deadlineMs } = checked;
    this.#endOnClose = checked.endOnClose;
    this.#expectation = wanted.expectation;
    this.#expects = { historyKnown: wanted.historyKnown, lossless: checked.delivery === 'all' };
    this.#onNewData = onNewData ?? null;
    const what = { ...checked, ...wanted };
    const callbacks = new WeakRef(this.#callbacks);
    const args = [platform().system(), what, eventsOf(callbacks)] as const;
    this.#source = checked.wire === 'native' ? new NativeSource(...args) : new WireSource(...args);
    this.#waiting = new Waiting(this.#source, subscriptionOf(callbacks, this.#subscription, this.#anchor));
    this.#turns = new Turns(this.#source, this.#waiting);
    this.#plain = new CopyingReader<F>(this.#source, this.#cursor, undefined);
    try {
      this.#source.connect();
    } catch (error) {
      runSteps([() => this.#source.close(), () => this.#waiting.close()]);
      throw error;
    }
    this.#parts = {
      source: this.#source,
      waiting: this.#waiting,
      deadline: openDeadline(this.#source, this.#waiting, deadlineMs, deadlineEventsOf(callbacks)),
      removeAbort: closeOnAbort(callbacks, signal),
    };
    this.#keep = whenDropped(this, closing(this.name, this.#parts));
    this.#parts.deadline?.look();
    if (signal?.aborted) this.cleanup();
    else this.listenersChanged();
  }

  #connected(found: PoolMetadata): void {
    this.#met = found;
    this.#news.allIsWell();
    this.#expectation.met(found);
    this.#announce(() => void this.emit('connect', found as PoolMetadata<F>));
    this.#announce(() => this.#parts.deadline?.look());
    this.#waiting.poolChanged();
    this.#waiting.wakeSoon();
  }

  #disconnected(reason: 'closed' | 'died'): void {
    // While what the pool held last is still there.
    this.#announce(() => this.#parts.deadline?.look());
    // The last frame comes first, and those who were given it, now or a moment ago, have a turn to deal with it.
    this.#announce(() => (this.#waiting.serveLast() || !this.#expects.lossless ? platform().turn() : undefined));
    this.#announce(() => void this.emit('disconnect', reason));
    this.#waiting.poolChanged();
  }

  /**
   * A consumer for frames like the sample: its shape and dtype must be the pool's, and its historyLen if one is given.
   */
  static fromSample<const S extends Sample>(
    name: string,
    sample: S,
    options: SampleConsumerOptions<FormOf<S>> = {},
  ): TensorConsumer<FormOf<S>> {
    return new TensorConsumer(...sampleParts(name, sample, options));
  }

  /**
   * A consumer that takes the pool for what it says it is, as far as nothing is stated: with { dtype, shape } or { fields } a pool of another
   * form is an error, and frames have the types that follow.
   */
  static attach<const D extends Dtype = Dtype, const S extends StatedFields = never>(
    name: string,
    options?: FormStating<D, S>,
  ): TensorConsumer<FormStated<D, S>>;
  static attach<F extends FrameForm>(name: string, options?: FormGiven<F>): TensorConsumer<F>;
  static attach(name: string, options: AttachOptions = {}): TensorConsumer {
    return new TensorConsumer(name, ...attachParts(options));
  }

  /**
   * The same for large pools: it is given when the page tables of a pool that is there are populated, piece by piece with turns of the event
   * loop in between, so that the first lap costs what the second does. A signal that aborts earlier closes the consumer and rejects.
   *
   * @throws as the constructor, and the signal's reason, by rejection
   */
  static open<const D extends Dtype = Dtype, const S extends StatedFields = never>(
    name: string,
    options?: FormStating<D, S> & Progress,
  ): Promise<TensorConsumer<FormStated<D, S>>>;
  static open<F extends FrameForm>(name: string, options?: FormGiven<F> & Progress): Promise<TensorConsumer<F>>;
  static open<F extends FrameForm>(
    metadata: PoolMetadata<F> | PoolMetadata,
    options?: OpenOptions<F>,
  ): Promise<TensorConsumer<F>>;
  static async open(pool: string | PoolMetadata, options: AttachOptions & Progress = {}): Promise<TensorConsumer> {
    const [turns, ...parts] = openParts(pool, options);
    const consumer = new TensorConsumer(pool, ...parts);
    return prefaultInTurns(consumer, consumer.#source, turns);
  }

  /**
   * A consumer of what `share()` gave, in the thread that it was posted to: on the same mapped pages. When that pool ends it attaches to
   * the next one under the name by itself.
   *
   * @throws TensorIpcError INVALID_ARGUMENT, CLOSED when another reader has it or the sharing thread has closed its pool, TOO_MANY_CONSUMERS
   */
  static fromShared<const D extends Dtype = Dtype, const S extends StatedFields = never>(
    shared: SharedPool,
    options?: FormStating<D, S>,
  ): TensorConsumer<FormStated<D, S>>;
  static fromShared<F extends FrameForm>(shared: SharedPool, options?: FormGiven<F>): TensorConsumer<F>;
  static fromShared(shared: SharedPool, options: AttachOptions = {}): TensorConsumer {
    return new TensorConsumer(checkShared(shared, platform().system().pid), ...attachParts(options));
  }

  /** Whether it is attached to the pool of a live producer. */
  get connected(): boolean {
    return this.#source.connected;
  }

  get closed(): boolean {
    return this.#source.closed;
  }

  /** The metadata of the pool, also after its end; before the first connection what was expected, or null. */
  get metadata(): PoolMetadata<F> | null {
    return (this.#met ?? this.#expected) as PoolMetadata<F> | null;
  }

  /**
   * A copy of the latest frame, or of the latest `historyLen` frames as `[historyLen, ...shape]`; null before the first frame, or
   * without a producer. Never torn.
   *
   * @throws TensorIpcError HISTORY_TOO_LONG, INVALID_ARGUMENT, CLOSED, and what the constructor throws
   */
  get(options?: GetOptions): Frame<F> | null {
    this.#reads = true;
    if (options !== undefined) checkLook(options, READ_OPTIONS.get);
    const frame = this.#source.get<F>(this.#cursor, options);
    if (frame === null && options !== undefined) checkRead(options, this.#prospect);
    return frame;
  }

  /**
   * A view of the latest frame, or window of frames, on the shared pages: no copy. Pinned until `release()`; null before the first
   * frame, or without a producer.
   *
   * @throws as get
   */
  borrow(options?: WindowOptions): View<F> | null {
    this.#reads = true;
    if (options !== undefined) checkLook(options, READ_OPTIONS.borrow);
    const view = this.#source.borrow<F>(this.#cursor, options);
    if (view === null && options !== undefined) checkRead(options, this.#prospect);
    return view;
  }

  /**
   * A copy of the newest frame, or frames, of the pool under the name, whether its producer lives or has died; null where there is no pool or
   * no frame. It takes no part in the pool: it neither connects nor counts as reading, and no producer waits for it.
   *
   * @throws TensorIpcError as get; LOCK_TIMEOUT when a producer overwrites so many frames faster than they can be looked at
   */
  peek(options?: GetOptions): Frame<F> | null {
    if (options !== undefined) checkRead(checkLook(options, READ_OPTIONS.get), this.#prospect);
    return this.#source.peek<F>(options);
  }

  /**
   * Waits for a producer: true once it is attached to the pool of a live one, false when the time is over or the consumer is closed.
   *
   * @throws what the constructor throws, by rejection
   */
  ready(options?: ReadyOptions): Promise<boolean> {
    return waitUntilReady(this, this.#source, this.#waiting, options);
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
  next(options?: NextOptions): Promise<Frame<F> | null> {
    this.#reads = true;
    const { signal, timeoutMs = Infinity } = options ?? {};
    try {
      if (options !== undefined) checkCall(checkOptions(options, READ_OPTIONS.next), timeoutMs, this.#prospect);
    } catch (error) {
      return Promise.reject(error);
    }
    const reader = options === undefined ? this.#plain : new CopyingReader<F>(this.#source, this.#cursor, options);
    return this.#turns.next(this, reader, timeoutMs, signal);
  }

  /**
   * next without waiting: a frame newer than the last one given out (with delivery 'all' the one after it), or null. What belongs
   * behind waitSync and spin.
   *
   * @throws as get
   */
  tryNext(options: GetOptions & { readonly borrow: true }): View<F> | null;
  tryNext(options?: GetOptions & { readonly borrow?: false }): Frame<F> | null;
  tryNext(options?: GetOptions & { readonly borrow?: boolean }): Frame<F> | View<F> | null {
    this.#reads = true;
    if (options !== undefined) checkRequest(checkOptions(options, READ_OPTIONS.tryNext), this.#prospect);
    return this.#turns.tryNext<F>(this.#cursor, options, options?.borrow === true);
  }

  /**
   * Every newer frame, as fast as the loop takes them; what came in between is counted in `missed`.
   *
   * @throws TensorIpcError INVALID_ARGUMENT, HISTORY_TOO_LONG; the loop itself throws what get throws
   */
  frames(options: FramesOptions & { readonly borrow: true }): AsyncIterableIterator<View<F>>;
  frames(options?: FramesOptions & { readonly borrow?: false }): AsyncIterableIterator<Frame<F>>;
  frames(options: FramesOptions = {}): AsyncIterableIterator<View<F>> | AsyncIterableIterator<Frame<F>> {
    const { borrow = false, endOnClose = this.#endOnClose, signal } = checkOptions(options, READ_OPTIONS.frames);
    checkCall(options, Infinity, this.#prospect);
    checkFlag('borrow', borrow);
    const how = { signal, endOnClose: checkFlag('endOnClose', endOnClose) };
    const cursor = { ...this.#cursor };
    return borrow
      ? this.#loop(new LendingReader<F>(this.#source, cursor, options), how)
      : this.#loop(new CopyingReader<F>(this.#source, cursor, options), how);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Frame<F>> {
    return this.frames();
  }

  #loop<R>(reader: Reader<R>, { signal, endOnClose }: LoopOptions): FrameLoop<R> {
    const goodbye = endOnClose ? goodbyeTo(this.#source, reader.cursor) : null;
    const over = () => this.closed || (goodbye?.() ?? false);
    const running = (runs: boolean) => {
      this.#loops += runs ? 1 : -1;
      if (!runs && !this.closed) this.#source.settle();
    };
    const parts = { waiting: this.#waiting, reader, now: this.#turns.now, over, running };
    return new FrameLoop<R>(parts, signal);
  }

  get #prospect() {
    return prospectOf(this.#expects, this.#expected, this.#source.attached ? this.#met : null);
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
    closeParts(this.#parts);
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

  #announce(step: () => void | Promise<void>): void {
    this.#news.announce(() => (this.closed ? undefined : step()));
  }

  #serve(quick: boolean): boolean {
    const frame = quick
      ? this.#source.quickTake<F>(this.#subscription, undefined)
      : this.#source.take<F>(this.#subscription, undefined);
    if (frame === null) return false;
    if (this.#onNewData !== null) callSafely(() => this.#onNewData?.(frame));
    this.emit('frame', frame);
    return true;
  }
}

showConsumers(TensorConsumer);
