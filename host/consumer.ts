import { BELL_FIFO, BELL_FUTEX, DELIVERY_LATEST, HEADER_WAKE_COUNT } from '../assembly/layout';
import { CLOSED } from '../assembly/status';
import { bellName } from './bell';
import { Connection } from './connection';
import { arrayOf, carries, type TypedArray } from './dtype';
import { TensorIpcError } from './errors';
import { callSafely, Emitter } from './events';
import { Frame } from './frame';
import { registerOpen } from './lifecycle';
import { checkName, MetadataCreator, type PoolMetadata, type Sample } from './metadata';
import { openForConsumer, type Trust, translate } from './pool';
import { type BellReader, platform, type System, type Timer } from './system';
import { isTypedArray, normalise, type TensorLike } from './tensor';
import { View } from './view';

export interface ConsumerOptions<T extends TypedArray = TypedArray> {
  /** Called with a copy of the latest frame whenever there is a newer one. */
  readonly onNewData?: (frame: Frame<T>) => void;
  /** Closes the consumer when aborted. */
  readonly signal?: AbortSignal;
  /** Whose pools to accept. Default 'owner': this user's own, writable by nobody else. */
  readonly trust?: Trust;
}

export interface WindowOptions {
  /** Frames in the window, at most the pool's historyLen. 1 (default) keeps no history dimension. */
  readonly historyLen?: number;
  /** Order of the frames of a window. Default true: index 0 is the latest. */
  readonly latestFirst?: boolean;
}

export interface GetOptions extends WindowOptions {
  /** Where to copy to: a dense typed array or tensor-like of the pool's dtype and the window's size (raw bytes for records). */
  readonly into?: TensorLike;
}

export interface NextOptions extends GetOptions {
  /** Milliseconds after which the answer is null. Default: no limit. */
  readonly timeoutMs?: number;
  /** Rejects with the signal's reason when aborted. */
  readonly signal?: AbortSignal;
}

export interface FramesOptions extends WindowOptions {
  /** Yield zero-copy views instead of copies: write `for await (using view of …)`. */
  readonly borrow?: boolean;
  /** Ends the loop when aborted. */
  readonly signal?: AbortSignal;
}

export type ConsumerEvents<T extends TypedArray> = {
  /** Attached to a live producer's pool. */
  connect: [metadata: PoolMetadata];
  /** The producer closed its pool, or died. */
  disconnect: [reason: 'closed' | 'died'];
  /** A newer frame, copied. */
  frame: [frame: Frame<T>];
  /** Frames were skipped: `missed` of them, before frame `sequence`. */
  lag: [info: { missed: number; sequence: number }];
  /** A pool appeared under the name that cannot be used. */
  error: [error: unknown];
};

/** How often the life of the producer, or the appearance of one, is looked for: one system call each time. */
const WATCH_INTERVAL_MS = 200;
/** Looks at the head between two looks at the clock while spinning: about a microsecond. */
const SPIN_ITERATIONS = 500;

/** Longest that loops over frames keep the event loop to themselves. */
const MAX_TURN_MS = 2;

/** What one reader has seen: the consumer itself, or one of its loops. */
interface Cursor {
  epoch: number;
  seen: number;
}

/** Somebody who waits for a newer frame. `settle` says whether the wait is over. */
interface Waiter {
  readonly cursor: Cursor;
  resolve(outcome: 'frame' | 'over'): void;
  reject(error: unknown): void;
}

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
  readonly #ignoreHistory: boolean;
  readonly #trust: Trust;
  readonly #system: System;
  readonly #onNewData: ((frame: Frame<T>) => void) | null;
  readonly #unregister: () => void;
  readonly #bellId: bigint;
  readonly #watch: Timer;
  readonly #cursor: Cursor = { epoch: 0, seen: -1 };
  readonly #subscription: Cursor = { epoch: 0, seen: -1 };
  readonly #waiters = new Set<Waiter>();
  readonly #recycle = (frame: Frame): void => this.#connection?.recycle(frame.data.buffer);
  #connection: Connection | null = null;
  #bell: BellReader | null = null;
  // Counts pools, not connections: numbers go on when a producer takes its predecessor's object over.
  #epoch = 0;
  #poolId: bigint | null = null;
  #closed = false;
  #keepAlive = true;
  #pumping = false;
  #lastError: string | null = null;
  // When readers began to find newer frames without waiting, or 0.
  #busySinceMs = 0;
  #sleepWord: Int32Array | null = null;
  readonly #removeAbort: () => void;

  /**
   * @param metadata What the pool is expected to be. A pool of other form under the name is an error.
   * @throws TensorIpcError SHAPE_MISMATCH, DTYPE_MISMATCH, FIELDS_MISMATCH, HISTORY_MISMATCH, FOREIGN_OBJECT, UNSAFE_MODE,
   * TRUNCATED_OBJECT, VERSION_MISMATCH, CORRUPT_OBJECT, PERMISSION_DENIED, TOO_MANY_CONSUMERS, ADDRESS_SPACE,
   * UNSUPPORTED_PLATFORM, MISSING_DEPENDENCY
   */
  constructor(metadata: PoolMetadata, options?: ConsumerOptions<T>);
  /** @internal */
  constructor(metadata: PoolMetadata | string, options?: ConsumerOptions<T>, ignoreHistory?: boolean);
  constructor(metadata: PoolMetadata | string, options: ConsumerOptions<T> = {}, ignoreHistory = false) {
    super();
    this.#expected = typeof metadata === 'string' ? null : metadata;
    this.#ignoreHistory = ignoreHistory;
    this.name = checkName(typeof metadata === 'string' ? metadata : metadata?.name);
    const { onNewData, signal, trust = 'owner' } = options;
    if (trust !== 'owner' && trust !== 'group' && trust !== 'any') {
      throw new TensorIpcError('INVALID_ARGUMENT', `trust is 'owner', 'group' or 'any', found ${JSON.stringify(trust)}`);
    }
    this.#trust = trust;
    this.#onNewData = onNewData ?? null;
    this.#system = platform().system();
    this.#bellId = this.#system.randomU64();
    this.#connect();
    this.#watch = platform().every(WATCH_INTERVAL_MS, () => this.#look());
    this.#unregister = registerOpen(() => this.cleanup());
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

  /** Whether it is attached to the pool of a live producer. */
  get connected(): boolean {
    return this.#connection !== null && this.#connection.latest() !== CLOSED;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** The pool's metadata; before the first connection what was expected, or null. */
  get metadata(): PoolMetadata | null {
    return this.#connection?.mapping.metadata ?? this.#expected;
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
   * Waits for a frame newer than the last one that this consumer gave out, and copies it. Null when the time is over or the
   * consumer is closed.
   */
  async next(options: NextOptions = {}): Promise<Frame<T> | null> {
    const { timeoutMs, signal } = options;
    signal?.throwIfAborted();
    const deadline = timeoutMs === undefined ? Infinity : performance.now() + checkTimeout(timeoutMs);
    for (;;) {
      if (this.#closed) return null;
      if (this.#newer(this.#cursor, this.#live())) {
        await this.#breathe();
        const frame = this.#closed ? null : this.#get(this.#cursor, options);
        if (frame !== null) return frame;
        continue;
      }
      if ((await this.#wait(this.#cursor, deadline, signal)) === 'over') return null;
    }
  }

  /** Every newer frame, as fast as the loop takes them; what came in between is counted in `missed`. */
  frames(options: FramesOptions & { readonly borrow: true }): AsyncIterableIterator<View<T>>;
  frames(options?: FramesOptions & { readonly borrow?: false }): AsyncIterableIterator<Frame<T>>;
  frames(options: FramesOptions = {}): AsyncIterableIterator<View<T>> | AsyncIterableIterator<Frame<T>> {
    const cursor = { ...this.#cursor };
    return options.borrow === true
      ? this.#loop(cursor, options, () => this.#borrow(cursor, options))
      : this.#loop(cursor, options, () => this.#get(cursor, options));
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Frame<T>> {
    return this.frames();
  }

  async *#loop<F>(cursor: Cursor, { signal }: FramesOptions, take: () => F | null): AsyncGenerator<F, void, undefined> {
    while (!this.#closed && !signal?.aborted) {
      if (this.#newer(cursor, this.#live())) {
        await this.#breathe();
        const frame = this.#closed ? null : take();
        if (frame !== null) yield frame;
        continue;
      }
      try {
        if ((await this.#wait(cursor, Infinity, signal)) === 'over') return;
      } catch (error) {
        if (signal?.aborted) return;
        throw error;
      }
    }
  }

  /** Blocks the thread until there is a frame newer than the last one given out: true, or false when the time is over. */
  waitSync(timeoutMs = Infinity): boolean {
    checkTimeout(timeoutMs);
    const deadline = performance.now() + timeoutMs;
    try {
      for (;;) {
        const connection = this.#live();
        if (this.#newer(this.#cursor, connection)) return true;
        let slice = Math.min(WATCH_INTERVAL_MS, deadline - performance.now());
        if (slice <= 0) return false;
        if (connection === null) {
          this.#sleepWord ??= new Int32Array(64);
          slice = Math.min(slice, WATCH_INTERVAL_MS / 10);
          this.#system.futexWait(this.#system.addressOf(this.#sleepWord), 0, slice);
          continue;
        }
        const { core, handle, controlAddress } = connection.mapping;
        core.consumerArm(handle, BELL_FUTEX); // S5: before the head is looked at again
        const count = core.consumerWakeCount(handle);
        if (this.#newer(this.#cursor, connection)) return true;
        if (!this.#system.futexWait(controlAddress + HEADER_WAKE_COUNT, count, slice)) this.#look();
      }
    } finally {
      if (this.#interested) this.#arm();
    }
  }

  /** Blocks the thread and burns its core until there is a newer frame: true, or false after `timeoutUs` microseconds. */
  spin(timeoutUs = Infinity): boolean {
    checkTimeout(timeoutUs);
    const connection = this.#live();
    if (connection === null) return false;
    const { core, handle } = connection.mapping;
    const seen = this.#seen(this.#cursor);
    const deadline = performance.now() + timeoutUs / 1000;
    do {
      const latest = core.readerSpin(handle, seen, SPIN_ITERATIONS);
      if (latest > seen) return true;
      if (latest === CLOSED) return false;
    } while (performance.now() < deadline);
    return false;
  }

  /** Lets waiting keep the process alive (default). */
  ref(): this {
    this.#keepAlive = true;
    this.#updateRef();
    return this;
  }

  /** Lets the process end although somebody waits or listens. */
  unref(): this {
    this.#keepAlive = false;
    this.#updateRef();
    return this;
  }

  /** Leaves the pool. Waiting ends: `next` gives null, loops end. Views that are out stay valid until they are released. */
  cleanup(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#unregister();
    this.#removeAbort();
    this.#watch.stop();
    this.#connection?.close();
    this.#connection = null;
    if (this.#bell !== null) {
      this.#bell.close();
      this.#bell = null;
      this.#system.unlinkBell(bellName(this.name, this.#bellId));
    }
    for (const waiter of [...this.#waiters]) waiter.resolve('over');
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

  // ---- connecting ----------------------------------------------------------------------------------------------------

  /** The connection to a pool that is open, connecting if there is one to connect to. Throws when the pool is unusable. */
  #live(): Connection | null {
    if (this.#closed) throw new TensorIpcError('CLOSED', `the consumer of pool '${this.name}' has been closed: create another`);
    const connection = this.#connection;
    if (connection === null) return this.#connect();
    if (connection.latest() !== CLOSED) return connection;
    this.#disconnect('closed');
    return null;
  }

  #connect(): Connection | null {
    let connection: Connection;
    try {
      const mapping = openForConsumer(this.#system, this.name, this.#trust, ({ metadata }) => {
        this.#expected?.assertMatches(metadata, { ignoreHistory: this.#ignoreHistory });
      });
      if (mapping === null) return null;
      connection = new Connection(mapping, DELIVERY_LATEST, this.#bellId);
    } catch (error) {
      throw translate(this.name, error);
    }
    if (connection.latest() === CLOSED) {
      connection.close();
      return null;
    }
    this.#connection = connection;
    this.#lastError = null;
    if (this.#poolId !== connection.poolId) {
      this.#poolId = connection.poolId;
      this.#epoch += 1;
    }
    this.#updateRef();
    if (this.#interested) this.#schedulePump();
    this.#announce(() => this.emit('connect', connection.mapping.metadata));
    return connection;
  }

  #disconnect(reason: 'closed' | 'died'): void {
    this.#connection?.close();
    this.#connection = null;
    this.#updateRef();
    this.#announce(() => this.emit('disconnect', reason));
  }

  /** Events come after the call that caused them: the constructor's caller has no listeners yet, and no call is re-entered. */
  #announce(event: () => void): void {
    queueMicrotask(() => {
      if (!this.#closed) event();
    });
  }

  /** The periodic look: is the producer still alive, or is there one now? */
  #look(): void {
    if (this.#closed) return;
    try {
      const connection = this.#connection;
      if (connection === null) {
        if (this.#connect() !== null) this.#pump();
      } else if (connection.latest() === CLOSED) {
        this.#disconnect('closed');
      } else if (!connection.producerAlive()) {
        this.#disconnect(connection.latest() === CLOSED ? 'closed' : 'died');
      }
    } catch (error) {
      this.#report(error);
    }
  }

  /** An error that nobody called for: to those who wait, and to the listeners, once until it changes. */
  #report(error: unknown): void {
    for (const waiter of [...this.#waiters]) waiter.reject(error);
    const message = error instanceof Error ? error.message : String(error);
    if (message === this.#lastError) return;
    this.#lastError = message;
    if (!this.emit('error', error) && this.#subscribed) platform().warn(message);
  }

  // ---- taking frames -------------------------------------------------------------------------------------------------

  #seen(cursor: Cursor): number {
    return cursor.epoch === this.#epoch ? cursor.seen : -1;
  }

  #newer(cursor: Cursor, connection: Connection | null): boolean {
    return connection !== null && connection.latest() > this.#seen(cursor);
  }

  /** Notes what a reader was given; how many it missed since the last. */
  #advance(cursor: Cursor, sequence: number): number {
    const seen = this.#seen(cursor);
    const missed = seen >= 0 && sequence > seen ? sequence - seen - 1 : 0;
    cursor.epoch = this.#epoch;
    cursor.seen = sequence;
    if (missed > 0) this.emit('lag', { missed, sequence });
    return missed;
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
    const connection = this.#live();
    if (connection === null) return null;
    const count = this.#count(connection, options);
    const into = options?.into === undefined ? null : this.#target(connection, count, options.into);
    const copied = connection.copy(count, options?.latestFirst ?? true, into);
    if (typeof copied === 'number') {
      if (copied === CLOSED) this.#disconnect('closed');
      return null;
    }
    const missed = this.#advance(cursor, copied.sequence);
    return new Frame<T>(copied.window, copied.sequence, count, copied.timestampNs, missed, into === null ? this.#recycle : null);
  }

  #borrow(cursor: Cursor, options: WindowOptions | undefined): View<T> | null {
    const connection = this.#live();
    if (connection === null) return null;
    const count = this.#count(connection, options);
    const sequence = connection.pin(count);
    if (sequence < 0) {
      if (sequence === CLOSED) this.#disconnect('closed');
      return null;
    }
    const view = new View<T>(connection, sequence, count, options?.latestFirst ?? true, this.#missedBy(cursor, sequence));
    this.#advance(cursor, sequence);
    return view;
  }

  #missedBy(cursor: Cursor, sequence: number): number {
    const seen = this.#seen(cursor);
    return seen >= 0 && sequence > seen ? sequence - seen - 1 : 0;
  }

  /** Checks where the caller wants the copy. */
  #target(connection: Connection, count: number, into: TensorLike): TypedArray {
    const { metadata } = connection.mapping;
    const tensor = normalise(into, 'into');
    const dtype = metadata.plain ? metadata.dtype : 'uint8';
    const itemSize = metadata.plain ? arrayOf(dtype).BYTES_PER_ELEMENT : 1;
    const elements = (count * metadata.frameBytes) / itemSize;
    if (!tensor.dense || tensor.elements !== elements) {
      throw new TensorIpcError(
        'SHAPE_MISMATCH',
        `into must be dense and hold ${elements} elements of ${dtype} (${count} frames of pool '${this.name}'), found ${tensor.elements}`,
      );
    }
    if (!carries(tensor.data, dtype)) {
      throw new TensorIpcError('DTYPE_MISMATCH', `into must hold ${dtype}, found ${tensor.dtype}`);
    }
    const exact = tensor.offset === 0 && tensor.data.length === elements;
    return exact && isTypedArray(tensor.data) ? tensor.data : tensor.data.subarray(tensor.offset, tensor.offset + elements);
  }

  // ---- waiting -------------------------------------------------------------------------------------------------------

  get #subscribed(): boolean {
    return this.#onNewData !== null || this.listenerCount('frame') > 0;
  }

  get #interested(): boolean {
    return !this.#closed && (this.#waiters.size > 0 || this.#subscribed);
  }

  protected override listenersChanged(): void {
    if (this.#closed) return;
    this.#updateRef();
    if (this.#subscribed) this.#schedulePump();
  }

  /**
   * Gives the event loop a turn when it has had none for a while. A reader that is always behind would otherwise go from frame to
   * frame in microtasks, and no timer or socket of the program would ever be served.
   */
  #breathe(): Promise<void> | null {
    const now = performance.now();
    if (this.#busySinceMs === 0) this.#busySinceMs = now;
    if (now - this.#busySinceMs < MAX_TURN_MS) return null;
    this.#busySinceMs = 0;
    return platform().turn();
  }

  /** Waits for a frame newer than the cursor's; 'over' at the deadline or when the consumer is closed. */
  #wait(cursor: Cursor, deadline: number, signal: AbortSignal | undefined): Promise<'frame' | 'over'> {
    this.#busySinceMs = 0;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      let timer: Timer | null = null;
      const done = () => {
        this.#waiters.delete(waiter);
        timer?.stop();
        signal?.removeEventListener('abort', onAbort);
        this.#updateRef();
      };
      const waiter: Waiter = {
        cursor,
        resolve: (outcome) => {
          done();
          resolve(outcome);
        },
        reject: (error) => {
          done();
          reject(error);
        },
      };
      const onAbort = () => waiter.reject(signal?.reason);
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiters.add(waiter);
      if (deadline !== Infinity)
        timer = platform().after(Math.max(0, deadline - performance.now()), () => waiter.resolve('over'));
      this.#updateRef();
      this.#arm();
    });
  }

  /** Has the producer ring at the next frame, unless there is one already. */
  #arm(): void {
    const connection = this.#connection;
    if (connection === null || this.#closed) return;
    if (this.#bell === null) {
      this.#bell = platform().readBell(this.#system.createBell(bellName(this.name, this.#bellId)), () => this.#pump());
      this.#updateRef();
    }
    connection.mapping.core.consumerArm(connection.mapping.handle, BELL_FIFO); // S5: before the head is looked at again
    if (this.#due(connection)) this.#schedulePump();
  }

  /** Whether anybody's wait is over. */
  #due(connection: Connection): boolean {
    if (connection.latest() === CLOSED) return true;
    if (this.#subscribed && this.#newer(this.#subscription, connection)) return true;
    for (const { cursor } of this.#waiters) if (this.#newer(cursor, connection)) return true;
    return false;
  }

  #schedulePump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    queueMicrotask(() => {
      this.#pumping = false;
      this.#pump();
    });
  }

  /** The bell rang, or something changed: serve everybody who waits, then ask for the next ring if somebody still does. */
  #pump(): void {
    if (this.#closed) return;
    const connection = this.#connection;
    if (connection === null) return;
    try {
      if (connection.latest() === CLOSED) {
        this.#disconnect('closed');
        return;
      }
      for (const waiter of [...this.#waiters]) {
        if (this.#newer(waiter.cursor, connection)) waiter.resolve('frame');
      }
      if (this.#subscribed && this.#newer(this.#subscription, connection)) {
        const frame = this.#get(this.#subscription, undefined);
        if (frame !== null) {
          if (this.#onNewData !== null) callSafely(() => this.#onNewData?.(frame));
          this.emit('frame', frame);
        }
      }
      if (this.#interested) this.#arm();
    } catch (error) {
      this.#report(error);
    }
  }

  /** Waiting keeps the process alive: through the bell while there is a pool, through the watch while there is none. */
  #updateRef(): void {
    const ref = this.#keepAlive && this.#interested;
    this.#bell?.setRef(ref);
    this.#watch?.setRef(ref && (this.#connection === null || this.#bell === null));
  }
}

function checkTimeout(timeout: number): number {
  if (!(timeout >= 0)) {
    throw new TensorIpcError('INVALID_ARGUMENT', `a timeout is a number of at least 0, found ${String(timeout)}`);
  }
  return timeout;
}
