// Waiting without the event loop: asleep on a futex, or awake.

import { DOORBELL_FUTEX, HEADER_WAKE_COUNT } from '../../assembly/layout';
import { CLOSED } from '../../assembly/status';
import type { Cursor } from '../endpoint/source';
import { LIVENESS_INTERVAL_MS } from '../endpoint/source';
import { steadyMs } from '../runtime/clock';
import type { System } from '../runtime/system';
import type { Connection } from './connection';
import type { Link } from './link';

/** Looks at the head between two looks at the clock while spinning: a few microseconds. */
const SPIN_ITERATIONS = 4000;

export class Blocking {
  readonly #system: System;
  readonly #link: Link;
  #sleepWord: Int32Array | null = null;

  constructor(system: System, link: Link) {
    this.#system = system;
    this.#link = link;
  }

  /** Sleeps until there is a frame newer than the cursor's: true, or false when the time is over. */
  wait(cursor: Cursor, timeoutMs: number): boolean {
    // What a reader is woken for, and what nobody has to sleep for: one look at an open pool.
    if (this.#link.fresh(cursor) !== null) return true;
    let now = steadyMs();
    const deadline = now + timeoutMs;
    for (;;) {
      const connection = this.#link.live();
      if (this.#link.newer(cursor, connection)) return true;
      const slice = Math.min(LIVENESS_INTERVAL_MS, deadline - now);
      if (slice <= 0) return false;
      if (connection === null) this.#sleep(Math.min(slice, LIVENESS_INTERVAL_MS / 10));
      else if (this.#sleepBeside(connection, cursor, slice)) return true;
      this.#link.hasSlept(now);
      now = steadyMs();
    }
  }

  /** Sleeps beside the words of nobody: there is no pool to wait at. */
  #sleep(ms: number): void {
    this.#sleepWord ??= new Int32Array(64);
    this.#system.futexWait(this.#system.addressOf(this.#sleepWord), 0, ms);
  }

  /** Sleeps until the producer wakes it. Whether there is a newer frame then: false tells nothing. */
  #sleepBeside(connection: Connection, cursor: Cursor, ms: number): boolean {
    const { core, handle, controlAddress } = connection.mapping;
    // The count before the bit: a ring for an earlier frame may take the bit at once, and must then not be slept through.
    const count = core.consumerWakeCount(handle);
    core.consumerArm(handle, DOORBELL_FUTEX); // S5: before the head is looked at again
    const newest = this.#link.newest(connection);
    if (newest > this.#link.seen(cursor)) return true;
    // A producer that closed before it could see the bit has not rung.
    if (newest === CLOSED) return false;
    this.#system.futexWait(controlAddress + HEADER_WAKE_COUNT, count, ms);
    return this.#link.fresh(cursor) !== null;
  }

  /** Looks until there is one: true, or false when the time is over or there is no live producer. */
  spin(cursor: Cursor, timeoutUs: number): boolean {
    const connection = this.#link.live();
    if (this.#link.newer(cursor, connection)) return true;
    if (connection === null) return false;
    const { core, handle } = connection.mapping;
    const lossless = this.#link.reliable !== null;
    const deadline = steadyMs() + timeoutUs / 1000;
    for (;;) {
      const seen = this.#link.seen(cursor);
      // What was seen is enough for who takes the newest: another look would be one more call between the frame and its reader.
      if (core.readerSpin(handle, seen, SPIN_ITERATIONS) > seen && !lossless) return true;
      // Another look at what is there, whatever became of the pool: its last frame may have come just before its end.
      if (this.#link.newer(cursor, this.#link.connection)) return true;
      if (steadyMs() >= deadline || this.#link.live() !== connection) return this.#link.newer(cursor, this.#link.connection);
    }
  }
}
