// A consumer's bond to a name: finds the pool behind it, loses it when its producer goes, and finds the next one.

import { DELIVERY_ALL, DELIVERY_LATEST } from '../../assembly/layout';
import { BAD_HEAD, CLOSED } from '../../assembly/status';
import type { Trust } from '../endpoint/options';
import { type Cursor, giveTo, LAST_FRAME_MS, LIVENESS_INTERVAL_MS, passTo } from '../endpoint/source';
import { poolError } from '../memory/core';
import type { Mapping } from '../memory/mapping';
import { steadyMs } from '../runtime/clock';
import { TensorIpcError } from '../runtime/errors';
import { registerOpen } from '../runtime/lifecycle';
import { everyStep, runSteps } from '../runtime/steps';
import { type System, SystemError } from '../runtime/system';
import type { PoolDescription } from '../tensor/description';
import type { PoolMetadata } from '../tensor/metadata';
import { Attacher, type Place, takeEntry } from './attach';
import { Connection } from './connection';
import { isElsewhere, translate } from './pool';
import { ReliableCursor } from './reliable-cursor';
import { objectName } from './trust';

/** Longest time between two looks for a place in a full table. */
const MAX_PATIENCE_MS = 600;

/** Calls that come faster than this look at the clock only now and then: it costs as much as a third of a call. */
const QUICK_MS = 1;
/** Calls between two looks at the clock, at most: those of a program that grows slow delay the look at its producer. */
const MAX_UNTIMED = 7;

export interface LinkOptions {
  readonly name: string;
  /** Throws when the pool is not what is expected. */
  check(found: PoolMetadata): void;
  readonly trust: Trust;
  /** Map the frames read-only. */
  readonly protect: boolean;
  /** For lossless delivery, the first frame wanted of a pool that is met for the first time; null for the latest ones. */
  readonly follow: number | null;
  /** Identity of the FIFO that wakes this consumer. */
  readonly doorbellId: bigint;
  /** The mapping to begin with, when another thread has made it. */
  readonly adopt: (() => Mapping) | null;
  onConnect(metadata: PoolMetadata): void;
  onDisconnect(reason: 'closed' | 'died'): void;
  /** Whether any reader may still come for the last frame of a pool that is over. */
  wantsLast(): boolean;
}

export class Link {
  readonly #system: System;
  readonly #options: LinkOptions;
  readonly #attacher: Attacher;
  #connection: Connection | null = null;
  #reliable: ReliableCursor | null = null;
  // The pool whose end was noticed last. A lossless reader keeps its place in one whose producer died: a successor may go on with it. Others
  // keep the last frame of one until everybody who wants it has taken it.
  #ended: Connection | null = null;
  #endedEpoch = 0;
  #endedMs = 0;
  // Its producer died: a successor may take it over.
  #mayGoOn = false;
  // Counts pools, not connections: numbers go on when a producer takes its predecessor's object over.
  #epoch = 0;
  #poolId: bigint | null = null;
  #closed = false;
  #adoptOnce: (() => Mapping) | null;
  // Last frame that lossless delivery gave out, of the pool #poolId.
  #lastTaken = -1;
  #lastLatest = Number.NaN;
  // When the producer was last known to live while its head stood still, or 0.
  #aliveMs = 0;
  // Calls until the next look at the clock, how many were left out before the last one, and when that was.
  #untimed = 0;
  #skipped = 0;
  #clockMs = 0;
  #fullUntilMs = 0;
  #patienceMs = 0;
  #goodbyes = 0;
  #unregister: (() => void) | null = null;

  constructor(system: System, options: LinkOptions) {
    this.#system = system;
    this.#options = options;
    this.#adoptOnce = options.adopt;
    const { name, trust, protect } = options;
    const check = ({ metadata }: PoolDescription) => options.check(metadata);
    this.#attacher = new Attacher(system, { name, trust, protect, check });
  }

  get name(): string {
    return this.#options.name;
  }

  get closed(): boolean {
    return this.#closed;
  }

  closedError(): TensorIpcError {
    return new TensorIpcError('CLOSED', `the consumer of pool '${this.name}' has been closed: create another`);
  }

  /** The connection as it is, without looking whether it still holds. */
  get connection(): Connection | null {
    return this.#connection;
  }

  /** How many producers have said goodbye. */
  get goodbyes(): number {
    return this.#goodbyes;
  }

  /** The pool that is attached, or the one before while it is kept. */
  get known(): Connection | null {
    return this.#connection ?? this.#ended;
  }

  /** The pool that is over and whose last frame this reader has not seen, or null. */
  last(cursor: Cursor): Connection | null {
    const ended = this.#ended;
    if (ended === null || this.#reliable !== null) return null;
    return ended.newest() > this.#seenIn(this.#endedEpoch, cursor) ? ended : null;
  }

  /** Where the reader's next frame is: in what is left of a pool that is over, or in one that is open. */
  holding(cursor: Cursor): Connection | null {
    return this.last(cursor) ?? this.live() ?? this.last(cursor);
  }

  /** The place of a lossless reader, while it is connected. */
  get reliable(): ReliableCursor | null {
    return this.#reliable;
  }

  /** The connection to a pool that is open, connecting if there is one to connect to. Throws when the pool is unusable. */
  live(): Connection | null {
    if (this.#closed) throw this.closedError();
    const connection = this.#connection;
    if (connection === null) return this.connect();
    const latest = this.newest(connection);
    if (latest === CLOSED) {
      this.lose('closed');
      return null;
    }
    return this.stillLives(connection, latest) ? connection : null;
  }

  /**
   * For callers that never return to the event loop, where the periodic look would be: whether the producer lives, given the newest
   * frame that was just seen. A head that moves is proof enough; one that stands still is looked into every 150 ms.
   */
  stillLives(connection: Connection, latest: number): boolean {
    if (latest !== this.#lastLatest) {
      this.#lastLatest = latest;
      this.#aliveMs = 0;
      return true;
    }
    if (this.#untimed > 0) {
      this.#untimed -= 1;
      return true;
    }
    const now = steadyMs();
    this.#skipped = now - this.#clockMs < QUICK_MS ? Math.min(2 * this.#skipped + 1, MAX_UNTIMED) : 0;
    this.#untimed = this.#skipped;
    this.#clockMs = now;
    if (this.#aliveMs === 0) this.#aliveMs = now;
    if (now - this.#aliveMs < LIVENESS_INTERVAL_MS) return true;
    this.#aliveMs = now;
    if (connection.producerAlive()) return true;
    this.#producerGone(connection);
    return this.#connection !== null;
  }

  /**
   * Number of the newest frame that this reader can have, or EMPTY, or CLOSED when there will be none. A lossless reader has what is
   * left of a pool that was closed.
   */
  newest(connection: Connection): number {
    return this.#reliable === null ? connection.latest() : this.#reliable.next();
  }

  /** The connection as it is, where nothing is left of a pool before it. */
  get whole(): Connection | null {
    return this.#ended === null ? this.#connection : null;
  }

  /**
   * The connection, where nothing is to be looked at but the newest frame: the pool is open, nothing is left of one before it, and the reader
   * has not seen that frame. Null otherwise.
   */
  fresh(cursor: Cursor): Connection | null {
    const connection = this.whole;
    return connection !== null && this.newest(connection) > this.seen(cursor) ? connection : null;
  }

  connect(): Connection | null {
    const { name, doorbellId, follow } = this.#options;
    if (this.#ended !== null && this.#mayGoOn) {
      const same = this.#reattach(this.#ended);
      if (same !== undefined) return same;
    }
    // An entry is all that a consumer without a doorbell leaves behind: not worth that Ctrl-C waits for the event loop.
    this.#unregister ??= registerOpen(() => this.close(), { signals: false });
    let connection: Connection;
    try {
      const adopted = this.#adopt();
      const place = adopted ?? this.#attacher.attach();
      if (place === null) return null;
      connection = new Connection(place.mapping, place.entry, follow === null ? DELIVERY_LATEST : DELIVERY_ALL, doorbellId);
      if (adopted === null) void connection.mapping.prefaultSoon();
    } catch (error) {
      throw translate(name, error);
    }
    try {
      if (connection.latest() === CLOSED) {
        connection.close();
        return null;
      }
      // The same pool again, after a gap: go on behind the last frame, if it is still there.
      const first = this.#poolId === connection.poolId ? this.#lastTaken + 1 : follow;
      if (follow !== null) this.#reliable = new ReliableCursor(connection, first ?? follow);
    } catch (error) {
      runSteps([() => connection.close()]);
      throw translate(name, error);
    }
    this.#connection = connection;
    if (this.#poolId !== connection.poolId) {
      this.#poolId = connection.poolId;
      this.#epoch += 1;
      // Where it joined, not the beginning: it may come to this pool's next object before it has taken anything.
      this.#lastTaken = this.#reliable === null ? -1 : this.#reliable.cursor - 1;
    }
    this.#options.onConnect(connection.mapping.metadata);
    return connection;
  }

  /** What another thread has mapped, once. */
  #adopt(): Place | null {
    const adopt = this.#adoptOnce;
    this.#adoptOnce = null;
    const mapping = adopt?.() ?? null;
    if (mapping === null) return null;
    try {
      return { mapping, entry: takeEntry(this.#system, this.name, mapping.fd, mapping.geometry.consumerCapacity) };
    } catch (error) {
      runSteps([() => mapping.close()]);
      throw error;
    }
  }

  lose(reason: 'closed' | 'died'): void {
    const connection = this.#connection;
    if (connection === null) return;
    const lossless = this.#reliable !== null;
    const keep = lossless ? reason === 'died' : connection.newest() >= 0;
    const given = keep ? this.#ended : connection;
    this.#connection = null;
    if (reason === 'closed' && !this.#goesOn(connection)) this.#goodbyes += 1;
    if (keep) {
      this.#ended = connection;
      this.#endedEpoch = this.#epoch;
      this.#endedMs = steadyMs();
      this.#mayGoOn = reason === 'died';
    } else {
      this.#reliable = null;
    }
    everyStep([() => given?.close(), () => this.#options.onDisconnect(reason)]);
  }

  /** Whether the producer of a closed object has made its pool anew under the name: then it goes on there. */
  #goesOn({ poolId, mapping }: Connection): boolean {
    try {
      return isElsewhere(this.#system, this.name, poolId, mapping.fd);
    } catch (error) {
      // What cannot be opened is not this producer's.
      if (error instanceof SystemError) return false;
      throw error;
    }
  }

  /**
   * Back to the pool of a dead producer if a successor has taken it over (its connection), not yet (null), or away from it if that cannot
   * happen any more (undefined).
   */
  #reattach(ended: Connection): Connection | null | undefined {
    if (ended.latest() !== CLOSED) {
      if (ended.producerAlive()) {
        this.#ended = null;
        this.#connection = ended;
        this.#options.onConnect(ended.mapping.metadata);
        return ended;
      }
      const { identity } = this.#system.statDescriptor(ended.mapping.fd);
      if (this.#system.statObject(objectName(this.name))?.identity === identity) return null;
    }
    this.#mayGoOn = false;
    if (this.#reliable === null) return undefined;
    this.#ended = null;
    this.#reliable = null;
    ended.close();
    return undefined;
  }

  /** Lets go of the last frame of a pool that is over, unless somebody still wants it. */
  settle(): void {
    if (this.#ended === null || this.#reliable !== null || this.#options.wantsLast()) return;
    this.#dropEnded();
  }

  /** The reader has seen that the pool is over, and does without its last frame. */
  forgo(cursor: Cursor): void {
    const last = this.last(cursor);
    if (last === null) return;
    cursor.epoch = this.#endedEpoch;
    cursor.seen = last.newest();
    cursor.given = cursor.seen;
    this.settle();
  }

  #epochOf(connection: Connection): number {
    return connection === this.#ended ? this.#endedEpoch : this.#epoch;
  }

  /** The reader does without this frame and those before it: they count as seen, and as missed by the next. */
  pass(cursor: Cursor, sequence: number, connection: Connection): void {
    passTo(cursor, this.#epochOf(connection), sequence);
    if (this.#ended !== null) this.settle();
  }

  /** The periodic look: is the producer still alive, or is there one now? Throws when there is an unusable pool. */
  check(): void {
    const connection = this.#connection;
    // Who has not come for the last frame by now finds a newer one, or has had the time: it holds the pages of the whole pool.
    const stale = steadyMs() - this.#endedMs > LAST_FRAME_MS || (connection !== null && connection.newest() >= 0);
    if (this.#ended !== null && this.#reliable === null && stale) this.#dropEnded();
    if (connection === null) this.#lookForPool();
    else if (this.newest(connection) === CLOSED) this.lose('closed');
    else if (connection.producerAlive()) connection.rest();
    else this.#producerGone(connection);
  }

  #dropEnded(): void {
    const ended = this.#ended;
    this.#ended = null;
    ended?.close();
  }

  /** A full table is asked for a place less and less often: the consumers that wait for one must not keep a core busy. */
  #lookForPool(): void {
    if (steadyMs() < this.#fullUntilMs) return;
    try {
      this.connect();
      this.#patienceMs = 0;
    } catch (error) {
      if (error instanceof TensorIpcError && error.code === 'TOO_MANY_CONSUMERS') {
        this.#patienceMs = Math.min(this.#patienceMs + LIVENESS_INTERVAL_MS, MAX_PATIENCE_MS);
        this.#fullUntilMs = steadyMs() + this.#patienceMs;
      }
      throw error;
    }
  }

  /** There is news: the next look is not put off. */
  lookNow(): void {
    this.#fullUntilMs = 0;
  }

  /** Time has passed since the last call, which was at `sinceMs`: the next one looks at the clock, and counts from there. */
  hasSlept(sinceMs: number): void {
    this.#untimed = 0;
    if (this.#aliveMs === 0) this.#aliveMs = sinceMs;
  }

  /** The producer's lock is free: it closed the pool or died. What it has published is still to be had by a lossless reader. */
  #producerGone(connection: Connection): void {
    if (this.#reliable !== null && this.#reliable.next() >= 0) return;
    this.lose(connection.latest() === CLOSED ? 'closed' : 'died');
  }

  close(): void {
    const connection = this.#connection;
    this.#closed = true;
    this.#connection = null;
    try {
      everyStep([() => connection?.close(), () => this.#dropEnded(), () => this.#unregister?.()]);
    } catch (error) {
      throw translate(this.name, error);
    }
  }

  /** Last frame that a reader was given. Lossless readers of a consumer share one place: each frame is given once. */
  seen(cursor: Cursor): number {
    if (this.#reliable !== null) return this.#reliable.cursor - 1;
    return this.#seenIn(this.#epoch, cursor);
  }

  /** Last frame that a reader was given of a pool. Who has read a later one does not go back. */
  #seenIn(epoch: number, cursor: Cursor): number {
    if (cursor.epoch === epoch) return cursor.seen;
    return cursor.epoch > epoch ? Infinity : -1;
  }

  /** Whether there is a frame that the reader has not seen, in the connection or in what is left of the pool before. */
  newer(cursor: Cursor, connection: Connection | null): boolean {
    if (this.#reliable !== null) return connection !== null && this.#reliable.next() >= 0;
    if (this.last(cursor) !== null) return true;
    if (connection === null) return false;
    const newest = connection.newest();
    if (newest === BAD_HEAD) throw poolError(this.name, newest);
    return newest > this.seen(cursor);
  }

  /** Notes what a reader was given, and of which pool. Returns how many frames it missed since the one before. */
  advance(cursor: Cursor, sequence: number, connection: Connection): number {
    if (this.#reliable !== null) {
      const given = this.#lastTaken;
      this.#lastTaken = sequence;
      cursor.epoch = this.#epoch;
      cursor.seen = sequence;
      return given >= 0 && sequence > given ? sequence - given - 1 : 0;
    }
    const missed = giveTo(cursor, this.#epochOf(connection), sequence);
    if (this.#ended !== null) this.settle();
    return missed;
  }
}
