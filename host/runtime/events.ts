// Events as Node's EventEmitter has them, so that `once` and `on` of node:events and what else takes an emitter work, in every runtime.

import { TensorIpcError } from './errors';

/** A listener with the arguments of its event: which those are, the typed methods below see to. */
interface Entry {
  readonly listener: CallableFunction;
  readonly once: boolean;
}

type Listener<Args extends readonly unknown[]> = (...args: Args) => void;

/**
 * A small typed emitter with the listeners' side of Node's EventEmitter: only its owner emits. Listeners run in the order in which they
 * were added; one that throws does not stop the others. There is no largest number of listeners.
 */
export class Emitter<Events extends Record<string, readonly unknown[]>> {
  // Replaced, never changed: those who are being called see the listeners as they were.
  readonly #entries = new Map<keyof Events, readonly Entry[]>();

  /** Adds a listener. */
  on<K extends keyof Events>(event: K, listener: Listener<Events[K]>): this {
    return this.#add(event, listener, false, false);
  }

  /** The same as `on`. */
  addListener<K extends keyof Events>(event: K, listener: Listener<Events[K]>): this {
    return this.#add(event, listener, false, false);
  }

  /** Adds a listener for one event only. */
  once<K extends keyof Events>(event: K, listener: Listener<Events[K]>): this {
    return this.#add(event, listener, true, false);
  }

  /** Adds a listener in front of the others. */
  prependListener<K extends keyof Events>(event: K, listener: Listener<Events[K]>): this {
    return this.#add(event, listener, false, true);
  }

  /** Adds a listener for one event only, in front of the others. */
  prependOnceListener<K extends keyof Events>(event: K, listener: Listener<Events[K]>): this {
    return this.#add(event, listener, true, true);
  }

  /** Removes a listener, however it was added; of one that was added several times, the last. */
  off<K extends keyof Events>(event: K, listener: Listener<Events[K]>): this {
    const entries = this.#of(event);
    const index = entries.findLastIndex((entry) => entry.listener === listener);
    return index < 0 ? this : this.#replace(event, entries.toSpliced(index, 1));
  }

  /** The same as `off`. */
  removeListener<K extends keyof Events>(event: K, listener: Listener<Events[K]>): this {
    return this.off(event, listener);
  }

  /** Removes all listeners, or those of one event. */
  removeAllListeners(event?: keyof Events): this {
    if (event !== undefined) return this.#of(event).length === 0 ? this : this.#replace(event, []);
    for (const name of this.eventNames()) this.#replace(name, []);
    return this;
  }

  /** How many listeners an event has; with `listener`, how many times that one was added. */
  listenerCount<K extends keyof Events>(event: K, listener?: Listener<Events[K]>): number {
    const entries = this.#of(event);
    return listener === undefined ? entries.length : entries.filter((entry) => entry.listener === listener).length;
  }

  /** The listeners of an event, in their order. */
  listeners<K extends keyof Events>(event: K): Listener<Events[K]>[] {
    return this.#of(event).map(({ listener }) => listener as Listener<Events[K]>);
  }

  /** The events that have listeners. */
  eventNames(): (keyof Events)[] {
    return [...this.#entries.keys()];
  }

  /** For subclasses: somebody came or went. */
  protected listenersChanged(): void {}

  /** Calls the listeners; false if there were none. */
  protected emit<K extends keyof Events>(event: K, ...args: Events[K]): boolean {
    const entries = this.#of(event);
    for (const entry of entries) {
      if (entry.once) this.#drop(event, entry);
      callSafely(() => Reflect.apply(entry.listener, this, args));
    }
    return entries.length > 0;
  }

  #of(event: keyof Events): readonly Entry[] {
    return this.#entries.get(event) ?? [];
  }

  #add(event: keyof Events, listener: CallableFunction, once: boolean, first: boolean): this {
    if (typeof listener !== 'function') {
      throw new TensorIpcError('INVALID_ARGUMENT', `a listener of '${String(event)}' is a function, found ${typeof listener}`);
    }
    const entry = { listener, once };
    const entries = this.#of(event);
    return this.#replace(event, first ? [entry, ...entries] : [...entries, entry]);
  }

  /** Takes this very entry away: the same listener may have been added again. */
  #drop(event: keyof Events, entry: Entry): void {
    const entries = this.#of(event);
    if (!entries.includes(entry)) return;
    this.#replace(
      event,
      entries.filter((other) => other !== entry),
    );
  }

  #replace(event: keyof Events, entries: readonly Entry[]): this {
    if (entries.length === 0) this.#entries.delete(event);
    else this.#entries.set(event, entries);
    this.listenersChanged();
    return this;
  }
}

// As it was before a test runner's fake timers took its place: a queue that nobody turns would swallow the error.
const microtask = globalThis.queueMicrotask;

/** Runs user code whose exception is the user's: it surfaces as an uncaught exception and does not unwind ours. */
export function callSafely(callback: () => void): void {
  try {
    callback();
  } catch (error) {
    microtask(() => {
      throw error;
    });
  }
}
