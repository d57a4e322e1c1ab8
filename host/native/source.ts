// The reading end of a native pool.

import { DOORBELL_FILE, HANDLE_EPOCH, HANDLE_PUBLISHED_NS, HANDLE_TIMESTAMP_NS } from '../../assembly/layout';
import { CLOSED, EMPTY } from '../../assembly/status';
import { Frame } from '../endpoint/frame';
import type { Trust } from '../endpoint/options';
import { checkSingle } from '../endpoint/requests';
import type { CopyRequest, Cursor, Newest, Source, SourceEvents, SourceStats, WindowRequest } from '../endpoint/source';
import { isStale } from '../endpoint/times';
import { type PinGuard, View } from '../endpoint/view';
import { adoptMapping, type SharedPool, shareMapping } from '../memory/share';
import { runSteps } from '../runtime/steps';
import type { Doorbell, System } from '../runtime/system';
import type { Expectation } from '../tensor/expectation';
import type { FrameForm } from '../tensor/form';
import { checkCount, checkInto } from '../tensor/validation';
import { Blocking } from './blocking';
import type { Connection } from './connection';
import { readConsumerCounters } from './counters';
import { doorbellName } from './doorbell';
import { Link } from './link';
import { OwnDoorbell } from './own-doorbell';
import { type PeekOptions, peekFrames } from './peek';
import { translate } from './pool';
import { FROM_NOW, type ReliableCursor } from './reliable-cursor';

/** Permission bits of a doorbell: whoever is accepted as a producer must be able to ring. */
const DOORBELL_MODES = { owner: 0o600, group: 0o660, any: 0o666 } as const;

export interface NativeSourceOptions {
  readonly name: string;
  readonly expectation: Expectation;
  readonly trust: Trust;
  readonly protect: boolean;
  readonly delivery: 'latest' | 'all';
  readonly from: 'now' | 'oldest';
  /** What another thread has mapped. */
  readonly shared: SharedPool | null;
}

export class NativeSource implements Source {
  readonly #system: System;
  readonly #link: Link;
  readonly #blocking: Blocking;
  readonly #events: SourceEvents;
  readonly #doorbellId: bigint;
  readonly #doorbellMode: number;
  readonly #look: PeekOptions;
  #doorbell: OwnDoorbell | null = null;
  // Whether a blocking wait has promised a frame, which the next look gives although its producer may have gone.
  #promised = false;
  readonly #recycle = (frame: Frame): void => this.#link.connection?.recycle(frame.data);

  constructor(system: System, options: NativeSourceOptions, events: SourceEvents) {
    const { name, expectation, trust, protect, delivery, from, shared } = options;
    this.#system = system;
    this.#events = events;
    this.#doorbellId = system.randomU64();
    this.#doorbellMode = DOORBELL_MODES[trust];
    this.#look = { name, trust, check: ({ metadata }) => expectation.check(metadata) };
    this.#link = new Link(system, {
      name,
      check: (found) => expectation.check(found),
      trust,
      protect,
      follow: delivery === 'latest' ? null : from === 'oldest' ? 0 : FROM_NOW,
      doorbellId: this.#doorbellId,
      adopt: shared && (() => adoptMapping(system, shared)),
      onConnect: (metadata) => {
        this.#doorbell?.setGroup(this.#doorbellGroup());
        events.onConnect(metadata);
      },
      onDisconnect: (reason) => events.onDisconnect(reason),
      wantsLast: () => events.wantsLast(),
    });
    this.#blocking = new Blocking(system, this.#link);
  }

  get closed(): boolean {
    return this.#link.closed;
  }

  get attached(): boolean {
    return this.#link.connection !== null;
  }

  get connected(): boolean {
    const { connection } = this.#link;
    return connection !== null && this.#link.newest(connection) !== CLOSED;
  }

  get prefaulted(): number {
    return this.#link.connection?.mapping.prefaulted ?? 1;
  }

  connect(): void {
    this.#link.connect();
  }

  newer(cursor: Cursor): boolean {
    return this.#link.newer(cursor, this.#link.live());
  }

  due(cursor: Cursor): boolean {
    return this.#link.newer(cursor, this.#link.connection);
  }

  leftover(cursor: Cursor): boolean {
    return this.#link.last(cursor) !== null;
  }

  get goodbyes(): number {
    return this.#link.goodbyes;
  }

  newest(): Newest | null {
    const connection = this.#link.known;
    if (connection === null) return null;
    const sequence = connection.newest();
    return sequence < 0 ? null : { sequence, publishedNs: connection.publishedNs(sequence) };
  }

  ended(): boolean {
    const { connection } = this.#link;
    if (connection === null || this.#link.newest(connection) !== CLOSED) return false;
    this.#link.lose('closed');
    return true;
  }

  settle(): void {
    this.#link.settle();
  }

  check(): void {
    this.#doorbell?.mend();
    this.#link.check();
  }

  get<F extends FrameForm>(cursor: Cursor, request: CopyRequest | undefined): Frame<F> | null {
    const promised = this.#promised;
    this.#promised = false;
    const connection = this.#link.live() ?? this.#afterEnd(cursor, promised);
    if (connection === null) return null;
    // Of a pool that was closed a lossless reader has its frames one by one.
    if (this.#link.reliable !== null && !promised && connection.latest() === CLOSED) return null;
    return this.#copy(connection, cursor, request);
  }

  /** A pool that is over gives get and borrow nothing more, except what waitSync or spin has just promised. */
  #afterEnd(cursor: Cursor, promised: boolean): Connection | null {
    const last = promised ? this.#link.last(cursor) : null;
    if (last === null) this.#link.forgo(cursor);
    return last;
  }

  #copy<F extends FrameForm>(connection: Connection, cursor: Cursor, request: CopyRequest | undefined): Frame<F> | null {
    const { metadata } = connection.mapping;
    const count = request?.historyLen === undefined ? 1 : checkCount(metadata, request.historyLen);
    const into = request?.into === undefined ? null : checkInto(metadata, count, request.into);
    if (this.#stale(connection, request)) return null;
    const copied = connection.copy(count, request?.latestFirst ?? true, into);
    if (typeof copied === 'number') return null;
    const missed = this.#advance(connection, cursor, copied.sequence, false);
    return new Frame<F>(
      copied.window,
      copied.sequence,
      count,
      copied,
      missed,
      into === null ? this.#recycle : null,
      metadata.name,
    );
  }

  borrow<F extends FrameForm>(cursor: Cursor, request: WindowRequest | undefined): View<F> | null {
    const promised = this.#promised;
    this.#promised = false;
    // The pin itself tells whether the pool is open: no look before it.
    const connection = this.#link.connection ?? this.#link.live();
    const lossless = this.#link.reliable !== null;
    if (connection !== null) {
      const sequence = this.#pin(connection, request);
      if (sequence === EMPTY) {
        // A program that never returns to its event loop would wait for a dead producer's first frame, or fresh one, for ever.
        if (lossless || this.#link.stillLives(connection, connection.newest())) return null;
      } else if (sequence !== CLOSED) {
        if (lossless || this.#stillLives(connection, sequence)) return this.#view<F>(connection, cursor, sequence, request);
        connection.dropPin();
      } else if (lossless) {
        return promised ? this.#lendLast<F>(connection, cursor, request) : null;
      } else {
        this.#link.lose('closed');
      }
    }
    const last = this.#afterEnd(cursor, promised);
    return last && this.#lendLast<F>(last, cursor, request);
  }

  #stillLives(connection: Connection, sequence: number): boolean {
    try {
      return this.#link.stillLives(connection, sequence);
    } catch (error) {
      runSteps([() => connection.dropPin()]);
      throw error;
    }
  }

  #pin(connection: Connection, request: WindowRequest | undefined): number {
    const { mapping } = connection;
    const count = request?.historyLen === undefined ? 1 : checkCount(mapping.metadata, request.historyLen);
    // What cannot be shown is refused before it is pinned.
    mapping.checkWindow(count, count > 1 && (request?.latestFirst ?? true));
    if (this.#stale(connection, request)) return connection.latest() === CLOSED ? CLOSED : EMPTY;
    return connection.pin(count);
  }

  /** Whether the newest frame is older than the request allows. */
  #stale(connection: Connection, request: WindowRequest | undefined): boolean {
    if (request?.maxAgeMs === undefined) return false;
    const sequence = connection.newest();
    return sequence >= 0 && isStale(connection.publishedNs(sequence), request.maxAgeMs);
  }

  /** Where the reader's next frame is. One that is older than the request allows counts as seen: who waits is not woken for it again. */
  #holding(cursor: Cursor, request: WindowRequest | undefined): Connection | null {
    for (;;) {
      const connection = this.#link.holding(cursor);
      if (connection === null || request?.maxAgeMs === undefined) return connection;
      // The number first: of a frame that is newer by then, its age would be.
      const sequence = connection.newest();
      if (sequence < 0 || !this.#stale(connection, request)) return connection;
      const leftover = connection !== this.#link.connection;
      this.#link.pass(cursor, sequence, connection);
      if (!leftover || !this.#link.newer(cursor, this.#link.connection)) return null;
    }
  }

  /** Whether there is a frame for a lossless reader. Those that are older than it wants it goes past. */
  #follow(reliable: ReliableCursor, request: WindowRequest | undefined): boolean {
    return request?.maxAgeMs === undefined ? reliable.next() >= 0 : reliable.skipOlder(request.maxAgeMs);
  }

  take<F extends FrameForm>(cursor: Cursor, request: CopyRequest | undefined): Frame<F> | null {
    const { reliable } = this.#link;
    if (reliable === null) {
      const connection = this.#holding(cursor, request);
      return connection && this.#copy(connection, cursor, request);
    }
    const connection = this.#link.live();
    if (connection === null || !this.#follow(reliable, request)) return null;
    return this.#takeNext(connection, reliable, cursor, request);
  }

  /** The frame that a lossless reader's next() has just named. */
  #takeNext<F extends FrameForm>(
    connection: Connection,
    reliable: ReliableCursor,
    cursor: Cursor,
    request: CopyRequest | undefined,
  ): Frame<F> {
    checkSingle(request);
    const { metadata } = connection.mapping;
    const into = request?.into === undefined ? null : checkInto(metadata, 1, request.into);
    const taken = reliable.take(into);
    const missed = this.#advance(connection, cursor, taken.sequence, true);
    return new Frame<F>(taken.window, taken.sequence, 1, taken, missed, into === null ? this.#recycle : null, metadata.name);
  }

  lend<F extends FrameForm>(cursor: Cursor, request: WindowRequest | undefined): View<F> | null {
    const { reliable } = this.#link;
    if (reliable === null) {
      const connection = this.#holding(cursor, request);
      return connection && this.#lendLast<F>(connection, cursor, request);
    }
    const connection = this.#link.live();
    if (connection === null || !this.#follow(reliable, request)) return null;
    return this.#lendNext(connection, reliable, cursor, request);
  }

  /** The same as a view. */
  #lendNext<F extends FrameForm>(
    connection: Connection,
    reliable: ReliableCursor,
    cursor: Cursor,
    request: WindowRequest | undefined,
  ): View<F> {
    checkSingle(request);
    // Before the frame counts as taken.
    connection.mapping.checkWindow(1, false);
    return this.#view<F>(connection, cursor, reliable.lend(), request, true);
  }

  quickTake<F extends FrameForm>(cursor: Cursor, request: CopyRequest | undefined): Frame<F> | null {
    const connection = this.#link.fresh(cursor);
    if (connection === null) return null;
    const { reliable } = this.#link;
    if (reliable === null) return this.#copy(connection, cursor, request);
    return request?.maxAgeMs === undefined ? this.#takeNext(connection, reliable, cursor, request) : null;
  }

  quickLend<F extends FrameForm>(cursor: Cursor, request: WindowRequest | undefined): View<F> | null {
    const { reliable } = this.#link;
    if (reliable !== null) {
      if (request?.maxAgeMs !== undefined) return null;
      const connection = this.#link.fresh(cursor);
      return connection && this.#lendNext(connection, reliable, cursor, request);
    }
    const { whole: connection } = this.#link;
    if (connection === null) return null;
    // The pin itself tells whether the pool is open and the frame new: no look before it.
    const sequence = this.#pin(connection, request);
    if (sequence > this.#link.seen(cursor)) return this.#view<F>(connection, cursor, sequence, request);
    if (sequence >= 0) connection.dropPin();
    return null;
  }

  /** A view of the newest frames of a pool, open or closed. */
  #lendLast<F extends FrameForm>(connection: Connection, cursor: Cursor, request: WindowRequest | undefined): View<F> | null {
    let sequence = this.#pin(connection, request);
    if (sequence === CLOSED && this.#stale(connection, request)) return null;
    if (sequence === CLOSED) sequence = connection.keepLast(request?.historyLen ?? 1);
    return sequence < 0 ? null : this.#view<F>(connection, cursor, sequence, request);
  }

  /** Right after the pin: the handle still holds the frame's timestamp. */
  #view<F extends FrameForm>(
    connection: Connection,
    cursor: Cursor,
    sequence: number,
    request: WindowRequest | undefined,
    inOrder = false,
  ): View<F> {
    const { mapping } = connection;
    const { slotCapacity } = mapping.geometry;
    const { i32 } = mapping.arena;
    const times = (mapping.handle + HANDLE_TIMESTAMP_NS) / 4;
    const published = (mapping.handle + HANDLE_PUBLISHED_NS) / 4;
    const count = request?.historyLen ?? 1;
    const oldest = sequence - count + 1;
    let guard: PinGuard | null = null;
    try {
      const window = connection.view((oldest + slotCapacity) % slotCapacity, count, count > 1 && (request?.latestFirst ?? true));
      const low = i32[times] as number;
      const high = i32[times + 1] as number;
      const publishedLow = i32[published] as number;
      const publishedHigh = i32[published + 1] as number;
      const epoch = mapping.arena.u32[(mapping.handle + HANDLE_EPOCH) / 4] as number;
      // Before the reader moves on: a pool that is over goes with its last reader and its last view.
      guard = connection.takePin(oldest);
      const missed = this.#advance(connection, cursor, sequence, inOrder);
      return new View<F>(connection, guard, window, sequence, oldest, low, high, missed, publishedLow, publishedHigh, epoch);
    } catch (error) {
      const taken = guard;
      runSteps([() => (taken === null ? connection.dropPin() : connection.releasePin(taken))]);
      throw error;
    }
  }

  /**
   * Notes what a reader was given; how many it missed since the last. A lossless reader moves on by the frames it is given in order: what it
   * looks at in between is nobody's loss.
   */
  #advance(connection: Connection, cursor: Cursor, sequence: number, inOrder: boolean): number {
    if (!inOrder && this.#link.reliable !== null) return 0;
    const missed = this.#link.advance(cursor, sequence, connection);
    if (missed > 0) this.#events.onLag(missed, sequence);
    return missed;
  }

  peek<F extends FrameForm>(request: CopyRequest | undefined): Frame<F> | null {
    if (this.#link.closed) throw this.#link.closedError();
    return peekFrames<F>(this.#system, this.#look, request);
  }

  openDoorbell(onRing: () => void, onHangUp: () => void): Doorbell {
    const name = doorbellName(this.#link.name, this.#doorbellId);
    const rung = () => {
      this.#link.lookNow();
      onRing();
    };
    try {
      this.#doorbell = new OwnDoorbell(this.#system, name, this.#doorbellMode, this.#doorbellGroup(), rung, onHangUp);
      return this.#doorbell;
    } catch (error) {
      throw translate(this.#link.name, error);
    }
  }

  /** The group of the pool's object, where its members ring as such. */
  #doorbellGroup(): number | null {
    const { connection } = this.#link;
    if (connection === null || this.#doorbellMode !== DOORBELL_MODES.group) return null;
    return this.#system.statDescriptor(connection.mapping.fd).gid;
  }

  arm(): void {
    const { connection } = this.#link;
    if (connection === null) return;
    connection.mapping.core.consumerArm(connection.mapping.handle, DOORBELL_FILE); // S5: before the head is looked at again
  }

  armFor(cursor: Cursor): boolean {
    const { connection } = this.#link;
    if (connection === null) return false;
    this.arm();
    const newest = this.#link.newest(connection);
    return newest === CLOSED || newest > this.#link.seen(cursor);
  }

  waitSync(cursor: Cursor, timeoutMs: number): boolean {
    this.#promised = this.#blocking.wait(cursor, timeoutMs);
    return this.#promised;
  }

  spin(cursor: Cursor, timeoutUs: number): boolean {
    this.#promised = this.#blocking.spin(cursor, timeoutUs);
    return this.#promised;
  }

  stats(): SourceStats | null {
    const { connection } = this.#link;
    if (connection === null) return null;
    const counters = readConsumerCounters(connection.mapping);
    const latest = Math.max(connection.latest(), -1);
    return { ...counters, lag: Math.max(0, latest - (counters.lastSequence ?? -1)) };
  }

  share(): SharedPool | null {
    const connection = this.#link.live();
    return connection && shareMapping(connection.mapping);
  }

  close(): void {
    this.#link.close();
  }
}
