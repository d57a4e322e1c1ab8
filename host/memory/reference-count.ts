// Who reads the pages that one thread has mapped, when it lends them to others of the same process. The counts are in the shared memory
// itself, so that the last one lets the pages go, whichever thread that is.

import { HANDLE_BYTES } from '../../assembly/layout';
import type { Arena } from './arena';
import type { Handle } from './core';

// A lease's block, in words.
const STATE = 0;
const ENTRY = 1;

const OFFERED = 0;
const TAKEN = 1;
const OVER = 2;

/** How long a handle for another thread, and the counts, are: blocks like the core's own handles. */
const BLOCK_BYTES = HANDLE_BYTES;

/** The right of one other thread to read the pages. */
export class Lease {
  readonly #words: Int32Array;
  readonly #users: Int32Array;

  /**
   * @param handle Where the borrower's core keeps its state.
   * @param at Offset of the lease's words in the memory. @param countAt That of the number of users.
   */
  constructor(
    readonly handle: Handle,
    readonly at: number,
    readonly countAt: number,
    buffer: SharedArrayBuffer,
  ) {
    this.#words = new Int32Array(buffer, at, BLOCK_BYTES / 4);
    this.#users = new Int32Array(buffer, countAt, 1);
  }

  /** Takes what was offered. False when another has, or the owner has closed the pool. */
  take(): boolean {
    // Only while there are users: after the last one the pages are gone.
    let users = Atomics.load(this.#users, 0);
    for (;;) {
      if (users === 0) return false;
      const seen = Atomics.compareExchange(this.#users, 0, users, users + 1);
      if (seen === users) break;
      users = seen;
    }
    if (Atomics.compareExchange(this.#words, STATE, OFFERED, TAKEN) === OFFERED) return true;
    Atomics.sub(this.#users, 0, 1);
    return false;
  }

  setEntry(index: number): void {
    Atomics.store(this.#words, ENTRY, index + 1);
  }

  /** The entry of the consumer table whose lock the borrower holds, or -1. */
  get entry(): number {
    return Atomics.load(this.#words, ENTRY) - 1;
  }

  get taken(): boolean {
    return Atomics.load(this.#words, STATE) === TAKEN;
  }

  /** Ends it. True for the last user of the pages, who unmaps them. */
  giveBack(): boolean {
    if (Atomics.compareExchange(this.#words, STATE, TAKEN, OVER) !== TAKEN) return false;
    return Atomics.sub(this.#users, 0, 1) === 1;
  }

  /** Takes back an offer that nobody has taken. */
  revoke(): void {
    Atomics.compareExchange(this.#words, STATE, OFFERED, OVER);
  }
}

/** Reference counts whose owner has closed the pool while others still read it. */
const unsettled = new Set<ReferenceCount>();

export class ReferenceCount {
  readonly #arena: Arena;
  readonly #at: number;
  readonly #users: Int32Array;
  readonly #leases: Lease[] = [];
  readonly #lives: (entry: number) => boolean;
  #finish: (() => void) | null = null;

  /** @param lives Whether somebody holds the lock of an entry of the consumer table. */
  constructor(arena: Arena, lives: (entry: number) => boolean) {
    this.#arena = arena;
    this.#lives = lives;
    this.#at = arena.allocateHandle();
    this.#users = new Int32Array(arena.buffer, this.#at, 1);
    Atomics.store(this.#users, 0, 1);
  }

  lend(): Lease {
    const lease = new Lease(this.#arena.allocateHandle(), this.#arena.allocateHandle(), this.#at, this.#arena.buffer);
    this.#leases.push(lease);
    return lease;
  }

  /** The owner leaves; `finish` runs once everybody has. */
  close(finish: () => void): void {
    for (const lease of this.#leases) lease.revoke();
    this.#finish = finish;
    Atomics.sub(this.#users, 0, 1);
    unsettled.add(this);
    ReferenceCount.settle();
  }

  /** Finishes what everybody has left by now. Threads that ended without a word are told by their locks. */
  static settle(): void {
    for (const references of unsettled) references.#settle();
  }

  #settle(): void {
    for (const lease of this.#leases) {
      if (lease.taken && lease.entry >= 0 && !this.#lives(lease.entry)) lease.giveBack();
    }
    if (Atomics.load(this.#users, 0) !== 0) return;
    unsettled.delete(this);
    for (const { handle, at } of this.#leases) {
      this.#arena.freeHandle(handle);
      this.#arena.freeHandle(at);
    }
    this.#arena.freeHandle(this.#at);
    this.#finish?.();
  }
}
