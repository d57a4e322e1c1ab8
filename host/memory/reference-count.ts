// Who reads the pages that one thread has mapped, when it lends them to others of the same process.
//
// Nobody may unmap a range that has been given to another pool. So the range is the owner's to give away, once every lease is OVER, and a
// borrower makes its lease OVER as its last step, behind whatever it unmaps. A lease is one word in the shared memory:
//
//   state     who leaves it, and when                     next      a thread that ends in it
//   OFFERED   the borrower, which wants it                CLAIMED
//             the owner, when it closes                   OVER
//   CLAIMED   the borrower, once it holds the lock        TAKEN     the owner ends the lease after CLAIM_PATIENCE_MS; a borrower that
//             of the lease                                          was only slow then fails in its step to TAKEN, and touches nothing
//             the borrower, when it fails; the owner      OVER
//   TAKEN     the borrower, as its last step              OVER      its lock is free: the owner ends the lease
//   OVER      nobody: the next lease in this word has another ticket
//
// Every step is a compare-and-exchange from a state and a ticket, and these words hold nothing but leases for as long as the memory
// lives: who comes with an old offer fails, whatever the word holds by then, and touches neither handle nor pages. The lock is an open file
// description's, on a byte of the pool's object: the kernel drops it with the thread's descriptor, however the thread ends, and a borrower closes
// its descriptor only when the lease is OVER. So TAKEN with a free lock means a thread that does nothing more.
//
// `users` counts the owner and the leases that are not OVER. Each takes off its own share and nobody else's, and a borrower only before its
// lease is OVER, for then the owner may give that word away as well: a thread that ends, or fails with a lease CLAIMED, leaves
// the number too high, never too low. Who makes it 0 has seen everybody leave, and unmaps, for the owner's thread may have
// ended; where the number stays too high the owner does.

import { HANDLE_BYTES } from '../../assembly/layout';
import { steadyMs } from '../runtime/clock';
import { messageOf } from '../runtime/realm';
import { everyStep, runSteps } from '../runtime/steps';
import { platform, type System, type Timer } from '../runtime/system';
import type { Arena } from './arena';
import type { Handle } from './core';

const OFFERED = 0;
const CLAIMED = 1;
const TAKEN = 2;
const OVER = 3;
const STATE_BITS = 2;
const STATE_MASK = (1 << STATE_BITS) - 1;
const MAX_TICKET = 2 ** 29 - 1;

/** Between reading the offer and holding the lock a borrower opens one file. */
const CLAIM_PATIENCE_MS = 10_000;

/** How often a pool that was closed while others read it is looked after. */
const SETTLE_INTERVAL_MS = 100;

/** What the borrower is given, beside the mapping's parts. */
export interface LeaseParts {
  /** Where the borrower's core keeps its state. */
  readonly handle: Handle;
  /** Offset of the lease's word in the memory. */
  readonly at: number;
  readonly ticket: number;
  /** The byte of the object whose lock says that the borrower lives. */
  readonly lockByte: number;
  /** Offset of the number of users. */
  readonly usersAt: number;
}

/** The right of one other thread to read the pages, as both sides see it. */
export class Lease {
  readonly parts: LeaseParts;
  readonly #word: Int32Array;
  readonly #users: Int32Array;
  /** For the owner: since when it has seen it CLAIMED, or 0. */
  claimedMs = 0;

  constructor(parts: LeaseParts, buffer: SharedArrayBuffer) {
    this.parts = parts;
    this.#word = new Int32Array(buffer, parts.at, 1);
    this.#users = new Int32Array(buffer, parts.usersAt, 1);
  }

  #step(from: number, to: number): boolean {
    const ticket = this.parts.ticket << STATE_BITS;
    return Atomics.compareExchange(this.#word, 0, ticket | from, ticket | to) === (ticket | from);
  }

  #leave(): boolean {
    return Atomics.sub(this.#users, 0, 1) === 1;
  }

  /** Owner: the word is this lease's from now on. */
  offer(): void {
    Atomics.add(this.#users, 0, 1);
    Atomics.store(this.#word, 0, (this.parts.ticket << STATE_BITS) | OFFERED);
  }

  get state(): number {
    return Atomics.load(this.#word, 0) & STATE_MASK;
  }

  /** Borrower: takes what was offered. False when another has, or the owner has closed the pool. Then take or unclaim. */
  claim(): boolean {
    return this.#step(OFFERED, CLAIMED);
  }

  /** Borrower, with the lock: from now on handle and pages are its own to use. False when the owner has given it up. */
  take(): boolean {
    return this.#step(CLAIMED, TAKEN);
  }

  /** Borrower: could not be used. It does not leave the number of users: once the lease is OVER that word may be another pool's. */
  unclaim(): void {
    this.#step(CLAIMED, OVER);
  }

  /** Borrower: ends it. The last user of the pages unmaps them. Touches nothing afterwards. */
  giveBack(unmap: () => void): void {
    everyStep([() => this.#leave() && unmap(), () => void this.#step(TAKEN, OVER)]);
  }

  /** Owner: takes back an offer that nobody has taken. */
  revoke(): void {
    if (this.#step(OFFERED, OVER)) this.#leave();
  }

  /** Owner: ends that of a borrower that will not come. One that comes at this moment has it. */
  giveUp(): void {
    if (this.#step(CLAIMED, OVER)) this.#leave();
  }

  /** Owner: ends that of a borrower that has ended. */
  bury(): void {
    this.#step(TAKEN, OVER);
  }
}

/** The words of an arena that hold leases and never anything else. */
class LeaseWords {
  readonly #arena: Arena;
  readonly #free: number[] = [];
  #ticket = 0;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  allocate(): { at: number; ticket: number } {
    if (this.#free.length === 0) {
      const block = this.#arena.allocateHandle();
      new Int32Array(this.#arena.buffer, block, HANDLE_BYTES / 4).fill(OVER);
      for (let at = block; at < block + HANDLE_BYTES; at += 4) this.#free.push(at);
    }
    // 0 is what a new block's words have.
    this.#ticket = this.#ticket === MAX_TICKET ? 1 : this.#ticket + 1;
    return { at: this.#free.pop() as number, ticket: this.#ticket };
  }

  free(at: number): void {
    this.#free.push(at);
  }
}

const wordsOf = new WeakMap<Arena, LeaseWords>();

/** Reference counts whose owner has closed the pool while others still read it. */
const unsettled = new Set<ReferenceCount>();
let settling: Timer | null = null;

export class ReferenceCount {
  readonly #arena: Arena;
  readonly #words: LeaseWords;
  readonly #system: System;
  readonly #fd: number;
  readonly #usersAt: number;
  readonly #users: Int32Array;
  #leases: Lease[] = [];
  #finish: () => void = () => {};

  /** @param fd The owner's descriptor of the object. It stays open until `finish` has run. */
  constructor(arena: Arena, system: System, fd: number) {
    let words = wordsOf.get(arena);
    if (words === undefined) {
      words = new LeaseWords(arena);
      wordsOf.set(arena, words);
    }
    this.#arena = arena;
    this.#words = words;
    this.#system = system;
    this.#fd = fd;
    this.#usersAt = arena.allocateHandle();
    this.#users = new Int32Array(arena.buffer, this.#usersAt, 1);
    Atomics.store(this.#users, 0, 1);
  }

  lend(): Lease {
    this.#sweep();
    const random = this.#system.randomU64();
    const handle = this.#arena.allocateHandle();
    try {
      const { at, ticket } = this.#words.allocate();
      // Far behind the bytes that say who uses the pool, and nobody else's in any process.
      const lockByte = 2 ** 32 + Number(random >> 12n);
      const lease = new Lease({ handle, at, ticket, lockByte, usersAt: this.#usersAt }, this.#arena.buffer);
      lease.offer();
      this.#leases.push(lease);
      return lease;
    } catch (error) {
      this.#arena.freeHandle(handle);
      throw error;
    }
  }

  /** Frees what leases had that are over. Those of threads that have ended without a word are told by their locks. */
  #sweep(): void {
    const now = steadyMs();
    this.#leases = this.#leases.filter((lease) => {
      if (lease.state === TAKEN && !this.#system.isLocked(this.#fd, lease.parts.lockByte)) lease.bury();
      if (lease.state === CLAIMED) {
        if (lease.claimedMs === 0) lease.claimedMs = now;
        else if (now - lease.claimedMs > CLAIM_PATIENCE_MS) lease.giveUp();
      }
      if (lease.state !== OVER) return true;
      this.#words.free(lease.parts.at);
      this.#arena.freeHandle(lease.parts.handle);
      return false;
    });
  }

  /** The owner leaves; `finish` runs once everybody has: it unmaps the pages, gives the range away, and closes the descriptor. */
  close(finish: () => void): void {
    this.#finish = finish;
    for (const lease of this.#leases) lease.revoke();
    Atomics.sub(this.#users, 0, 1);
    unsettled.add(this);
    try {
      this.#settle();
    } finally {
      watch();
    }
  }

  /** Finishes what everybody has left by now. */
  static settle(): void {
    for (const references of [...unsettled]) references.#settle();
    watch();
  }

  #settle(): void {
    this.#sweep();
    if (this.#leases.length > 0) return;
    unsettled.delete(this);
    this.#arena.freeHandle(this.#usersAt);
    this.#finish();
  }
}

/** Looks after those that are unsettled for as long as there are any: their readers leave without telling this thread. */
function watch(): void {
  if (unsettled.size === 0) {
    settling?.stop();
    settling = null;
    return;
  }
  if (settling !== null) return;
  settling = platform().every(SETTLE_INTERVAL_MS, () => {
    // Nobody called this who could catch an error.
    for (const error of runSteps([() => ReferenceCount.settle()])) platform().warn(messageOf(error));
  });
  settling.setRef(false);
}
