// Whether a producer's pool still has its name. The package's producers create a pool anew whoever has it, and cleaners of /dev/shm take
// names away; neither says so.

import { steadyMs } from '../runtime/clock';
import { TensorIpcError } from '../runtime/errors';
import { nameOthers } from '../runtime/participants';
import { platform, type System } from '../runtime/system';
import { wireObject } from './form';
import type { WireObject } from './object';

/** How often the name is looked up: one system call each time. */
const INTERVAL_MS = 200;

export class NameWatch {
  readonly #system: System;
  readonly #object: WireObject;
  readonly #onReplaced: () => void;
  readonly #file: string;
  #lookedMs = steadyMs();
  #found: 'ours' | 'nothing' | "another's" = 'ours';

  /** @param onReplaced Called once, when another producer has the name. */
  constructor(system: System, object: WireObject, onReplaced: () => void) {
    this.#system = system;
    this.#object = object;
    this.#onReplaced = onReplaced;
    this.#file = wireObject(object.metadata.name);
  }

  /** Looks if it is time to. False when another producer has the name. */
  check(nowMs: number): boolean {
    if (this.#found === 'ours' && nowMs - this.#lookedMs >= INTERVAL_MS) {
      this.#lookedMs = nowMs;
      this.#look();
    }
    return this.#found !== "another's";
  }

  #look(): void {
    const status = this.#system.statObject(this.#file);
    if (status?.identity === this.#object.identity) return;
    if (status === null) {
      this.#found = 'nothing';
      platform().warn(
        `pool '${this.#object.metadata.name}': its name was removed from /dev/shm: consumers that are attached go on, new ones do not ` +
          'find it; close the producer and create it again',
      );
      return;
    }
    this.#found = "another's";
    platform().warn(this.#replaced().message);
    this.#onReplaced();
  }

  /** @throws TensorIpcError PRODUCER_EXISTS */
  assertOurs(nowMs: number): void {
    if (!this.check(nowMs)) throw this.#replaced();
  }

  #replaced(): TensorIpcError {
    const others = nameOthers(this.#system, this.#file);
    return new TensorIpcError(
      'PRODUCER_EXISTS',
      `pool '${this.#object.metadata.name}' was created anew by another producer${others === null ? '' : ` (its processes: ${others})`}, as the ` +
        'Python package does without asking: nobody gets frames of this one any more. Stop one of the two, close this producer, and create it again if it is to go on',
    );
  }
}
