// How often frames come and how large they are: over the last so many of them, and since the beginning.

/** One frame that was seen, and those before it that were not. */
interface Sample {
  /** Time since the last frame that was seen, shared among the frames that came. */
  readonly intervalMs: number;
  readonly bytes: number;
  /** How many frames came: 1, and those that were missed. */
  readonly frames: number;
}

export interface Spread {
  readonly mean: number;
  readonly min: number;
  readonly max: number;
  readonly deviation: number;
}

export interface Figures {
  readonly frames: number;
  readonly rateHz: number;
  readonly bytesPerSecond: number;
  readonly intervalMs: Spread;
  readonly bytes: Spread;
}

/** Sums, from which mean and standard deviation follow. */
class Sums {
  #count = 0;
  #sum = 0;
  #squares = 0;
  // Deviations are taken from the first value: of large numbers that differ little, the squares would hide them.
  #base: number | null = null;

  add(value: number, weight: number): void {
    this.#base ??= value;
    const off = value - this.#base;
    this.#count += weight;
    this.#sum += off * weight;
    this.#squares += off * off * weight;
  }

  get mean(): number {
    return (this.#base ?? 0) + this.#sum / this.#count;
  }

  get deviation(): number {
    const mean = this.#sum / this.#count;
    return Math.sqrt(Math.max(0, this.#squares / this.#count - mean * mean));
  }
}

/** What frames were like, all of them or those of a window. */
class Tally {
  frames = 0;
  missed = 0;
  #ms = 0;
  #totalBytes = 0;
  readonly #intervals = new Sums();
  readonly #bytes = new Sums();
  readonly #least = { interval: Infinity, bytes: Infinity };
  readonly #most = { interval: 0, bytes: 0 };

  add({ intervalMs, bytes, frames }: Sample): void {
    this.frames += frames;
    this.missed += frames - 1;
    this.#ms += intervalMs * frames;
    this.#totalBytes += bytes * frames;
    this.#intervals.add(intervalMs, frames);
    this.#bytes.add(bytes, frames);
    this.#least.interval = Math.min(this.#least.interval, intervalMs);
    this.#most.interval = Math.max(this.#most.interval, intervalMs);
    this.#least.bytes = Math.min(this.#least.bytes, bytes);
    this.#most.bytes = Math.max(this.#most.bytes, bytes);
  }

  figures(): Figures | null {
    if (this.frames === 0 || this.#ms <= 0) return null;
    const seconds = this.#ms / 1000;
    const spread = (sums: Sums, min: number, max: number) => ({ mean: sums.mean, min, max, deviation: sums.deviation });
    return {
      frames: this.frames,
      rateHz: this.frames / seconds,
      bytesPerSecond: this.#totalBytes / seconds,
      intervalMs: spread(this.#intervals, this.#least.interval, this.#most.interval),
      bytes: spread(this.#bytes, this.#least.bytes, this.#most.bytes),
    };
  }
}

export class Meter {
  readonly #window: number;
  readonly #samples: Sample[] = [];
  readonly #total = new Tally();
  #lastMs: number | null = null;

  constructor(window: number) {
    this.#window = window;
  }

  /**
   * A frame was published at this time, on any clock that runs on. The first one only begins the count: an interval has two ends.
   *
   * @returns whether an interval was counted
   */
  take(publishedMs: number, missed: number, bytes: number): void {
    const lastMs = this.#lastMs;
    this.#lastMs = publishedMs;
    if (lastMs === null || publishedMs <= lastMs) return;
    const frames = missed + 1;
    const sample = { intervalMs: (publishedMs - lastMs) / frames, bytes, frames };
    this.#total.add(sample);
    this.#samples.push(sample);
    if (this.#samples.length > this.#window) this.#samples.shift();
  }

  /** The producer is gone: the time until the next one comes is no interval between frames. */
  pause(): void {
    this.#lastMs = null;
  }

  get missed(): number {
    return this.#total.missed;
  }

  /** Of the window; null before the second frame. */
  recent(): Figures | null {
    const tally = new Tally();
    for (const sample of this.#samples) tally.add(sample);
    return tally.figures();
  }

  /** Of everything. */
  whole(): Figures | null {
    return this.#total.figures();
  }
}
