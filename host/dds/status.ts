// News of a state that Cyclone announces on threads of its own only: who is matched, and who is alive. No signal of libc's has the
// form of those callbacks on every machine, so while somebody listens, a slow timer asks; it does not keep the process alive.

import { TensorIpcError } from '../runtime/errors';
import { platform, type Timer } from '../runtime/system';

/** How often a state is asked for that somebody listens to, ms. */
const INTERVAL_MS = 200;

/** Watches one state while it is wanted, and tells when it is another. */
export class StatusWatch<State> {
  readonly #read: () => State;
  readonly #changed: (state: State) => void;
  #key: string;
  #timer: Timer | null = null;
  #warned = false;

  /** @param first What counts as known: listeners hear of anything else. */
  constructor(first: State, read: () => State, changed: (state: State) => void) {
    this.#key = JSON.stringify(first);
    this.#read = read;
    this.#changed = changed;
  }

  setWanted(wanted: boolean): void {
    if (wanted === (this.#timer !== null)) return;
    this.#timer?.stop();
    this.#timer = wanted ? platform().every(INTERVAL_MS, () => this.#lookAgain()) : null;
  }

  /** Nobody could catch what is thrown here. The next look may succeed. */
  #lookAgain(): void {
    try {
      this.look();
    } catch (error) {
      if (!(error instanceof TensorIpcError)) throw error;
      if (!this.#warned) platform().warn(error.message);
      this.#warned = true;
    }
  }

  look(): void {
    if (this.#timer === null) return;
    const state = this.#read();
    const key = JSON.stringify(state);
    if (key === this.#key) return;
    this.#key = key;
    this.#changed(state);
  }
}
