// A consumer's bond to a name: finds the pool behind it, loses it when its producer goes, and finds the next one.

import { DELIVERY_LATEST } from '../assembly/layout';
import { CLOSED } from '../assembly/status';
import { Connection } from './connection';
import { TensorIpcError } from './errors';
import type { PoolMetadata } from './metadata';
import { openForConsumer, translate } from './pool';
import type { System } from './system';
import type { Trust } from './trust';

/** How often the life of the producer, or the appearance of one, is looked for: one system call each time. */
export const LIVENESS_INTERVAL_MS = 200;

export interface LinkOptions {
  readonly name: string;
  /** What the pool must be, or null to take it for what it says it is. */
  readonly expected: PoolMetadata | null;
  readonly ignoreHistory: boolean;
  readonly trust: Trust;
  /** Identity of the FIFO that wakes this consumer. */
  readonly bellId: bigint;
  onConnect(metadata: PoolMetadata): void;
  onDisconnect(reason: 'closed' | 'died'): void;
}

/** What one reader has seen: the consumer itself, or one of its loops. */
export interface Cursor {
  epoch: number;
  seen: number;
}

export class Link {
  readonly #system: System;
  readonly #options: LinkOptions;
  #connection: Connection | null = null;
  // Counts pools, not connections: numbers go on when a producer takes its predecessor's object over.
  #epoch = 0;
  #poolId: bigint | null = null;
  #closed = false;
  #lastLatest = Number.NaN;
  // When the producer was last known to live while its head stood still, or 0.
  #aliveMs = 0;

  constructor(system: System, options: LinkOptions) {
    this.#system = system;
    this.#options = options;
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

  /** The connection to a pool that is open, connecting if there is one to connect to. Throws when the pool is unusable. */
  live(): Connection | null {
    if (this.#closed) throw new TensorIpcError('CLOSED', `the consumer of pool '${this.name}' has been closed: create another`);
    const connection = this.#connection;
    if (connection === null) return this.connect();
    const latest = connection.latest();
    if (latest === CLOSED) {
      this.lose('closed');
      return null;
    }
    return this.stillLives(connection, latest) ? connection : null;
  }

  /**
   * For callers that never return to the event loop, where the periodic look would be: whether the producer lives, given the newest
   * frame that was just seen. A head that moves is proof enough; one that stands still is looked into every 200 ms.
   */
  stillLives(connection: Connection, latest: number): boolean {
    if (latest !== this.#lastLatest) {
      this.#lastLatest = latest;
      this.#aliveMs = 0;
      return true;
    }
    const now = performance.now();
    if (this.#aliveMs === 0) this.#aliveMs = now;
    if (now - this.#aliveMs < LIVENESS_INTERVAL_MS) return true;
    this.#aliveMs = now;
    if (connection.producerAlive()) return true;
    this.lose(connection.latest() === CLOSED ? 'closed' : 'died');
    return false;
  }

  connect(): Connection | null {
    const { name, expected, ignoreHistory, trust, bellId } = this.#options;
    let connection: Connection;
    try {
      const mapping = openForConsumer(this.#system, name, trust, ({ metadata }) =>
        expected?.assertMatches(metadata, { ignoreHistory }),
      );
      if (mapping === null) return null;
      connection = new Connection(mapping, DELIVERY_LATEST, bellId);
    } catch (error) {
      throw translate(name, error);
    }
    if (connection.latest() === CLOSED) {
      connection.close();
      return null;
    }
    this.#connection = connection;
    if (this.#poolId !== connection.poolId) {
      this.#poolId = connection.poolId;
      this.#epoch += 1;
    }
    this.#options.onConnect(connection.mapping.metadata);
    return connection;
  }

  lose(reason: 'closed' | 'died'): void {
    this.#connection?.close();
    this.#connection = null;
    this.#options.onDisconnect(reason);
  }

  /** The periodic look: is the producer still alive, or is there one now? Throws when there is an unusable pool. */
  check(): void {
    const connection = this.#connection;
    if (connection === null) this.connect();
    else if (connection.latest() === CLOSED) this.lose('closed');
    else if (!connection.producerAlive()) this.lose(connection.latest() === CLOSED ? 'closed' : 'died');
  }

  close(): void {
    this.#closed = true;
    this.#connection?.close();
    this.#connection = null;
  }

  seen(cursor: Cursor): number {
    return cursor.epoch === this.#epoch ? cursor.seen : -1;
  }

  /** Whether the connection has a frame that the reader has not seen. */
  newer(cursor: Cursor, connection: Connection | null): boolean {
    return connection !== null && connection.latest() > this.seen(cursor);
  }

  /** Notes what a reader was given. Returns how many frames it missed since the one before. */
  advance(cursor: Cursor, sequence: number): number {
    const seen = this.seen(cursor);
    cursor.epoch = this.#epoch;
    cursor.seen = sequence;
    return seen >= 0 && sequence > seen ? sequence - seen - 1 : 0;
  }
}
