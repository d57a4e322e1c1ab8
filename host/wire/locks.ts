// The locks of the Python package: for each slot three named semaphores and a counter of readers. A lock that a process took with it
// into its death stays taken, so every wait here is bounded.

import { reserveInArena } from '../memory/arena';
import { TensorIpcError } from '../runtime/errors';
import { runSteps } from '../runtime/steps';
import type { Address, System } from '../runtime/system';
import { slotNames } from './form';

const MODE = 0o600;
const COUNTER_BYTES = 8;
/** How long a reader may take to leave after it has let the writer in. */
const LEAVING_MS = 5;
/** How often, and how far apart, a dead writer's locks are looked at before they are taken for its own. */
const DEAD_LOOKS = 4;
const DEAD_LOOK_MS = 2;
/** Milliseconds of patience with a counter that is just being made. */
const COUNTER_TRIES = 100;

/** What a slot's locks look like from outside. */
export interface SlotState {
  readonly slot: number;
  readonly mutex: number;
  readonly write: number;
  readonly readTry: number;
  readonly readers: number;
}

/**
 * The object of a slot's counter. Made under another name and linked: the package's processes map what they find, and one without its
 * eight bytes throws in them.
 */
function openCounter(system: System, name: string): number {
  for (;;) {
    const existing = system.openObject(name);
    if (existing !== null) return whole(system, existing);
    const draft = `${name}.${system.randomU64().toString(16)}`;
    const { fd } = system.openOrCreateObject(draft, MODE);
    try {
      system.grow(fd, COUNTER_BYTES);
      const linked = system.linkObject(draft, name);
      system.unlinkObject(draft);
      if (linked) return fd;
    } catch (error) {
      runSteps([() => system.unlinkObject(draft), () => system.close(fd)]);
      throw error;
    }
    system.close(fd);
  }
}

/** Waits until its maker has given it its size. One that has died before that is helped out. */
function whole(system: System, fd: number): number {
  const word = new Int32Array(1);
  for (let patience = 0; patience < COUNTER_TRIES && system.statDescriptor(fd).bytes < COUNTER_BYTES; patience++)
    system.futexWait(system.addressOf(word), 0, 1); // nobody wakes it: a millisecond's sleep
  system.grow(fd, COUNTER_BYTES);
  return fd;
}

/** The locks of one slot: many readers or one writer. */
class SlotLock {
  readonly #system: System;
  readonly #mutex: Address;
  readonly #write: Address;
  readonly #readTry: Address;
  readonly #counter: BigUint64Array;
  readonly #release: () => void;
  #metWriter = false;

  /** Opens what is there and makes what is not, in the package's order. What is there is not reset: others may hold it. */
  constructor(system: System, pool: string, slot: number) {
    const names = slotNames(pool, slot);
    this.#system = system;
    this.#mutex = system.semaphores.open(names.mutex, MODE, 1);
    this.#write = system.semaphores.open(names.write, MODE, 1);
    this.#readTry = system.semaphores.open(names.readTry, MODE, 1);
    const fd = openCounter(system, names.counter);
    try {
      const place = reserveInArena(system, system.pageBytes);
      if (place === null) throw new TensorIpcError('ADDRESS_SPACE', `pool '${pool}': no room for the counters of its locks`);
      this.#release = () => {
        system.unmapFixed(place.space.address, place.space.bytes);
        place.arena.release(place.space);
      };
      system.mapFixed(place.space.address, place.space.bytes, fd, 0, true);
      this.#counter = new BigUint64Array(place.space.buffer, place.space.byteOffset, 1);
    } finally {
      system.close(fd);
    }
  }

  /** Whether a writer was inside when the lock was last taken for reading, as far as can be seen: readers look the same for an instant. */
  get metWriter(): boolean {
    return this.#metWriter;
  }

  /** False when it could not be had in time; then nothing is held. */
  lockRead(timeoutMs: number): boolean {
    const { semaphores } = this.#system;
    const budget = { leftMs: timeoutMs };
    const free = semaphores.tryWait(this.#readTry);
    this.#metWriter = !free && semaphores.value(this.#write) === 0 && Atomics.load(this.#counter, 0) === 0n;
    if (!free && !semaphores.wait(this.#readTry, budget)) return false;
    let got = false;
    if (semaphores.wait(this.#mutex, budget)) {
      const before = Atomics.add(this.#counter, 0, 1n);
      got = before !== 0n || semaphores.wait(this.#write, budget);
      if (!got) Atomics.sub(this.#counter, 0, 1n);
      semaphores.post(this.#mutex);
    }
    semaphores.post(this.#readTry);
    return got;
  }

  /** False when somebody has died inside; then the slot counts one reader too many. */
  unlockRead(timeoutMs: number): boolean {
    const { semaphores } = this.#system;
    if (!semaphores.wait(this.#mutex, { leftMs: timeoutMs })) return false;
    if (Atomics.sub(this.#counter, 0, 1n) === 1n) semaphores.post(this.#write);
    semaphores.post(this.#mutex);
    return true;
  }

  lockWrite(timeoutMs: number): boolean {
    const { semaphores } = this.#system;
    const budget = { leftMs: timeoutMs };
    if (!semaphores.wait(this.#readTry, budget)) return false;
    if (semaphores.wait(this.#write, budget)) return true;
    semaphores.post(this.#readTry);
    return false;
  }

  unlockWrite(): void {
    this.#system.semaphores.post(this.#write);
    this.#system.semaphores.post(this.#readTry);
  }

  /** Whether somebody is between its outer door and its inner one: a writer that waits for readers, or a reader for an instant. */
  get entered(): boolean {
    return this.#system.semaphores.value(this.#readTry) === 0;
  }

  /**
   * The lock that a writer has, or waits with, 'both' or the outer one, as far as can be seen: a reader on its way in or out looks the same
   * for an instant.
   */
  get writer(): 'both' | 'outer' | null {
    const { mutex, write, readTry, readers } = this.state(0);
    if (readTry !== 0 || mutex !== 1) return null;
    return readers > 0 ? 'outer' : write === 0 ? 'both' : null;
  }

  /** Gives back what a writer had that has died. */
  releaseWriter(had: 'both' | 'outer'): void {
    if (had === 'both') this.#system.semaphores.post(this.#write);
    this.#system.semaphores.post(this.#readTry);
  }

  /** While it is locked for writing: a reader that leaves has the mutex for an instant only. */
  mutexIsFree(): boolean {
    const { semaphores } = this.#system;
    if (semaphores.value(this.#mutex) !== 0) return true;
    if (!semaphores.wait(this.#mutex, { leftMs: LEAVING_MS })) return false;
    semaphores.post(this.#mutex);
    return true;
  }

  state(slot: number): SlotState {
    const { semaphores } = this.#system;
    return {
      slot,
      mutex: semaphores.value(this.#mutex),
      write: semaphores.value(this.#write),
      readTry: semaphores.value(this.#readTry),
      readers: Number(Atomics.load(this.#counter, 0)),
    };
  }

  /** Sets everything to free. Only where nobody else can be inside. */
  reset(): void {
    const { semaphores } = this.#system;
    Atomics.store(this.#counter, 0, 0n);
    for (const semaphore of [this.#mutex, this.#write, this.#readTry]) {
      while (semaphores.tryWait(semaphore));
      semaphores.post(semaphore);
    }
  }

  close(): void {
    for (const semaphore of [this.#mutex, this.#write, this.#readTry]) this.#system.semaphores.close(semaphore);
    this.#release();
  }
}

/** The locks of a pool's slots, opened when they are first needed. */
export class Locks {
  readonly #system: System;
  readonly #pool: string;
  readonly #slots: (SlotLock | undefined)[];
  readonly #timeoutMs: number;
  readonly #repair: () => boolean;
  readonly #sleepWord = new Int32Array(1);

  /**
   * @param timeoutMs How long to wait for a lock.
   * @param repair Called when one could not be had: true when it has seen to it that nobody else is there and the locks are free again.
   */
  constructor(system: System, pool: string, slotCount: number, timeoutMs: number, repair: () => boolean) {
    this.#system = system;
    this.#pool = pool;
    this.#slots = new Array<SlotLock | undefined>(slotCount);
    this.#timeoutMs = timeoutMs;
    this.#repair = repair;
  }

  #slot(slot: number): SlotLock {
    let lock = this.#slots[slot];
    if (lock === undefined) {
      lock = new SlotLock(this.#system, this.#pool, slot);
      this.#slots[slot] = lock;
    }
    return lock;
  }

  /** Takes a slot's lock for writing. `timeoutMs` 0 only tries. */
  tryLockWrite(slot: number, timeoutMs: number): boolean {
    return this.#slot(slot).lockWrite(timeoutMs);
  }

  /** @throws TensorIpcError LOCK_TIMEOUT */
  lockWrite(slot: number): void {
    if (this.#slot(slot).lockWrite(this.#timeoutMs)) return;
    if (this.#repair() && this.#slot(slot).lockWrite(this.#timeoutMs)) return;
    throw this.stuck(slot);
  }

  /** Of a slot that is locked for writing: whether readers can enter afterwards, as far as can be seen. */
  mutexIsFree(slot: number): boolean {
    return this.#slot(slot).mutexIsFree();
  }

  unlockWrite(slot: number): void {
    this.#slot(slot).unlockWrite();
  }

  /**
   * Takes the locks of several slots for reading, in ascending order as everybody does. All or none.
   *
   * @throws TensorIpcError LOCK_TIMEOUT
   */
  lockRead(slots: readonly number[]): void {
    const ascending = slots.length === 1 ? slots : [...slots].sort((a, b) => a - b);
    for (const [index, slot] of ascending.entries()) {
      if (this.#slot(slot).lockRead(this.#timeoutMs)) continue;
      // What is held is given back before anything is reset.
      this.unlockRead(ascending.slice(0, index));
      if (!this.#repair()) throw this.stuck(slot);
      this.#lockReadOnce(ascending);
      return;
    }
  }

  #lockReadOnce(ascending: readonly number[]): void {
    for (const [index, slot] of ascending.entries()) {
      if (this.#slot(slot).lockRead(this.#timeoutMs)) continue;
      this.unlockRead(ascending.slice(0, index));
      throw this.stuck(slot);
    }
  }

  /** Of slots that have just been locked for reading: those in which a writer was met. */
  writersMet(slots: readonly number[]): number[] {
    return slots.filter((slot) => this.#slot(slot).metWriter);
  }

  /** Gives them back, in descending order. */
  unlockRead(slots: readonly number[]): void {
    const descending = slots.length === 1 ? slots : [...slots].sort((a, b) => b - a);
    for (const slot of descending) this.#slot(slot).unlockRead(this.#timeoutMs);
  }

  /**
   * The slot, of some that are locked for reading, that a writer waits for: it is the next to be written. -1 where none does. A reader on
   * its way in looks the same for an instant, so it is looked at twice.
   */
  writerAt(slots: readonly number[]): number {
    const found = slots.find((slot) => this.#slot(slot).entered);
    if (found === undefined) return -1;
    for (let look = 0; look < 3; look++) {
      this.#system.futexWait(this.#system.addressOf(this.#sleepWord), 0, 0.02); // nobody wakes it: a sleep
      if (!this.#slot(found).entered) return -1;
    }
    return found;
  }

  /**
   * Gives back what a dead writer has taken with it, whoever waits for it. Only where no other writer can have come since: `alone` is asked
   * once it is known which locks these are.
   */
  releaseWriters(alone: () => boolean): void {
    const looks = () =>
      Array.from(this.#slots, (_, slot) => (hasLock(this.#system, this.#pool, slot) ? this.#slot(slot).writer : null));
    const had = looks();
    for (let look = 0; look < DEAD_LOOKS && had.some((writer) => writer !== null); look++) {
      this.#system.futexWait(this.#system.addressOf(this.#sleepWord), 0, DEAD_LOOK_MS); // nobody wakes it: a sleep
      looks().forEach((writer, slot) => {
        if (writer !== had[slot]) had[slot] = null;
      });
    }
    if (!alone()) return;
    for (const [slot, writer] of had.entries()) if (writer != null) this.#slot(slot).releaseWriter(writer);
  }

  stuck(slot: number): TensorIpcError {
    const { mutex, write, readTry, readers } = this.#slot(slot).state(slot);
    return new TensorIpcError(
      'LOCK_TIMEOUT',
      `pool '${this.#pool}': the locks of slot ${slot} were not to be had within ${this.#timeoutMs} ms (mutex ${mutex}, write ${write}, ` +
        `readtry ${readTry}, readers ${readers}): a process holds them, or has died with them. If nobody does: ` +
        `tensor-ipc doctor --repair ${this.#pool}, or create the pool's producer and consumers with { repair: true }`,
    );
  }

  states(): SlotState[] {
    return Array.from(this.#slots, (_, slot) => this.#slot(slot).state(slot));
  }

  reset(): void {
    for (let slot = 0; slot < this.#slots.length; slot++) this.#slot(slot).reset();
  }

  close(): void {
    for (const lock of this.#slots) lock?.close();
    this.#slots.fill(undefined);
  }
}

/** Whether anybody has locked a slot so far: its locks are made by the first who does, this one first. */
export function hasLock(system: System, pool: string, slot: number): boolean {
  return system.statObject(`/sem.${slotNames(pool, slot).mutex.slice(1)}`) !== null;
}

/** Removes the names of a pool's locks. Those who have them open keep them. */
export function unlinkLocks(system: System, pool: string, slotCount: number): number {
  let removed = 0;
  for (let slot = 0; slot < slotCount; slot++) {
    const { mutex, write, readTry, counter } = slotNames(pool, slot);
    for (const name of [mutex, write, readTry]) if (system.semaphores.unlink(name)) removed += 1;
    if (system.statObject(counter) === null) continue;
    system.unlinkObject(counter);
    removed += 1;
  }
  return removed;
}
