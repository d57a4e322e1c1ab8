// Typed arrays over the windows of a ring, kept for the next time: to make one costs as much as a small put.

import type { Window } from './window';

/** Slots of which one set of windows is kept. Of a longer ring, slots share places. */
const MAX_PLACES = 4096;
/** Windows of all sets: some 2 MB. */
const MAX_WINDOWS = 8192;
const MAX_SETS = 512;

/** Windows of one length and order. A place holds the window of one slot. */
interface WindowSet {
  readonly slots: Int32Array;
  readonly windows: (Window | undefined)[];
}

export class WindowCache {
  readonly #build: (slot: number, count: number, latestFirst: boolean) => Window;
  readonly #places: number;
  readonly #mostSets: number;
  // By count, negative where the latest comes first. The oldest set goes when there are too many: readers use one length again and again,
  // and one that asks for another each time must not fill the heap.
  readonly #sets = new Map<number, WindowSet>();
  #recentKey = 0;
  #recent: WindowSet | undefined;

  /** @param slots How many slots the ring has. */
  constructor(slots: number, build: (slot: number, count: number, latestFirst: boolean) => Window) {
    this.#build = build;
    // A power of two, so that a place is found without a division.
    this.#places = Math.min(MAX_PLACES, 2 ** Math.ceil(Math.log2(Math.max(1, slots))));
    this.#mostSets = Math.min(MAX_SETS, MAX_WINDOWS / this.#places);
  }

  /** The tensors of `count` frames, the oldest in `slot`. */
  window(slot: number, count: number, latestFirst: boolean): Window {
    const key = latestFirst ? -count : count;
    const set = key === this.#recentKey ? (this.#recent as WindowSet) : this.#set(key);
    const place = slot & (this.#places - 1);
    if (set.slots[place] === slot) return set.windows[place] as Window;
    const window = this.#build(slot, count, latestFirst);
    set.windows[place] = window;
    set.slots[place] = slot;
    return window;
  }

  #set(key: number): WindowSet {
    let set = this.#sets.get(key);
    if (set === undefined) {
      if (this.#sets.size >= this.#mostSets) this.#sets.delete(this.#sets.keys().next().value as number);
      set = { slots: new Int32Array(this.#places).fill(-1), windows: new Array<Window | undefined>(this.#places) };
      this.#sets.set(key, set);
    }
    this.#recentKey = key;
    this.#recent = set;
    return set;
  }

  clear(): void {
    this.#sets.clear();
    this.#recentKey = 0;
    this.#recent = undefined;
  }
}
