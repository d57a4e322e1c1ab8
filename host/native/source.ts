// The reading end of a native pool.

import { DOORBELL_FILE, HANDLE_TIMESTAMP_NS } from '../../assembly/layout';
import { CLOSED } from '../../assembly/status';
import { Frame } from '../endpoint/frame';
import type { Trust } from '../endpoint/options';
import { checkSingle } from '../endpoint/requests';
import type { CopyRequest, Cursor, Source, SourceEvents, SourceStats, WindowRequest } from '../endpoint/source';
import { View } from '../endpoint/view';
import { adoptMapping, type SharedPool, shareMapping } from '../memory/share';
import type { Doorbell, System } from '../runtime/system';
import type { TypedArray } from '../tensor/dtype';
import type { PoolMetadata } from '../tensor/metadata';
import { checkCount, checkInto } from '../tensor/validation';
import { Blocking } from './blocking';
import type { Connection } from './connection';
import { readConsumerCounters } from './counters';
import { doorbellName } from './doorbell';
import { Link } from './link';
import { OwnDoorbell } from './own-doorbell';
import { translate } from './pool';
import { FROM_NOW } from './reliable-cursor';

/** Permission bits of a doorbell: whoever is accepted as a producer must be able to ring. */
const DOORBELL_MODES = { owner: 0o600, group: 0o660, any: 0o666 } as const;

export interface NativeSourceOptions {
  readonly name: string;
  readonly expected: PoolMetadata | null;
  readonly ignoreHistory: boolean;
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
  #doorbell: OwnDoorbell | null = null;
  readonly #recycle = (frame: Frame): void => this.#link.connection?.recycle(frame.data);

  constructor(system: System, options: NativeSourceOptions, events: SourceEvents) {
    const { name, expected, ignoreHistory, trust, protect, delivery, from, shared } = options;
    this.#system = system;
    this.#events = events;
    this.#doorbellId = system.randomU64();
    this.#doorbellMode = DOORBELL_MODES[trust];
    this.#link = new Link(system, {
      name,
      expected,
      ignoreHistory,
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

  get metadata(): PoolMetadata | null {
    return this.#link.connection?.mapping.metadata ?? null;
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

  ended(): boolean {
    const { connection } = this.#link;
    if (connection === null || this.#link.newest(connection) !== CLOSED) return false;
    this.#link.lose('closed');
    return true;
  }

  check(): void {
    this.#doorbell?.mend();
    this.#link.check();
  }

  get<T extends TypedArray>(cursor: Cursor, request: CopyRequest | undefined): Frame<T> | null {
    const connection = this.#link.live();
    if (connection === null) return null;
    const { metadata } = connection.mapping;
    const count = request?.historyLen === undefined ? 1 : checkCount(metadata, request.historyLen);
    const into = request?.into === undefined ? null : checkInto(metadata, count, request.into);
    const copied = connection.copy(count, request?.latestFirst ?? true, into);
    if (typeof copied === 'number') {
      if (copied === CLOSED && this.#link.reliable === null) this.#link.lose('closed');
      return null;
    }
    const missed = this.#advance(cursor, copied.sequence);
    return new Frame<T>(copied.window, copied.sequence, count, copied.timestampNs, missed, into === null ? this.#recycle : null);
  }

  borrow<T extends TypedArray>(cursor: Cursor, request: WindowRequest | undefined): View<T> | null {
    // The pin itself tells whether the pool is open: no look before it.
    const connection = this.#link.connection ?? this.#link.live();
    if (connection === null) return null;
    const count = request?.historyLen === undefined ? 1 : checkCount(connection.mapping.metadata, request.historyLen);
    const sequence = connection.pin(count);
    if (sequence < 0) {
      if (sequence === CLOSED && this.#link.reliable === null) this.#link.lose('closed');
      return null;
    }
    if (this.#link.reliable === null && !this.#link.stillLives(connection, sequence)) return null;
    return this.#view<T>(connection, cursor, sequence, count, request?.latestFirst ?? true);
  }

  take<T extends TypedArray>(cursor: Cursor, request: CopyRequest | undefined): Frame<T> | null {
    const connection = this.#link.live();
    const { reliable } = this.#link;
    if (connection === null || reliable === null) return this.get(cursor, request);
    checkSingle(request);
    const into = request?.into === undefined ? null : checkInto(connection.mapping.metadata, 1, request.into);
    if (reliable.next() < 0) return null;
    const { window, sequence, timestampNs } = reliable.take(into);
    const missed = this.#advance(cursor, sequence);
    return new Frame<T>(window, sequence, 1, timestampNs, missed, into === null ? this.#recycle : null);
  }

  lend<T extends TypedArray>(cursor: Cursor, request: WindowRequest | undefined): View<T> | null {
    const connection = this.#link.live();
    const { reliable } = this.#link;
    if (connection === null || reliable === null) return this.borrow(cursor, request);
    checkSingle(request);
    if (reliable.next() < 0) return null;
    return this.#view<T>(connection, cursor, reliable.lend(), 1, false);
  }

  /** Right after the pin: the handle still holds the frame's timestamp. */
  #view<T extends TypedArray>(
    connection: Connection,
    cursor: Cursor,
    sequence: number,
    count: number,
    latestFirst: boolean,
  ): View<T> {
    const { mapping } = connection;
    const { slotCapacity } = mapping.geometry;
    const { u32 } = mapping.arena;
    const times = (mapping.handle + HANDLE_TIMESTAMP_NS) / 4;
    const oldest = sequence - count + 1;
    const window = mapping.window((oldest + slotCapacity) % slotCapacity, count, count > 1 && latestFirst);
    const low = u32[times] as number;
    const high = u32[times + 1] as number;
    return new View<T>(
      connection,
      connection.takePin(oldest),
      window,
      sequence,
      oldest,
      low,
      high,
      this.#advance(cursor, sequence),
    );
  }

  /** Notes what a reader was given; how many it missed since the last. */
  #advance(cursor: Cursor, sequence: number): number {
    const missed = this.#link.advance(cursor, sequence);
    if (missed > 0) this.#events.onLag(missed, sequence);
    return missed;
  }

  openDoorbell(onRing: () => void): Doorbell {
    const name = doorbellName(this.#link.name, this.#doorbellId);
    const rung = () => {
      this.#link.lookNow();
      onRing();
    };
    try {
      this.#doorbell = new OwnDoorbell(this.#system, name, this.#doorbellMode, this.#doorbellGroup(), rung);
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

  waitSync(cursor: Cursor, timeoutMs: number): boolean {
    return this.#blocking.wait(cursor, timeoutMs);
  }

  spin(cursor: Cursor, timeoutUs: number): boolean {
    return this.#blocking.spin(cursor, timeoutUs);
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
