// Stages of operations whose calls fail: what they open is closed when they end.

import type { Scenario, Stage } from './nth-call';

/** Things that a stage opens, closed in the order in which they were opened. */
export class Opened {
  readonly #closes: (() => void)[] = [];

  add<C extends { close(): void }>(one: C): C {
    this.#closes.push(() => one.close());
    return one;
  }

  end(): void {
    for (const close of this.#closes.splice(0)) close();
  }
}

/** A stage over things that are open. */
export function over(prepare: (opened: Opened) => () => unknown): Scenario['stage'] {
  return (): Stage => {
    const opened = new Opened();
    const run = prepare(opened);
    return { run, end: () => opened.end() };
  };
}
