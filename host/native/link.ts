// A consumer's bond to a name: finds the pool behind it, loses it when its producer goes, and finds the next one.

import { DELIVERY_ALL, DELIVERY_LATEST } from '../../assembly/layout';
import { CLOSED } from '../../assembly/status';
import type { Trust } from '../endpoint/options';
import type { Cursor } from '../endpoint/source';
import { LIVENESS_INTERVAL_MS } from '../endpoint/source';
import type { Mapping } from '../memory/mapping';
import { steadyMs } from '../runtime/clock';
import { TensorIpcError } from '../runtime/errors';
import { everyStep, runSteps } from '../runtime/steps';
import type { System } from '../runtime/system';
import type { PoolDescription, PoolMetadata } from '../tensor/metadata';
import { Attacher, type Place, PREFAULT_BYTES, takeEntry } from './attach';
import { Connection } from './connection';
import { translate } from './pool';
import { ReliableCursor } from './reliable-cursor';
import { objectName } from './trust';

/** Longest time between two looks for a place in a full table. */
const MAX_PATIENCE_MS = 600;

export interface LinkOptions {
  readonly name: string;
  /** What the pool must be, or null to take it for what it says it is. */
  readonly expected: PoolMetadata | null;
  readonly ignoreHistory: boolean;
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
}

export class Link {
  readonly #system: System;
  readonly #options: LinkOptions;
  readonly #attacher: Attacher;
  #connection: Connection | null = null;
  #reliable: ReliableCursor | null = null;
  // A lossless reader keeps its place in the pool of a producer that died: its successor may go on with it.
  #detached: Connection | null = null;
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
  #fullUntilMs = 0;
  #patienceMs = 0;

  constructor(system: System, options: LinkOptions) {
    this.#system = system;
    this.#options = options;
    this.#adoptOnce = options.adopt;
    const { name, trust, protect, expected, ignoreHistory } = options;
    const check = ({ metadata }: PoolDescription) => expected?.assertMatches(metadata, { ignoreHistory });
    this.#attacher = new Attacher(system, { name, trust, protect, check });
  }

  get name(): string {
    return this.#options.name;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** The connection as it is, without looking whether it still holds. */
  get connection(): Connection | null {
    return this.#connection;
  }

  /** The place of a lossless reader, while it is connected. */
  get reliable(): ReliableCursor | null {
    return this.#reliable;
  }

  /** The connection to a pool that is open, connecting if there is one to connect to. Throws when the pool is unusable. */
  live(): Connection | null {
    if (this.#closed) throw new TensorIpcError('CLOSED', `the consumer of pool '${this.name}' has been closed: create another`);
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
    const now = steadyMs();
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

  connect(): Connection | null {
    const { name, doorbellId, follow } = this.#options;
    if (this.#detached !== null) return this.#reattach(this.#detached);
    let connection: Connection;
    try {
      const adopted = this.#adopt();
      const place = adopted ?? this.#attacher.attach();
      if (place === null) return null;
      connection = new Connection(place.mapping, place.entry, follow === null ? DELIVERY_LATEST : DELIVERY_ALL, doorbellId);
      if (adopted === null) void connection.prefault(PREFAULT_BYTES);
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
      this.#lastTaken = -1;
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
    const keep = this.#reliable !== null && reason === 'died';
    this.#connection = null;
    if (keep) this.#detached = connection;
    else this.#reliable = null;
    everyStep([() => keep || connection?.close(), () => this.#options.onDisconnect(reason)]);
  }

  /** Back to the pool of a dead producer if a successor has taken it over; away from it if that cannot happen any more. */
  #reattach(detached: Connection): Connection | null {
    if (detached.latest() !== CLOSED) {
      if (detached.producerAlive()) {
        this.#detached = null;
        this.#connection = detached;
        this.#options.onConnect(detached.mapping.metadata);
        return detached;
      }
      const { identity } = this.#system.statDescriptor(detached.mapping.fd);
      if (this.#system.statObject(objectName(this.name))?.identity === identity) return null;
    }
    this.#detached = null;
    this.#reliable = null;
    detached.close();
    return this.connect();
  }

  /** The periodic look: is the producer still alive, or is there one now? Throws when there is an unusable pool. */
  check(): void {
    const connection = this.#connection;
    if (connection === null) this.#lookForPool();
    else if (this.newest(connection) === CLOSED) this.lose('closed');
    else if (!connection.producerAlive()) this.#producerGone(connection);
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

  /** The producer's lock is free: it closed the pool or died. What it has published is still to be had by a lossless reader. */
  #producerGone(connection: Connection): void {
    if (this.#reliable !== null && this.#reliable.next() >= 0) return;
    this.lose(connection.latest() === CLOSED ? 'closed' : 'died');
  }

  close(): void {
    const [connection, detached] = [this.#connection, this.#detached];
    this.#closed = true;
    this.#connection = null;
    this.#detached = null;
    try {
      everyStep([() => connection?.close(), () => detached?.close()]);
    } catch (error) {
      throw translate(this.name, error);
    }
  }

  /** Last frame that a reader was given. Lossless readers of a consumer share one place: each frame is given once. */
  seen(cursor: Cursor): number {
    if (this.#reliable !== null) return this.#reliable.cursor - 1;
    return cursor.epoch === this.#epoch ? cursor.seen : -1;
  }

  /** Whether the connection has a frame that the reader has not seen. */
  newer(cursor: Cursor, connection: Connection | null): boolean {
    if (connection === null) return false;
    if (this.#reliable !== null) return this.#reliable.next() >= 0;
    return connection.latest() > this.seen(cursor);
  }

  /** Notes what a reader was given. Returns how many frames it missed since the one before. */
  advance(cursor: Cursor, sequence: number): number {
    const seen = this.#reliable === null ? this.seen(cursor) : this.#lastTaken;
    cursor.epoch = this.#epoch;
    cursor.seen = sequence;
    if (this.#reliable !== null) this.#lastTaken = sequence;
    return seen >= 0 && sequence > seen ? sequence - seen - 1 : 0;
  }
}
