// Waking consumers: a FIFO each for those that wait on their event loop, one futex word for those that sleep in a call.

import {
  CONSUMER_BYTES,
  CONSUMER_DOORBELL_ID,
  CONSUMER_DOORBELL_KIND,
  CONSUMER_PID,
  DOORBELL_FILE,
  DOORBELL_FUTEX,
  HANDLE_ARMED,
  HEADER_BYTES,
  HEADER_WAKE_COUNT,
  LOCK_CONSUMERS,
  MAX_CONSUMERS,
} from '../../assembly/layout';
import type { Mapping } from '../memory/mapping';
import { steadyMs, wallMs } from '../runtime/clock';
import { everyStep } from '../runtime/steps';
import { platform, type System, SystemError } from '../runtime/system';

/** A FIFO without a reader may just have been made; after this long it was left behind. */
const ABANDONED_AFTER_MS = 1000;

/** File name of a consumer's FIFO, in the directory of the objects. The id is random, so that no two meet. */
export function doorbellName(pool: string, id: bigint): string {
  return `${doorbellPrefix(pool)}${BigInt.asUintN(64, id).toString(16).padStart(16, '0')}`;
}

function doorbellPrefix(pool: string): string {
  return `tensoripc-bell.${pool}.`;
}

/**
 * Rings every consumer that waits for a pool of this name to appear. They find the pool by themselves. Who cannot be rung looks every
 * 150 ms: no failure here is a reason not to produce.
 */
export function ringNewcomers(system: System, pool: string): void {
  const prefix = doorbellPrefix(pool);
  attempt(() => {
    for (const name of system.listSharedMemory()) {
      // A pool's name may contain dots: only what follows as an id is a doorbell of this one.
      if (name.startsWith(prefix) && /^[0-9a-f]{16}$/.test(name.slice(prefix.length))) {
        // Each for itself: one that another user does not let this one open must not be in the way of the next.
        attempt(() => ringNewcomer(system, name));
      }
    }
  });
}

function ringNewcomer(system: System, name: string): void {
  const fd = system.openDoorbell(name);
  if (fd !== null) {
    try {
      system.ringDoorbell(fd);
    } finally {
      system.closeDoorbell(fd);
    }
    return;
  }
  // Of a consumer that died before it found a pool: no table knows it, so nobody else would remove it.
  const status = system.statObject(`/${name}`);
  const old = status !== null && wallMs(system) - status.changedMs > ABANDONED_AFTER_MS;
  if (old && status.uid === system.uid && system.doorbellIsAbandoned(name)) system.unlinkDoorbell(name);
}

/**
 * What is done about doorbells of others, beside what was asked for: one that cannot be rung looks for the pool every 150 ms, and one that
 * cannot be removed is left to the next producer of the name, or to `tensor-ipc gc`.
 */
function attempt(call: () => void): void {
  try {
    call();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
  }
}

/**
 * Removes the FIFO that a dead consumer left behind. The caller holds the lock of its entry, which proves it dead: a live one
 * removes its own.
 */
export function unlinkDeadDoorbell(mapping: Mapping, index: number): void {
  const id = mapping.arena.i64[(consumerEntry(mapping, index) + CONSUMER_DOORBELL_ID) / 8] as bigint;
  if (id === 0n) return;
  // The id is untrusted like the rest of the table: the FIFO of a consumer that lives is not removed on its word.
  const name = doorbellName(mapping.metadata.name, id);
  attempt(() => {
    if (mapping.system.doorbellIsAbandoned(name)) mapping.system.unlinkDoorbell(name);
  });
}

/** Removes the FIFOs of all consumers of a pool that are dead. Those that live remove their own. */
export function unlinkDeadDoorbells(mapping: Mapping): void {
  for (let index = 0; index < mapping.geometry.consumerCapacity; index++) {
    if (!mapping.system.tryLock(mapping.fd, LOCK_CONSUMERS + index)) continue;
    everyStep([() => unlinkDeadDoorbell(mapping, index), () => mapping.system.unlock(mapping.fd, LOCK_CONSUMERS + index)]);
  }
}

/** Offset in the arena of an entry of the consumer table. */
export function consumerEntry(mapping: Mapping, index: number): number {
  return mapping.controlOffset + HEADER_BYTES + index * CONSUMER_BYTES;
}

interface OpenDoorbell {
  readonly id: bigint;
  readonly fd: number;
}

/** A consumer that could not be rung, and when to try again. */
interface OwedRing {
  readonly id: bigint;
  readonly retryMs: number;
  readonly delayMs: number;
}

/** A doorbell that stays out of reach is tried this often, for as long as its consumer is due. */
const MAX_RETRY_DELAY_MS = 128;

/** The producer's side: rings whoever has armed itself. FIFOs stay open between frames. */
export class Ringer {
  readonly #mapping: Mapping;
  readonly #system: System;
  readonly #doorbells: (OpenDoorbell | undefined)[] = new Array<OpenDoorbell | undefined>(MAX_CONSUMERS);
  readonly #owed = new Map<number, OwedRing>();
  #owes = false;
  #warned = false;

  constructor(mapping: Mapping) {
    this.#mapping = mapping;
    this.#system = mapping.system;
  }

  /**
   * Whether a consumer is still to be rung whose bit has been taken. The bit is not set again: every frame would then pay for taking it.
   */
  get owes(): boolean {
    return this.#owes;
  }

  /** Wakes every consumer that is armed now, and those that could not be woken before. */
  ring(): void {
    const { core, handle, arena, geometry } = this.#mapping;
    if (this.#owes) this.#ringOwed(steadyMs());
    if (core.writerTakeArmed(handle) === 0) return;
    let futex = false;
    for (let half = 0; half < 2; half++) {
      let bits = arena.u32[(handle + HANDLE_ARMED) / 4 + half] as number;
      while (bits !== 0) {
        const low = 31 - Math.clz32(bits & -bits);
        bits &= bits - 1;
        const index = half * 32 + low;
        const entry = consumerEntry(this.#mapping, index);
        // A bit beyond the table is somebody's scribble.
        if (index >= geometry.consumerCapacity) continue;
        const kind = arena.u32[(entry + CONSUMER_DOORBELL_KIND) / 4];
        if (kind === DOORBELL_FILE) this.#ringFile(index, arena.i64[(entry + CONSUMER_DOORBELL_ID) / 8] as bigint);
        else if (kind === DOORBELL_FUTEX) futex = true;
      }
    }
    if (futex) this.#system.futexWake(this.#mapping.controlAddress + HEADER_WAKE_COUNT);
  }

  #ringFile(index: number, id: bigint): void {
    const owed = this.#owed.get(index);
    // It arms itself again at every look: that must not undo the delay.
    if (owed === undefined || owed.id !== id || steadyMs() >= owed.retryMs) this.#attempt(index, id);
  }

  #attempt(index: number, id: bigint): void {
    try {
      this.#tryRing(index, id);
      if (this.#owes) this.#settle(index);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      const owed = this.#owed.get(index);
      this.#owe(index, id, owed?.id === id ? owed.delayMs : 0, error);
    }
  }

  /** Throws when somebody may listen who cannot be reached now. */
  #tryRing(index: number, id: bigint): void {
    const known = this.#doorbells[index];
    if (known !== undefined && known.id === id && this.#system.ringDoorbell(known.fd)) return;
    // None open yet, or nobody reads it any more: its consumer may have made another under the name.
    this.#drop(index);
    const fd = this.#system.openDoorbell(doorbellName(this.#mapping.metadata.name, id));
    if (fd === null) return;
    this.#doorbells[index] = { id, fd };
    if (!this.#system.ringDoorbell(fd)) this.#drop(index);
  }

  /** The first retry comes with the next frame, the others after longer and longer delays. */
  #owe(index: number, id: bigint, lastDelayMs: number, error: SystemError): void {
    const retryMs = steadyMs() + lastDelayMs;
    this.#owed.set(index, { id, retryMs, delayMs: Math.min(Math.max(1, lastDelayMs * 2), MAX_RETRY_DELAY_MS) });
    this.#owes = true;
    if (this.#warned) return;
    this.#warned = true;
    const pid = this.#mapping.arena.u32[(consumerEntry(this.#mapping, index) + CONSUMER_PID) / 4];
    platform().warn(
      `pool '${this.#mapping.metadata.name}': the doorbell of a consumer (table entry ${index}, pid ${pid}) cannot be rung: ` +
        `${error.message}. The producer tries again; until then this consumer gets frames up to 150 ms late.${cureOf(error)}`,
    );
  }

  #ringOwed(nowMs: number): void {
    const { arena } = this.#mapping;
    for (const [index, { id, retryMs }] of [...this.#owed]) {
      if (arena.i64[(consumerEntry(this.#mapping, index) + CONSUMER_DOORBELL_ID) / 8] !== id) this.#settle(index);
      else if (nowMs >= retryMs) this.#attempt(index, id);
    }
  }

  #settle(index: number): void {
    this.#owed.delete(index);
    this.#owes = this.#owed.size > 0;
  }

  #drop(index: number): void {
    const doorbell = this.#doorbells[index];
    if (doorbell !== undefined) this.#system.closeDoorbell(doorbell.fd);
    this.#doorbells[index] = undefined;
  }

  /** Rings who is still to be rung, and lets go of the doorbells. */
  close(): void {
    this.#ringOwed(Infinity);
    for (let index = 0; index < this.#doorbells.length; index++) this.#drop(index);
  }
}

function cureOf({ errno }: SystemError): string {
  if (errno !== 'EACCES' && errno !== 'EPERM') return '';
  return " Let the consumer's user belong to the group of the pool's object, and pass { trust: 'group' } there.";
}
