// A consumer's own doorbell: a file under its name for as long as it is open, whoever removes that file.

import { registerOpen } from '../runtime/lifecycle';
import { everyStep } from '../runtime/steps';
import { type Doorbell, platform, type System, SystemError } from '../runtime/system';

export class OwnDoorbell implements Doorbell {
  readonly #system: System;
  readonly #name: string;
  readonly #mode: number;
  readonly #onRing: () => void;
  readonly #onHangUp: () => void;
  readonly #unregister: () => void;
  #doorbell: Doorbell | null = null;
  #gid: number | null = null;
  #ref = false;
  #warned = false;

  /** @param gid The group that must be able to ring, or null where permissions do not depend on it. */
  constructor(system: System, name: string, mode: number, gid: number | null, onRing: () => void, onHangUp: () => void) {
    this.#system = system;
    this.#name = name;
    this.#mode = mode;
    this.#onRing = onRing;
    this.#onHangUp = onHangUp;
    // The hook comes first: without it a signal that comes now would end the process and leave the file.
    this.#unregister = registerOpen(() => this.close());
    try {
      this.#doorbell = this.#open();
    } catch (error) {
      this.#unregister();
      throw error;
    }
    this.setGroup(gid);
  }

  #open(): Doorbell {
    return platform().openDoorbell(this.#name, this.#mode, this.#onRing, this.#onHangUp);
  }

  get hangsUp(): boolean {
    return this.#doorbell?.hangsUp ?? false;
  }

  setRef(ref: boolean): void {
    this.#ref = ref;
    this.#doorbell?.setRef(ref);
  }

  /** Lets the group of the pool's object ring: the file was made with this process's own group, perhaps before there was a pool. */
  setGroup(gid: number | null): void {
    this.#gid = gid;
    if (gid !== null && this.#doorbell !== null) this.#system.giveToGroup(this.#name, gid);
  }

  /**
   * The periodic look: makes the doorbell anew when its name is gone (systemd's RemoveIPC, a cleaner of old files, an rm), or when it hears
   * nothing. A producer that has it open already would go on ringing it, but the next one could not. A failure is for the next look: until
   * then the looks serve.
   */
  mend(): void {
    if (this.#doorbell === null) return;
    try {
      const named = this.#system.statObject(`/${this.#name}`) !== null;
      if (named && this.#doorbell.deaf !== true) return;
      if (named) this.#system.unlinkDoorbell(this.#name);
      const next = this.#open();
      this.#doorbell.close();
      this.#doorbell = next;
      next.setRef(this.#ref);
      this.setGroup(this.#gid);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      if (this.#warned) return;
      this.#warned = true;
      platform().warn(
        `the doorbell /dev/shm/${this.#name} is gone and cannot be made anew: ${error.message}. ` +
          'Until it can, its consumer gets frames up to 150 ms late.',
      );
      return;
    }
    // Who rang the old one in between is heard now.
    this.#onRing();
  }

  close(): void {
    const doorbell = this.#doorbell;
    if (doorbell === null) return;
    this.#doorbell = null;
    // The hook last: without it a signal that comes now would end the process and leave the file.
    everyStep([() => doorbell.close(), () => this.#system.unlinkDoorbell(this.#name), this.#unregister]);
  }
}
