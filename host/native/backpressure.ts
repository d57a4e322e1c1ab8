// Getting the next slot when readers may be in its way: what the policy says, for how long, and who of them is dead.

import {
  HEADER_PRODUCER_WAITING,
  LOCK_CONSUMERS,
  ON_PINNED_DROP,
  ON_PINNED_OVERWRITE,
  ON_PINNED_WAIT,
  WAITING_FUTEX,
  WAITING_NONE,
} from '../../assembly/layout';
import type { Mapping } from '../memory/mapping';
import { steadyMs } from '../runtime/clock';
import { TensorIpcError } from '../runtime/errors';
import { everyStep } from '../runtime/steps';
import type { System } from '../runtime/system';
import { unlinkDeadDoorbell } from './doorbell';
import { nameConsumer } from './in-the-way';
import type { KeptPlaces } from './kept-places';
import { ProducerDoorbell } from './producer-doorbell';

/** What to do when a consumer holds a view of the frame that the next one would replace. */
export type OnPinned = 'wait' | 'drop' | 'overwrite';

/** @internal */
export const POLICIES: Readonly<Record<OnPinned, number>> = {
  wait: ON_PINNED_WAIT,
  drop: ON_PINNED_DROP,
  overwrite: ON_PINNED_OVERWRITE,
};

/** A sleeping producer looks for dead consumers this often: nobody waits longer for a dead one. */
const REAP_INTERVAL_MS = 50;

/** In place of a slot: the policy drops the frame. */
const DROPPED = -1;
/** In place of a slot: readers are in the way, and the policy is to wait for them. */
const MUST_WAIT = -2;

/** @internal */
export class Backpressure {
  #mapping: Mapping;
  readonly #system: System;
  readonly #policy: OnPinned;
  readonly #ignoreViews: number;
  readonly #waitTimeoutMs: number;
  readonly #doorbell: ProducerDoorbell;
  readonly #look: () => void;
  // When it was last looked whether the views that are overwritten belong to the living.
  #overrunsReapedMs = Number.NEGATIVE_INFINITY;

  /** @param look The producer's periodic look, for a thread that has no timers while it is blocked here. May give the pool another object. */
  constructor(mapping: Mapping, policy: OnPinned, waitTimeoutMs: number, look: () => void) {
    this.#mapping = mapping;
    this.#look = look;
    this.#system = mapping.system;
    this.#policy = policy;
    this.#ignoreViews = policy === 'overwrite' ? 1 : 0;
    this.#waitTimeoutMs = waitTimeoutMs;
    this.#doorbell = new ProducerDoorbell(mapping);
  }

  // Places that this process keeps for others.
  #kept: KeptPlaces | null = null;

  /** The pool has another object. Who waits for a slot goes on there. */
  moveTo(mapping: Mapping, kept: KeptPlaces | null): void {
    this.#dropKept();
    this.#mapping = mapping;
    this.#kept = kept;
    this.#doorbell.moveTo(mapping);
  }

  /** Places that are kept for readers of an object before this one. */
  get kept(): KeptPlaces | null {
    return this.#kept;
  }

  /** Lets go of places whose readers have come. Where nobody waits this is for the periodic look. */
  releaseKept(): void {
    if (this.#kept?.release() === false) this.#dropKept();
  }

  #dropKept(): void {
    const kept = this.#kept;
    this.#kept = null;
    kept?.close();
  }

  /** A free slot to write, or -1 when the frame is to be dropped. */
  claim(): number {
    const slot = this.#tryClaim();
    return slot === MUST_WAIT ? this.#wait() : slot;
  }

  /** The same without blocking the event loop. What `use` makes of the slot is the result. */
  async claimAsync(stillOpen: () => void, use: (slot: number) => number): Promise<number> {
    const slot = this.#tryClaim();
    return slot === MUST_WAIT ? this.#waitAsync(stillOpen, use) : use(slot);
  }

  #tryClaim(): number {
    const { core, handle } = this.#mapping;
    let slot = core.writerBegin(handle, this.#ignoreViews);
    // The dead must not cost a frame: first see who of those in the way still lives.
    if (slot < 0 && this.#reap(this.#ignoreViews)) slot = core.writerBegin(handle, this.#ignoreViews);
    if (slot >= 0) {
      if (this.#ignoreViews !== 0 && core.writerOverruns(handle) !== 0) this.#countOverrun();
      return slot;
    }
    if (this.#policy === 'drop') {
      core.writerCountRefused(handle);
      return DROPPED;
    }
    core.writerCountWait(handle);
    return MUST_WAIT;
  }

  /** Counts a frame that is written over views, unless they are of the dead: nobody looks at those. */
  #countOverrun(): void {
    const { core, handle } = this.#mapping;
    const now = steadyMs();
    if (now - this.#overrunsReapedMs >= REAP_INTERVAL_MS) {
      this.#overrunsReapedMs = now;
      if (this.#reap(0) && core.writerOverruns(handle) === 0) return;
    }
    core.writerCountOverrun(handle);
  }

  #wait(): number {
    const deadline = steadyMs() + this.#waitTimeoutMs;
    try {
      for (;;) {
        this.#look();
        const slot = this.#claimOrAnnounce(WAITING_FUTEX);
        if (slot >= 0) return slot;
        this.#system.futexWait(this.#mapping.controlAddress + HEADER_PRODUCER_WAITING, WAITING_FUTEX, this.#sliceMs(deadline));
      }
    } catch (error) {
      this.#mapping.core.writerSetWaiting(this.#mapping.handle, WAITING_NONE);
      throw error;
    } finally {
      // A putAsync that waits has lost its announcement to this call.
      this.#doorbell.nudge();
    }
  }

  async #waitAsync(stillOpen: () => void, use: (slot: number) => number): Promise<number> {
    const deadline = steadyMs() + this.#waitTimeoutMs;
    for (;;) {
      const slot = this.#claimOrAnnounce(this.#doorbell.prepare());
      if (slot >= 0) return use(slot);
      await this.#doorbell.wait(this.#sliceMs(deadline));
      stillOpen();
    }
  }

  /** Claims the next slot, or leaves word how this producer is about to wait and answers PINNED. */
  #claimOrAnnounce(how: number): number {
    const { core, handle } = this.#mapping;
    core.writerSetWaiting(handle, how); // S6: before the pins are read once more
    let slot = core.writerBegin(handle, this.#ignoreViews);
    if (slot < 0 && this.#reap(this.#ignoreViews)) slot = core.writerBegin(handle, this.#ignoreViews);
    if (slot < 0) return slot;
    core.writerSetWaiting(handle, WAITING_NONE);
    if (this.#ignoreViews !== 0 && core.writerOverruns(handle) !== 0) this.#countOverrun();
    return slot;
  }

  /** How long to sleep before looking for the dead again. Throws when the time is over. */
  #sliceMs(deadline: number): number {
    const leftMs = deadline - steadyMs();
    if (leftMs > 0) return Math.min(leftMs, REAP_INTERVAL_MS);
    const { core, handle, geometry, metadata } = this.#mapping;
    core.writerSetWaiting(handle, WAITING_NONE);
    throw new TensorIpcError(
      'PIN_TIMEOUT',
      `pool '${metadata.name}': ${nameConsumer(this.#mapping, core.writerBlocker(handle, 0, this.#ignoreViews))} has held frame ` +
        `${core.writerSequence(handle) - geometry.slotCapacity} or an older one for ${this.#waitTimeoutMs} ms: release views sooner, read faster, ` +
        "raise historyLen or waitTimeoutMs, or create the producer with { onPinned: 'drop' } (or 'overwrite', if views are in the way)",
    );
  }

  /** Clears the entries of dead consumers that are in the way. Holding their lock proves them dead and keeps newcomers out. */
  #reap(ignoreViews: number): boolean {
    const { core, handle, fd } = this.#mapping;
    let reaped = this.#kept !== null;
    this.releaseKept();
    let index = core.writerBlocker(handle, 0, ignoreViews);
    while (index >= 0) {
      if (this.#system.tryLock(fd, LOCK_CONSUMERS + index)) {
        const dead = index;
        everyStep([
          () => unlinkDeadDoorbell(this.#mapping, dead),
          () => core.consumerReap(handle, dead),
          () => this.#system.unlock(fd, LOCK_CONSUMERS + dead),
        ]);
        reaped = true;
      }
      index = core.writerBlocker(handle, index + 1, ignoreViews);
    }
    return reaped;
  }

  /** Ends a wait of claimAsync, and removes its doorbell. */
  close(): void {
    everyStep([() => this.#doorbell.close(), () => this.#dropKept()]);
  }
}
