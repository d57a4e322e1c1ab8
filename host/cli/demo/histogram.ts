// Latencies in a fixed amount of memory, however many there are.

/** Pairs of bucket and count, as they travel between processes. */
export type HistogramCounts = readonly (readonly [bucket: number, count: number])[];

/** Buckets per doubling: neighbours differ by 2.2 %. */
const RESOLUTION = 32;

/** A histogram with logarithmic buckets. */
export class Histogram {
  readonly #counts = new Map<number, number>();
  #total = 0;
  #max = 0;

  add(ns: number): void {
    const value = Math.max(1, ns);
    this.#addTo(Math.round(Math.log2(value) * RESOLUTION), 1);
    if (value > this.#max) this.#max = value;
  }

  #addTo(bucket: number, count: number): void {
    this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + count);
    this.#total += count;
  }

  merge(counts: HistogramCounts): void {
    for (const [bucket, count] of counts) this.#addTo(bucket, count);
  }

  counts(): HistogramCounts {
    return [...this.#counts];
  }

  clear(): void {
    this.#counts.clear();
    this.#total = 0;
    this.#max = 0;
  }

  /** Largest value that was added itself (merging does not know it), ms; null if there is none. */
  get maxMs(): number | null {
    return this.#max === 0 ? null : this.#max / 1e6;
  }

  /** The value below which the given share lies, ms; null if there is none. */
  quantileMs(share: number): number | null {
    if (this.#total === 0) return null;
    const wanted = Math.max(1, Math.ceil(share * this.#total));
    let seen = 0;
    let bucket = 0;
    for (const [next, count] of [...this.#counts].sort(([a], [b]) => a - b)) {
      bucket = next;
      seen += count;
      if (seen >= wanted) break;
    }
    // The middle of the last bucket may lie above everything in it.
    return Math.min(2 ** (bucket / RESOLUTION) / 1e6, this.maxMs ?? Infinity);
  }
}
