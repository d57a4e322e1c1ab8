// The locks of the Python package: for each slot three named semaphores and a counter of readers. A lock that a process took with it
// into its death stays taken, so every wait here is bounded.

import type { Trust } from '../endpoint/options';
import { translate } from '../native/pool';
import { TensorIpcError } from '../runtime/errors';
import { nameOthers } from '../runtime/participants';
import { everyStep, runSteps } from '../runtime/steps';
import type { System, TimeBudget } from '../runtime/system';
import { wireObject } from './form';
import { SlotMapping, slotIsNamed } from './lock-files';

/** How long a reader may take to leave after it has let the writer in. */
const LEAVING_MS = 5;
/** How often, and how far apart, a dead writer's locks are looked at before they are taken for its own. */
const DEAD_LOOKS = 4;
const DEAD_LOOK_MS = 2;

/** What a slot's locks look like from outside. */
export interface SlotState {
  readonly slot: number;
  readonly mutex: number;
  readonly write: number;
  readonly readTry: number;
  readonly readers: number;
}

/** The locks of one slot: many readers or one writer. */
class SlotLock {
  readonly #system: System;
  readonly #files: SlotMapping;
  #metWriter = false;

  constructor(system: System, files: SlotMapping) {
    this.#system = system;
    this.#files = files;
  }

  /** Whether a writer was inside when the lock was last taken for reading, as far as can be seen: readers look the same for an instant. */
  get metWriter(): boolean {
    return this.#metWriter;
  }

  /** False when it could not be had in time; then nothing is held. */
  lockRead(timeoutMs: number): boolean {
    const { semaphores } = this.#system;
    const budget = { leftMs: timeoutMs };
    const free = semaphores.tryWait(this.#files.readTry);
    this.#metWriter = !free && semaphores.value(this.#files.write) === 0 && Atomics.load(this.#files.counter, 0) === 0n;
    if (!free && !semaphores.wait(this.#files.readTry, budget)) return false;
    let got = false;
    try {
      got = this.#enter(budget);
      semaphores.post(this.#files.readTry);
    } catch (error) {
      runSteps([() => semaphores.post(this.#files.readTry), () => got && this.unlockRead(LEAVING_MS)]);
      throw error;
    }
    return got;
  }

  /** Between the outer door and the slot. */
  #enter(budget: TimeBudget): boolean {
    const { semaphores } = this.#system;
    if (!semaphores.wait(this.#files.mutex, budget)) return false;
    let got = Atomics.add(this.#files.counter, 0, 1n) !== 0n;
    try {
      got ||= semaphores.wait(this.#files.write, budget);
    } finally {
      if (!got) Atomics.sub(this.#files.counter, 0, 1n);
      semaphores.post(this.#files.mutex);
    }
    return got;
  }

  /** False when somebody has died inside; then the slot counts one reader too many. */
  unlockRead(timeoutMs: number): boolean {
    const { semaphores } = this.#system;
    if (!semaphores.wait(this.#files.mutex, { leftMs: timeoutMs })) return false;
    try {
      if (Atomics.sub(this.#files.counter, 0, 1n) === 1n) semaphores.post(this.#files.write);
    } finally {
      semaphores.post(this.#files.mutex);
    }
    return true;
  }

  lockWrite(timeoutMs: number): boolean {
    const { semaphores } = this.#system;
    const budget = { leftMs: timeoutMs };
    if (!semaphores.wait(this.#files.readTry, budget)) return false;
    let got = false;
    try {
      got = semaphores.wait(this.#files.write, budget);
    } finally {
      if (!got) semaphores.post(this.#files.readTry);
    }
    return got;
  }

  unlockWrite(): void {
    const { semaphores } = this.#system;
    try {
      semaphores.post(this.#files.write);
    } finally {
      semaphores.post(this.#files.readTry);
    }
  }

  /** Whether somebody is between its outer door and its inner one: a writer that waits for readers, or a reader for an instant. */
  get entered(): boolean {
    return this.#system.semaphores.value(this.#files.readTry) === 0;
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
    if (had === 'both') this.#system.semaphores.post(this.#files.write);
    this.#system.semaphores.post(this.#files.readTry);
  }

  /** While it is locked for writing: a reader that leaves has the mutex for an instant only. */
  mutexIsFree(): boolean {
    const { semaphores } = this.#system;
    if (semaphores.value(this.#files.mutex) !== 0) return true;
    if (!semaphores.wait(this.#files.mutex, { leftMs: LEAVING_MS })) return false;
    semaphores.post(this.#files.mutex);
    return true;
  }

  state(slot: number): SlotState {
    const { semaphores } = this.#system;
    return {
      slot,
      mutex: semaphores.value(this.#files.mutex),
      write: semaphores.value(this.#files.write),
      readTry: semaphores.value(this.#files.readTry),
      readers: Number(Atomics.load(this.#files.counter, 0)),
    };
  }

  /** Sets everything to free. Only where nobody else can be inside. */
  reset(): void {
    const { semaphores } = this.#system;
    Atomics.store(this.#files.counter, 0, 0n);
    for (const semaphore of [this.#files.mutex, this.#files.write, this.#files.readTry]) {
      while (semaphores.tryWait(semaphore));
      semaphores.post(semaphore);
    }
  }

  close(): void {
    this.#files.close();
  }
}

export interface LocksOptions {
  readonly trust: Trust;
  /** How long to wait for a lock. */
  readonly timeoutMs: number;
  /** Called when one could not be had: true when it has seen to it that nobody else is there and the locks are free again. */
  readonly repair: () => boolean;
  /**
   * Of those who only read, whether the locks' names are still this pool's: with the next pool's they would hold up that one. Null of those
   * who make what is not there.
   */
  readonly current: (() => boolean) | null;
}

/**
 * The locks of a pool's slots, opened when they are first needed. A writer makes those that are not there; a reader never does: what
 * makes it look is said by others, and a slot that has no locks has never been written, or its pool is gone.
 */
export class Locks {
  readonly #system: System;
  readonly #pool: string;
  readonly #slots: (SlotLock | undefined)[];
  readonly #options: LocksOptions;
  readonly #sleepWord = new Int32Array(1);

  constructor(system: System, pool: string, slotCount: number, options: LocksOptions) {
    this.#system = system;
    this.#pool = pool;
    this.#slots = new Array<SlotLock | undefined>(slotCount);
    this.#options = options;
  }

  get #timeoutMs(): number {
    return this.#options.timeoutMs;
  }

  /** Null where a reader finds none. */
  #find(slot: number): SlotLock | null {
    return this.#slots[slot] ?? this.#open(slot);
  }

  #open(slot: number): SlotLock | null {
    const { trust, current } = this.#options;
    try {
      const files = SlotMapping.open(this.#system, this.#pool, slot, trust, current === null);
      if (files === null) return null;
      let kept = false;
      try {
        if (current?.() === false) return null;
        const lock = new SlotLock(this.#system, files);
        this.#slots[slot] = lock;
        kept = true;
        return lock;
      } finally {
        if (!kept) runSteps([() => files.close()]);
      }
    } catch (error) {
      throw translate(this.#pool, error);
    }
  }

  /** Of a slot that is there: a writer's, or one that a reader has locked. */
  #slot(slot: number): SlotLock {
    const lock = this.#find(slot);
    if (lock !== null) return lock;
    throw new TensorIpcError('CLOSED', `pool '${this.#pool}': the locks of slot ${slot} are gone, and the pool with them`);
  }

  /** Takes a slot's lock for writing. `timeoutMs` 0 only tries. */
  tryLockWrite(slot: number, timeoutMs: number): boolean {
    return this.#slot(slot).lockWrite(timeoutMs);
  }

  /** @throws TensorIpcError LOCK_TIMEOUT */
  lockWrite(slot: number): void {
    if (this.#slot(slot).lockWrite(this.#timeoutMs)) return;
    if (this.#options.repair() && this.#slot(slot).lockWrite(this.#timeoutMs)) return;
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
   * Takes the locks of several slots for reading, in ascending order as everybody does. All that there are, or none.
   *
   * @returns Those that are held. A slot that is missing among them has no locks.
   * @throws TensorIpcError LOCK_TIMEOUT, and what opening them throws
   */
  lockRead(slots: readonly number[]): readonly number[] {
    const ascending = slots.length === 1 ? slots : [...slots].sort((a, b) => a - b);
    const { held, stuck } = this.#lockRead(ascending);
    if (stuck === null) return held;
    // What is held was given back before anything is reset.
    if (!this.#options.repair()) throw this.stuck(stuck);
    const again = this.#lockRead(ascending);
    if (again.stuck !== null) throw this.stuck(again.stuck);
    return again.held;
  }

  #lockRead(ascending: readonly number[]): { held: readonly number[]; stuck: number | null } {
    const held: number[] = [];
    try {
      for (const slot of ascending) {
        const lock = this.#find(slot);
        if (lock === null) continue;
        if (!lock.lockRead(this.#timeoutMs)) {
          this.unlockRead(held);
          return { held: [], stuck: slot };
        }
        held.push(slot);
      }
    } catch (error) {
      runSteps([() => this.unlockRead(held)]);
      throw error;
    }
    return { held, stuck: null };
  }

  /**
   * Whether nobody has written a slot: it has no locks, and the first one, with which every producer begins and which goes first when it
   * leaves, has.
   */
  unwritten(slot: number): boolean {
    if (slot === 0 || this.#find(slot) !== null) return false;
    return slotIsNamed(this.#system, this.#pool, 0);
  }

  /** Of slots that had no locks: whether one has some now. */
  made(slots: readonly number[]): boolean {
    return slots.some((slot) => this.#find(slot) !== null);
  }

  /** Of slots that have just been locked for reading: those in which a writer was met. */
  writersMet(slots: readonly number[]): number[] {
    return slots.filter((slot) => this.#slots[slot]?.metWriter);
  }

  /** Gives them back, in descending order. */
  unlockRead(slots: readonly number[]): void {
    if (slots.length === 1) this.#slots[slots[0] as number]?.unlockRead(this.#timeoutMs);
    else {
      const descending = [...slots].sort((a, b) => b - a);
      everyStep(descending.map((slot) => () => this.#slots[slot]?.unlockRead(this.#timeoutMs)));
    }
  }

  /**
   * The slot, of some that are locked for reading, that a writer waits for: it is the next to be written. -1 where none does. A reader on
   * its way in looks the same for an instant, so it is looked at twice.
   */
  writerAt(slots: readonly number[]): number {
    const found = slots.find((slot) => this.#slots[slot]?.entered);
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
    const looks = () => Array.from(this.#slots, (_, slot) => this.#find(slot)?.writer ?? null);
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
    const others = nameOthers(this.#system, wireObject(this.#pool)) ?? 'none that this user can see';
    return new TensorIpcError(
      'LOCK_TIMEOUT',
      `pool '${this.#pool}': the locks of slot ${slot} were not free within ${this.#timeoutMs} ms (mutex ${mutex}, write ${write}, ` +
        `readtry ${readTry}, readers ${readers}): a process holds them, or died with them. Other processes of the pool: ${others}. ` +
        `If none of them holds the locks: ` +
        `tensor-ipc doctor --repair ${this.#pool}, or create the pool's producer and consumers with { repair: true }`,
    );
  }

  /** Sets all that there are to free. Only where nobody else can be inside. */
  reset(): void {
    for (let slot = 0; slot < this.#slots.length; slot++) this.#find(slot)?.reset();
  }

  close(): void {
    const locks = this.#slots.filter((lock) => lock !== undefined);
    this.#slots.fill(undefined);
    everyStep(locks.map((lock) => () => lock.close()));
  }
}
