// Ctrl-C as a request to finish: a recording is completed, a summary printed.

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Its signal is aborted by the first SIGINT, SIGTERM or SIGHUP. The second one ends the program at once, as if nobody listened. */
export class Interrupt implements Disposable {
  readonly #controller = new AbortController();
  readonly #handler = () => {
    this[Symbol.dispose]();
    this.#controller.abort();
  };

  constructor() {
    for (const signal of SIGNALS) process.on(signal, this.#handler);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    for (const signal of SIGNALS) process.removeListener(signal, this.#handler);
  }
}
