// Waking a producer that waits for readers without blocking its event loop: a doorbell of its own, named after the pool's id, which every
// consumer of the pool knows.

import { HEADER_POOL_ID, HEADER_PRODUCER_WAITING, WAITING_DOORBELL, WAITING_NONE } from '../../assembly/layout';
import type { Mapping } from '../memory/mapping';
import { everyStep } from '../runtime/steps';
import { type Doorbell, platform, type System, SystemError } from '../runtime/system';
import { doorbellName } from './doorbell';

/** How often a producer looks that could not be given a doorbell. */
const UNRUNG_INTERVAL_MS = 5;

function nameOf(mapping: Mapping): string {
  return doorbellName(mapping.metadata.name, mapping.arena.i64[(mapping.controlOffset + HEADER_POOL_ID) / 8] as bigint);
}

/** The producer's side. Its file is made when it has to wait for the first time, and goes when the producer is closed. */
export class ProducerDoorbell {
  readonly #system: System;
  readonly #name: string;
  #fd: number;
  #doorbell: Doorbell | null = null;
  #wake: (() => void) | null = null;

  constructor(mapping: Mapping) {
    this.#system = mapping.system;
    this.#fd = mapping.fd;
    this.#name = nameOf(mapping);
  }

  /** The pool has another object. Its id is the same, and so is the name of the doorbell. */
  moveTo(mapping: Mapping): void {
    this.#fd = mapping.fd;
    this.nudge();
  }

  /** How consumers are to wake this producer: WAITING_DOORBELL, or WAITING_NONE when it has to look for itself. */
  prepare(): number {
    if (this.#doorbell !== null && this.#system.statObject(`/${this.#name}`) === null) this.#discard();
    if (this.#doorbell === null) this.#open();
    return this.#doorbell === null ? WAITING_NONE : WAITING_DOORBELL;
  }

  #open(): void {
    const { mode, gid } = this.#system.statDescriptor(this.#fd);
    try {
      // Left by a producer that was killed, whose pool this one has taken over.
      if (this.#system.doorbellIsAbandoned(this.#name)) this.#system.unlinkDoorbell(this.#name);
      this.#doorbell = platform().openDoorbell(this.#name, mode, () => this.nudge());
    } catch (error) {
      // No descriptor left, or no room: looking is slower, but no reason not to produce.
      if (!(error instanceof SystemError)) throw error;
      return;
    }
    // Whoever may attach must be able to ring.
    this.#system.giveToGroup(this.#name, gid);
  }

  /** Resolves when it is rung or nudged, and after `timeoutMs` at the latest. The caller has announced what prepare() said. */
  wait(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = platform().after(this.#doorbell === null ? Math.min(timeoutMs, UNRUNG_INTERVAL_MS) : timeoutMs, () =>
        this.nudge(),
      );
      this.#wake = () => {
        timer.stop();
        this.#wake = null;
        resolve();
      };
    });
  }

  /** Ends the wait, if there is one. */
  nudge(): void {
    this.#wake?.();
  }

  #discard(): void {
    const doorbell = this.#doorbell;
    if (doorbell === null) return;
    this.#doorbell = null;
    everyStep([() => doorbell.close(), () => this.#system.unlinkDoorbell(this.#name)]);
  }

  close(): void {
    this.#discard();
    this.nudge();
  }
}

/** A consumer's side: wakes the producer in the way that it waits. */
export class ProducerRinger {
  readonly #mapping: Mapping;
  #fd: number | null = null;

  constructor(mapping: Mapping) {
    this.#mapping = mapping;
  }

  /** @param waiting What the producer had announced when this consumer let go of frames. */
  wake(waiting: number): void {
    if (waiting === WAITING_DOORBELL) this.#ring();
    else if (waiting !== WAITING_NONE) this.#mapping.system.futexWake(this.#mapping.controlAddress + HEADER_PRODUCER_WAITING);
  }

  #ring(): void {
    const { system } = this.#mapping;
    try {
      if (this.#fd !== null && system.ringDoorbell(this.#fd)) return;
      // None open yet, or nobody reads it any more: the producer may have made another under the name.
      this.close();
      this.#fd = system.openDoorbell(nameOf(this.#mapping));
      if (this.#fd !== null && !system.ringDoorbell(this.#fd)) this.close();
    } catch (error) {
      // The producer looks every 50 ms, too.
      if (!(error instanceof SystemError)) throw error;
    }
  }

  close(): void {
    const fd = this.#fd;
    this.#fd = null;
    if (fd !== null) this.#mapping.system.closeDoorbell(fd);
  }
}
