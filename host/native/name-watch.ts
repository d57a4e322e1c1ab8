// Whether the name of a live producer's pool still leads to its object. Names go: systemd-logind removes what a user has in /dev/shm when
// the last session of that user ends (RemoveIPC), cleaners of old files and people remove them, too.

import type { Mapping } from '../memory/mapping';
import { messageOf } from '../runtime/realm';
import { platform, type System, type Timer } from '../runtime/system';
import { translate } from './pool';
import { REMOVED_ON_PURPOSE } from './renewal';
import { objectName } from './trust';

const LOOK_INTERVAL_MS = 500;
const LOOK_INTERVAL_NS = 500_000_000n;
/** After a failure: reserving the pages of a large pool in vain takes its time. */
const FAILED_LOOKS = 10;

const CURE =
  "Where it was not removed by hand, systemd-logind did that when its user's last session ended: set RemoveIPC=no in /etc/systemd/logind.conf, " +
  'run the program as a system user (a service with User=), or let its user linger (loginctl enable-linger).';

export interface NameEvents {
  /** A slot is being written: the mapping must stay as it is. */
  busy(): boolean;
  /** Makes the object anew under its name; false when another producer has taken that. */
  renew(): boolean;
  /** With every look. */
  look(): void;
}

export class NameWatch {
  readonly #system: System;
  readonly #pool: string;
  readonly #events: NameEvents;
  readonly #timer: Timer;
  #mapping: Mapping;
  #identity: string;
  #lastWarning = '';
  #skip = 0;
  #dueNs = 0n;

  constructor(mapping: Mapping, events: NameEvents) {
    this.#system = mapping.system;
    this.#pool = mapping.metadata.name;
    this.#events = events;
    this.#mapping = mapping;
    this.#identity = this.#system.statDescriptor(mapping.fd).identity;
    this.#postpone();
    this.#timer = platform().every(LOOK_INTERVAL_MS, () => this.look());
  }

  /** The pool has another object. */
  moveTo(mapping: Mapping): void {
    this.#mapping = mapping;
    this.#identity = this.#system.statDescriptor(mapping.fd).identity;
    mapping.setDue(this.#dueNs);
  }

  /** When the next look is due, on the clock of frames. */
  get dueNs(): bigint {
    return this.#dueNs;
  }

  /** Puts the next look off, in the handle too: the core tells who commits a frame that it is due. */
  #postpone(): void {
    this.#dueNs = platform().monotonicNs() + LOOK_INTERVAL_NS;
    this.#mapping.setDue(this.#dueNs);
  }

  look(): void {
    this.#postpone();
    if (this.#events.busy()) return;
    try {
      this.#events.look();
      const found = this.#system.statObject(objectName(this.#pool))?.identity ?? null;
      if (found === this.#identity) this.#lastWarning = '';
      else this.#lost(found);
    } catch (error) {
      this.#skip = FAILED_LOOKS;
      const translated = translate(this.#pool, error);
      this.#warn(
        `its object was removed, and cannot be made anew: ${messageOf(translated)}. Consumers that are attached get frames, new ones do not`,
      );
    }
  }

  #lost(found: string | null): void {
    if (found !== null) {
      this.#taken();
      return;
    }
    if ((this.#system.statDescriptor(this.#mapping.fd).mode & REMOVED_ON_PURPOSE) !== 0) {
      this.#warn(
        'its object was removed on purpose (tensor-ipc rm --force). Consumers that are attached get frames, new ones do not',
      );
      return;
    }
    if (this.#skip > 0) this.#skip -= 1;
    else if (this.#events.renew()) this.#warn(`its object was removed while its producer lives, and has been made anew. ${CURE}`);
    else this.#taken();
  }

  #taken(): void {
    this.#warn(
      'its object was removed, and another producer has taken the name. This producer goes on for the consumers that are attached to it; ' +
        'new ones find the other pool. Close one of the two',
    );
  }

  /** Each once in a row. */
  #warn(text: string): void {
    if (text === this.#lastWarning) return;
    this.#lastWarning = text;
    platform().warn(`pool '${this.#pool}': ${text}`);
  }

  close(): void {
    this.#timer.stop();
  }
}
