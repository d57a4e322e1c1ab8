/** A small typed emitter. Listeners run in the order in which they were added; one that throws does not stop the others. */
export class Emitter<Events extends Record<string, readonly unknown[]>> {
  readonly #listeners: { [K in keyof Events]?: Set<(...args: Events[K]) => void> } = {};

  /** Adds a listener. */
  on<K extends keyof Events>(event: K, listener: (...args: Events[K]) => void): this {
    const set = this.#listeners[event] ?? new Set();
    this.#listeners[event] = set;
    set.add(listener);
    this.listenersChanged();
    return this;
  }

  /** Removes a listener. */
  off<K extends keyof Events>(event: K, listener: (...args: Events[K]) => void): this {
    this.#listeners[event]?.delete(listener);
    this.listenersChanged();
    return this;
  }

  /** Adds a listener for one event only. */
  once<K extends keyof Events>(event: K, listener: (...args: Events[K]) => void): this {
    const wrapper = (...args: Events[K]) => {
      this.off(event, wrapper);
      listener(...args);
    };
    return this.on(event, wrapper);
  }

  listenerCount(event: keyof Events): number {
    return this.#listeners[event]?.size ?? 0;
  }

  /** For subclasses: somebody came or went. */
  protected listenersChanged(): void {}

  /** Calls the listeners; false if there were none. */
  protected emit<K extends keyof Events>(event: K, ...args: Events[K]): boolean {
    const set = this.#listeners[event];
    if (set === undefined || set.size === 0) return false;
    for (const listener of [...set]) callSafely(() => listener(...args));
    return true;
  }
}

/** Runs user code whose exception is the user's: it surfaces as an uncaught exception and does not unwind ours. */
export function callSafely(callback: () => void): void {
  try {
    callback();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
