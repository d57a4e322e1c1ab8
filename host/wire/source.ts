// The reading end of a Python pool: what DDS tells of it, and its frames under their locks.

import { Frame } from '../endpoint/frame';
import type { Trust } from '../endpoint/options';
import {
  type CopyRequest,
  type Cursor,
  giveTo,
  type Newest,
  type Source,
  type SourceEvents,
  type SourceStats,
  type WindowRequest,
} from '../endpoint/source';
import { View } from '../endpoint/view';
import type { SharedPool } from '../memory/share';
import type { Window } from '../memory/window';
import { translate } from '../native/pool';
import { steadyMs } from '../runtime/clock';
import { TensorIpcError } from '../runtime/errors';
import { everyStep } from '../runtime/steps';
import type { Doorbell, System } from '../runtime/system';
import type { Expectation } from '../tensor/expectation';
import type { FrameForm } from '../tensor/form';
import type { PoolMetadata } from '../tensor/metadata';
import { checkCount, checkInto } from '../tensor/validation';
import { WireFeed } from './feed';
import { checkWireForm, checkWireName } from './form';
import { type Feed, passed, stale, whenOver } from './freshness';
import { slotIsNamed } from './lock-files';
import type { Announcement } from './messages';
import { holdWindow } from './order';
import { copyWindow } from './order-copy';
import { WirePool } from './pool';
import { WindowCopier } from './window-copier';

/** How long a blocking wait sleeps before it looks whether the producer lives. */
const SLICE_MS = 150;

export interface WireSourceOptions {
  readonly name: string;
  readonly expected: PoolMetadata | null;
  readonly expectation: Expectation;
  readonly trust: Trust;
  readonly domainId: number;
  readonly waitTimeoutMs: number;
  readonly repair: boolean;
}

/** A pool that is over, and what was known of it then. */
interface Ended {
  readonly pool: WirePool;
  readonly epoch: number;
  readonly feed: Feed;
}

export class WireSource implements Source {
  readonly #system: System;
  readonly #options: WireSourceOptions;
  readonly #events: SourceEvents;
  readonly #feed: WireFeed;
  #pool: WirePool | null = null;
  #closed = false;
  #epoch = 0;
  #taken = 0;
  #missed = 0;
  #goodbyes = 0;
  #lastSequence: number | null = null;
  // What was found to be announced of the pool that is attached: looked into once, not with every frame.
  #judged: Announcement | null = null;
  // The pool that ended last, until those who wait for its last frame have been served.
  #ended: Ended | null = null;
  // Whether a blocking wait has promised a frame, which the next look gives although its producer may have gone.
  #promised = false;
  readonly #recycle = (frame: Frame): void => this.#pool?.buffers.recycle(frame.data);

  constructor(system: System, options: WireSourceOptions, events: SourceEvents) {
    this.#system = system;
    this.#options = options;
    this.#events = events;
    if (options.expected !== null) checkWireForm(options.expected);
    this.#feed = new WireFeed(system, checkWireName(options.name), options.domainId);
  }

  get closed(): boolean {
    return this.#closed;
  }

  get attached(): boolean {
    return this.#pool !== null;
  }

  get connected(): boolean {
    return this.#pool !== null && !this.#feed.over;
  }

  get prefaulted(): number {
    return 1; // at once, when it attaches
  }

  connect(): void {
    if (this.#pool !== null || this.#closed) return;
    this.#feed.poll();
    const { name, expected, expectation } = this.#options;
    const said = this.#feed.announcement;
    // What is expected says nothing of what is there: frames of as many bytes may be of another shape or dtype.
    if (said === null) return;
    const { metadata, creatorPid } = said;
    expectation.check(metadata);
    if (expected !== null && expected.backend !== metadata.backend) {
      throw new TensorIpcError(
        'DTYPE_MISMATCH',
        `pool '${name}': expected frames of the ${expected.backend} backend, found ${metadata.backend}`,
      );
    }
    let pool: WirePool | null;
    try {
      pool = WirePool.open(this.#system, metadata, creatorPid, this.#options);
    } catch (error) {
      throw translate(name, error);
    }
    if (pool === null) {
      // Producers make the object before they speak: this one's is gone, and the next under its name may be of another form.
      this.#feed.disbelieve();
      return;
    }
    this.#pool = pool;
    this.#feed.begin(metadata.historyLen, (slot) => slotIsNamed(this.#system, name, slot));
    this.#epoch += 1;
    this.#taken = 0;
    this.#missed = 0;
    this.#lastSequence = null;
    this.#events.onConnect(metadata);
    this.#feed.raise();
  }

  /** @param succeeded Whether the next producer has announced its pool. */
  #lose(reason: 'closed' | 'died', succeeded = false): void {
    const pool = this.#pool;
    if (pool === null) return;
    this.settle();
    // Its own producer's first word, and last, may have come at once.
    if (this.#feed.stranger && !pool.replaced()) this.#feed.settle();
    if (reason === 'died') pool.heal();
    else this.#goodbyes += 1;
    this.#ended = this.#last(pool);
    this.#pool = null;
    this.#judged = null;
    this.#feed.forget(succeeded);
    everyStep([() => this.#ended === null && pool.close(), () => this.#events.onDisconnect(reason)]);
  }

  /** What is left of a pool that is lost, for those who have not seen its last frame. */
  #last(pool: WirePool): Ended | null {
    if (this.#feed.sequence < 0) return null;
    // A producer that died while it wrote keeps its slot's locks: nobody is to wait for those.
    const slots = Array.from({ length: pool.metadata.historyLen }, (_, at) => at);
    if (pool.locks.writerAt(slots) >= 0) return null;
    return { pool, epoch: this.#epoch, feed: whenOver(this.#feed) };
  }

  #live(): WirePool | null {
    if (this.#closed) {
      throw new TensorIpcError('CLOSED', `the consumer of pool '${this.#options.name}' has been closed: create another`);
    }
    this.#feed.poll();
    this.ended();
    if (this.#pool === null) this.connect();
    return this.#pool;
  }

  newer(cursor: Cursor): boolean {
    this.#live();
    return this.due(cursor);
  }

  due(cursor: Cursor): boolean {
    return this.#lastFor(cursor) !== null || (this.#pool !== null && this.#feed.sequence > this.#seen(cursor, this.#epoch));
  }

  leftover(cursor: Cursor): boolean {
    return this.#lastFor(cursor) !== null;
  }

  get goodbyes(): number {
    return this.#goodbyes;
  }

  newest(): Newest | null {
    if (this.#closed || this.#pool === null) return null;
    // Nobody else may listen.
    this.#feed.pollProgress();
    const { sequence, timestampNs } = this.#feed;
    return sequence < 0 ? null : { sequence, publishedNs: Number(timestampNs) };
  }

  /** The pool that is over, when the reader has not had its last frame. */
  #lastFor(cursor: Cursor): Ended | null {
    const ended = this.#ended;
    return ended !== null && ended.feed.sequence > this.#seen(cursor, ended.epoch) ? ended : null;
  }

  /** Last frame that a reader was given of a pool. Who has read a later one does not go back. */
  #seen(cursor: Cursor, epoch: number): number {
    if (cursor.epoch === epoch) return cursor.seen;
    return cursor.epoch > epoch ? Infinity : -1;
  }

  ended(): boolean {
    const pool = this.#pool;
    if (pool === null) return false;
    this.#feed.raise();
    const { announcement, stranger, departed, over } = this.#feed;
    // Another producer has spoken, or the last one has left.
    const other = announcement !== null && announcement !== this.#judged && !pool.named();
    if (!other && !over && !((stranger || departed) && !pool.named())) {
      this.#judged = announcement;
      this.#feed.settle();
      return false;
    }
    this.#lose(pool.named() ? 'died' : 'closed', other);
    return true;
  }

  /** Whoever keeps a pool counts as one of its readers, and stands in the way of repairs: those who come later do without. */
  settle(): void {
    const ended = this.#ended;
    this.#ended = null;
    ended?.pool.close();
  }

  check(): void {
    if (this.#closed) return;
    this.#feed.poll();
    const pool = this.#pool;
    if (pool !== null && !this.ended()) {
      if (!pool.named()) this.#lose('closed');
      else if (!pool.creatorLives(this.#feed.liveliness)) this.#lose('died');
    }
    this.connect();
  }

  get<F extends FrameForm>(cursor: Cursor, request: CopyRequest | undefined): Frame<F> | null {
    const promised = this.#promised;
    this.#promised = false;
    const pool = this.#live();
    if (pool !== null) return this.#get(pool, this.#feed, this.#epoch, cursor, request);
    return promised ? this.take(cursor, request) : null;
  }

  #get<F extends FrameForm>(
    pool: WirePool,
    feed: Feed,
    epoch: number,
    cursor: Cursor,
    request: CopyRequest | undefined,
  ): Frame<F> | null {
    const count = request?.historyLen === undefined ? 1 : checkCount(pool.metadata, request.historyLen);
    const into = request?.into === undefined ? null : checkInto(pool.metadata, count, request.into);
    if (feed.sequence < 0 || this.#unwritten(pool, feed, epoch, cursor) || stale(feed, request)) return null;
    const target = pool.buffers.target(count, into);
    const latestFirst = request?.latestFirst ?? true;
    const sequence = copyWindow(pool, feed, count, new WindowCopier(this.#system, pool, target.data, count, latestFirst));
    const timestampNs = feed.timestampOf(sequence);
    const times = { timestampNs, publishedNs: Number(timestampNs), epoch };
    const missed = this.#advance(cursor, sequence, epoch);
    return new Frame<F>(target, sequence, count, times, missed, into === null ? this.#recycle : null, pool.metadata.name);
  }

  /**
   * Whether the slot that was told of is one that nobody has written: then that was not its producer's word, and it is no frame. It counts as
   * seen, so that nobody waits for it again.
   */
  #unwritten(pool: WirePool, { slot, sequence }: Feed, epoch: number, cursor: Cursor): boolean {
    if (!pool.locks.unwritten(slot) || !pool.named()) return false;
    giveTo(cursor, epoch, sequence);
    return true;
  }

  borrow<F extends FrameForm>(cursor: Cursor, request: WindowRequest | undefined): View<F> | null {
    const promised = this.#promised;
    this.#promised = false;
    const pool = this.#live();
    if (pool !== null) return this.#borrow(pool, this.#feed, this.#epoch, cursor, request);
    return promised ? this.lend(cursor, request) : null;
  }

  #borrow<F extends FrameForm>(
    pool: WirePool,
    feed: Feed,
    epoch: number,
    cursor: Cursor,
    request: WindowRequest | undefined,
  ): View<F> | null {
    const count = request?.historyLen === undefined ? 1 : checkCount(pool.metadata, request.historyLen);
    const latestFirst = request?.latestFirst ?? true;
    if (feed.sequence < 0 || this.#unwritten(pool, feed, epoch, cursor) || stale(feed, request)) return null;
    const held = holdWindow(pool, feed, count);
    const timestampNs = feed.timestampOf(held.sequence);
    let slots = held.slots;
    let window: Window;
    const wraps = held.oldestSlot + count > pool.metadata.historyLen;
    if (held.unlocked.length === 0 && (pool.object.mirrored || !wraps)) {
      window = pool.object.window(held.oldestSlot, count, count > 1 && latestFirst);
    } else {
      // The window runs over the end of the ring, whose pages cannot be mapped once more behind it, or a slot of it has no locks that could
      // be held: this copy cannot be avoided.
      try {
        window = pool.buffers.target(count, null);
        new WindowCopier(this.#system, pool, window.data, count, latestFirst).copy(held.oldestSlot);
      } finally {
        pool.locks.unlockRead(slots);
      }
      // Somebody has come to those in between.
      if (pool.locks.made(held.unlocked)) return this.#borrow(pool, feed, epoch, cursor, request);
      slots = [];
    }
    const low = Number(BigInt.asIntN(32, timestampNs));
    const high = Number(BigInt.asIntN(32, timestampNs >> 32n));
    const { sequence } = held;
    return new View<F>(
      pool,
      pool.lend(slots),
      window,
      sequence,
      sequence - count + 1,
      low,
      high,
      this.#advance(cursor, sequence, epoch),
      low,
      high,
      epoch,
    );
  }

  peek<F extends FrameForm>(): Frame<F> | null {
    throw new TensorIpcError(
      'INVALID_ARGUMENT',
      `pool '${this.#options.name}': peek is for native pools: objects on the Python package's wire do not say what they hold`,
    );
  }

  /** The open pool, unless its newest frame is older than the reader wants, or it had only the last one of another. */
  #fresh(cursor: Cursor, request: WindowRequest | undefined): WirePool | null {
    const pool = this.#closed ? this.#live() : this.#pool;
    if (pool === null || request?.maxAgeMs === undefined) return pool;
    return this.due(cursor) && !passed(cursor, { feed: this.#feed, epoch: this.#epoch }, request) ? pool : null;
  }

  // What has arrived was taken in when it was found that there is something to take.
  take<F extends FrameForm>(cursor: Cursor, request: CopyRequest | undefined): Frame<F> | null {
    const last = this.#lastFor(cursor);
    if (last !== null && !passed(cursor, last, request)) return this.#get(last.pool, last.feed, last.epoch, cursor, request);
    const pool = this.#fresh(cursor, request);
    return pool && this.#get(pool, this.#feed, this.#epoch, cursor, request);
  }

  lend<F extends FrameForm>(cursor: Cursor, request: WindowRequest | undefined): View<F> | null {
    const last = this.#lastFor(cursor);
    if (last !== null && !passed(cursor, last, request)) return this.#borrow(last.pool, last.feed, last.epoch, cursor, request);
    const pool = this.#fresh(cursor, request);
    return pool && this.#borrow(pool, this.#feed, this.#epoch, cursor, request);
  }

  #advance(cursor: Cursor, sequence: number, epoch: number): number {
    const missed = giveTo(cursor, epoch, sequence);
    if (epoch === this.#epoch && (this.#lastSequence === null || sequence > this.#lastSequence)) {
      this.#taken += 1;
      if (this.#lastSequence !== null) this.#missed += sequence - this.#lastSequence - 1;
      this.#lastSequence = sequence;
    }
    if (missed > 0) this.#events.onLag(missed, sequence);
    return missed;
  }

  /** What DDS has told is taken in first, each time. */
  quickTake(): null {
    return null;
  }

  quickLend(): null {
    return null;
  }

  openDoorbell(onRing: () => void): Doorbell {
    return this.#feed.listen(onRing);
  }

  /** Every notice rings. */
  arm(): void {}

  armFor(cursor: Cursor): boolean {
    return !this.connected || this.due(cursor);
  }

  waitSync(cursor: Cursor, timeoutMs: number): boolean {
    this.#promised = this.#waitSync(cursor, timeoutMs);
    return this.#promised;
  }

  #waitSync(cursor: Cursor, timeoutMs: number): boolean {
    const deadline = steadyMs() + timeoutMs;
    for (;;) {
      if (this.newer(cursor)) return true;
      const leftMs = deadline - steadyMs();
      if (leftMs <= 0) return false;
      if (!this.#feed.waitSync(Math.min(leftMs, SLICE_MS))) this.check();
    }
  }

  spin(cursor: Cursor, timeoutUs: number): boolean {
    const deadline = steadyMs() + timeoutUs / 1000;
    do {
      this.#promised = this.newer(cursor);
    } while (!this.#promised && this.#pool !== null && steadyMs() < deadline);
    return this.#promised;
  }

  stats(): SourceStats | null {
    if (this.#pool === null) return null;
    const lag = Math.max(0, this.#feed.sequence - (this.#lastSequence ?? -1));
    return { lastSequence: this.#lastSequence, lag, framesTaken: this.#taken, framesMissed: this.#missed };
  }

  share(): SharedPool | null {
    throw new TensorIpcError(
      'INVALID_ARGUMENT',
      `pool '${this.#options.name}': pools on the Python package's wire are not shared between threads: attach in each thread`,
    );
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const pool = this.#pool;
    this.#pool = null;
    everyStep([() => pool?.close(), () => this.settle(), () => this.#feed.close()]);
  }
}
