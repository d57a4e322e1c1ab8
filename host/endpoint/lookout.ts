// Waiting for something that is no frame, on the same doorbell and by the same periodic look.

import { Wait } from './wait';
import type { Waiting } from './waiting';

/** How long to wait, and for whom. */
export interface LookoutOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** Held for as long as it waits: it is not dropped. */
  readonly holder?: object;
  /** Whether it does without keeping the process alive. */
  readonly quiet?: boolean;
}

export class Lookout extends Wait<true, false> {
  readonly cursor = null;
  readonly quiet: boolean;
  readonly holder: object | null;
  readonly #there: () => boolean;

  constructor(waiting: Waiting, there: () => boolean, { timeoutMs = Infinity, signal, holder, quiet = false }: LookoutOptions) {
    super(waiting, false, timeoutMs, signal);
    this.#there = there;
    this.holder = holder ?? null;
    this.quiet = quiet;
  }

  due(): boolean {
    return this.#there();
  }

  protected find(): boolean {
    return this.#there();
  }

  protected late(): void {
    if (!this.serve(false)) this.end();
  }
}
