// A lossless reader's place in its pool: every frame from where it joined, in order, each held until it is taken.

import { HANDLE_WAKE } from '../../assembly/layout';
import { BAD_HEAD, CLOSED, EMPTY } from '../../assembly/status';
import { isStale } from '../endpoint/times';
import { poolError } from '../memory/core';
import type { Window } from '../memory/window';
import { TensorIpcError } from '../runtime/errors';
import type { TypedArray } from '../tensor/dtype';
import type { Connection, Copied } from './connection';

/** Any number above every sequence number: join at the next frame to be published. */
export const FROM_NOW = Infinity;

export class ReliableCursor {
  readonly #connection: Connection;
  // Sequence number of the frame to be taken next.
  #cursor: number;

  /** Joins at frame `first`, or at the oldest after it that is still held. */
  constructor(connection: Connection, first: number) {
    this.#connection = connection;
    this.#cursor = this.#join(first);
  }

  #join(first: number): number {
    const { core, handle, arena, metadata } = this.#connection.mapping;
    const cursor = core.reliableJoin(handle, first);
    if (cursor < 0) throw poolError(metadata.name, cursor);
    this.#connection.wakeProducer(arena.u32[(handle + HANDLE_WAKE) / 4] as number);
    return cursor;
  }

  get cursor(): number {
    return this.#cursor;
  }

  /** Sequence number of the frame to be taken, or EMPTY, or CLOSED once there is none left and none will come. */
  next(): number {
    const { core, handle, metadata } = this.#connection.mapping;
    const sequence = core.reliableNext(handle);
    if (sequence >= 0 || sequence === EMPTY || sequence === CLOSED) return sequence;
    if (sequence === BAD_HEAD) throw poolError(metadata.name, sequence);
    // LAPPED: somebody broke the protocol. Go on with what is there; the reader sees the gap in `missed`.
    this.#cursor = this.#join(this.#cursor + 1);
    const again = core.reliableNext(handle);
    return again >= 0 || again === CLOSED ? again : EMPTY;
  }

  /** Copies the frame that next() named, and moves on. */
  take(into: TypedArray | null): Copied {
    const { core, handle, geometry } = this.#connection.mapping;
    const sequence = this.#cursor;
    let window: Window;
    try {
      window = this.#connection.copyHeld(sequence % geometry.slotCapacity, 1, false, into);
    } catch (error) {
      // One that is damaged stays so: the reader goes on behind it.
      if (error instanceof TensorIpcError && error.code === 'CORRUPT_OBJECT') this.#advance();
      throw error;
    }
    core.reliableTimes(handle);
    const copied = this.#connection.copied(window, sequence);
    this.#advance();
    return copied;
  }

  /** Pins the frame that next() named for a view, leaves its times in the handle, and moves on. */
  lend(): number {
    const { core, handle } = this.#connection.mapping;
    const sequence = this.#cursor;
    core.reliablePin(handle);
    core.reliableTimes(handle);
    this.#advance();
    return sequence;
  }

  /** Goes on to the first frame that is not older than `maxAgeMs`, and counts none before it as taken. Whether there is one. */
  skipOlder(maxAgeMs: number): boolean {
    const { core, handle, geometry } = this.#connection.mapping;
    // Once round: a producer may be as fast as this.
    for (let left = geometry.slotCapacity; left > 0 && this.next() >= 0; left--) {
      if (!isStale(this.#connection.publishedNs(this.#cursor), maxAgeMs)) return true;
      this.#cursor += 1;
      this.#connection.wakeProducer(core.reliableSkip(handle));
    }
    return false;
  }

  #advance(): void {
    const { core, handle } = this.#connection.mapping;
    this.#cursor += 1;
    this.#connection.wakeProducer(core.reliableAdvance(handle));
  }
}
