// Getting the next slot when readers may be in its way: what the policy says, for how long, and who of them is dead.

import {
  HEADER_PRODUCER_WAITING,
  LOCK_CONSUMERS,
  ON_PINNED_DROP,
  ON_PINNED_OVERWRITE,
  ON_PINNED_WAIT,
} from '../../assembly/layout';
import type { Mapping } from '../memory/mapping';
import { steadyMs } from '../runtime/clock';
import { TensorIpcError } from '../runtime/errors';
import { everyStep } from '../runtime/steps';
import type { Address, System } from '../runtime/system';
import { unlinkDeadDoorbell } from './doorbell';

/** What to do when a consumer holds a view of the frame that the next one would replace. */
export type OnPinned = 'wait' | 'drop' | 'overwrite';

export const POLICIES: Readonly<Record<OnPinned, number>> = {
  wait: ON_PINNED_WAIT,
  drop: ON_PINNED_DROP,
  overwrite: ON_PINNED_OVERWRITE,
};

/** A sleeping producer looks for dead consumers this often: nobody waits longer for a dead one. */
const REAP_INTERVAL_MS = 50;

export class Backpressure {
  readonly #mapping: Mapping;
  readonly #system: System;
  readonly #policy: OnPinned;
  readonly #ignoreViews: number;
  readonly #waitTimeoutMs: number;

  constructor(mapping: Mapping, policy: OnPinned, waitTimeoutMs: number) {
    this.#mapping = mapping;
    this.#system = mapping.system;
    this.#policy = policy;
    this.#ignoreViews = policy === 'overwrite' ? 1 : 0;
    this.#waitTimeoutMs = waitTimeoutMs;
  }

  /** A free slot to write, or -1 when the frame is to be dropped. */
  claim(): number {
    const { core, handle } = this.#mapping;
    if (this.#ignoreViews !== 0 && core.writerOverruns(handle) !== 0) core.writerCountOverrun(handle);
    const slot = core.writerBegin(handle, this.#ignoreViews);
    return slot >= 0 ? slot : this.#claimPinned();
  }

  #claimPinned(): number {
    const { core, handle } = this.#mapping;
    // The dead must not cost a frame: first see who of those in the way still lives.
    let slot = this.#reap() ? core.writerBegin(handle, this.#ignoreViews) : -1;
    if (slot >= 0) return slot;
    if (this.#policy === 'drop') {
      core.writerCountRefused(handle);
      return -1;
    }
    core.writerCountWait(handle);
    const deadline = steadyMs() + this.#waitTimeoutMs;
    try {
      for (;;) {
        slot = this.#claimOrAnnounce();
        if (slot >= 0) return slot;
        this.#system.futexWait(this.#waitWord, 1, this.#sliceMs(deadline));
      }
    } catch (error) {
      core.writerSetWaiting(handle, 0);
      throw error;
    }
  }

  /** The same without blocking the event loop. `stillOpen` throws when the producer was closed meanwhile. */
  async claimAsync(stillOpen: () => void): Promise<number> {
    const { core, handle } = this.#mapping;
    let slot = core.writerBegin(handle, this.#ignoreViews);
    if (slot < 0 && this.#policy === 'drop') return this.#claimPinned();
    if (slot >= 0) return slot;
    core.writerCountWait(handle);
    const deadline = steadyMs() + this.#waitTimeoutMs;
    for (;;) {
      slot = this.#claimOrAnnounce();
      if (slot >= 0) return slot;
      await this.#system.futexWaitAsync(this.#waitWord, 1, this.#sliceMs(deadline));
      stillOpen();
    }
  }

  get #waitWord(): Address {
    return this.#mapping.controlAddress + HEADER_PRODUCER_WAITING;
  }

  /** Backpressure the next slot, or leaves word that the producer is about to sleep and answers PINNED. */
  #claimOrAnnounce(): number {
    const { core, handle } = this.#mapping;
    core.writerSetWaiting(handle, 1); // S6: before the pins are read once more
    let slot = core.writerBegin(handle, this.#ignoreViews);
    if (slot < 0 && this.#reap()) slot = core.writerBegin(handle, this.#ignoreViews);
    if (slot >= 0) core.writerSetWaiting(handle, 0);
    return slot;
  }

  /** How long to sleep before looking for the dead again. Throws when the time is over. */
  #sliceMs(deadline: number): number {
    const leftMs = deadline - steadyMs();
    if (leftMs > 0) return Math.min(leftMs, REAP_INTERVAL_MS);
    const { core, handle, geometry, metadata } = this.#mapping;
    core.writerSetWaiting(handle, 0);
    throw new TensorIpcError(
      'PIN_TIMEOUT',
      `pool '${metadata.name}': a consumer (table entry ${core.writerBlocker(handle, 0, this.#ignoreViews)}) has held frame ` +
        `${core.writerSequence(handle) - geometry.slotCapacity} or an older one for ${this.#waitTimeoutMs} ms: release views sooner, read faster, ` +
        "raise historyLen or waitTimeoutMs, or create the producer with { onPinned: 'drop' } (or 'overwrite', if views are in the way)",
    );
  }

  /** Clears the entries of dead consumers that are in the way. Holding their lock proves them dead and keeps newcomers out. */
  #reap(): boolean {
    const { core, handle, fd } = this.#mapping;
    let reaped = false;
    let index = core.writerBlocker(handle, 0, this.#ignoreViews);
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
      index = core.writerBlocker(handle, index + 1, this.#ignoreViews);
    }
    return reaped;
  }
}
