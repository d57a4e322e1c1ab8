// What is remembered of what strangers say, within bounds: whoever says most gives way first.

/** Who said it, as this process numbers writers, and how much it was. */
export interface Said {
  readonly publication: bigint;
  readonly bytes: number;
}

export class BoundedCache<T extends Said> {
  readonly #entries = new Map<string, T>();
  readonly #bytesOf = new Map<bigint, number>();
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxEntries: number, maxBytes: number) {
    this.#maxEntries = maxEntries;
    this.#maxBytes = maxBytes;
  }

  get(id: string): T | undefined {
    return this.#entries.get(id);
  }

  values(): IterableIterator<T> {
    return this.#entries.values();
  }

  /**
   * Makes room for one entry more.
   *
   * @param forget Called with each entry that gives way: the latest of a writer that has said more than this one.
   * @returns False when this writer is the one who says most.
   */
  makeRoom({ publication, bytes }: Said, forget: (entry: T) => void): boolean {
    while (this.#entries.size >= this.#maxEntries || this.#bytes + bytes > this.#maxBytes) {
      const [loudest, most] = this.#loudest();
      if (loudest === publication || most <= (this.#bytesOf.get(publication) ?? 0) + bytes) return false;
      const last = [...this.#entries].reverse().find(([, entry]) => entry.publication === loudest);
      if (last === undefined) return false;
      this.delete(last[0]);
      forget(last[1]);
    }
    return true;
  }

  #loudest(): readonly [bigint, number] {
    let loudest: readonly [bigint, number] = [-1n, 0];
    for (const writer of this.#bytesOf) if (writer[1] > loudest[1]) loudest = writer;
    return loudest;
  }

  set(id: string, entry: T): void {
    this.delete(id);
    this.#entries.set(id, entry);
    this.#count(entry.publication, entry.bytes);
  }

  delete(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    this.#count(entry.publication, -entry.bytes);
  }

  #count(publication: bigint, bytes: number): void {
    this.#bytes += bytes;
    const all = (this.#bytesOf.get(publication) ?? 0) + bytes;
    if (all === 0) this.#bytesOf.delete(publication);
    else this.#bytesOf.set(publication, all);
  }

  clear(): void {
    this.#entries.clear();
    this.#bytesOf.clear();
    this.#bytes = 0;
  }
}
