// The figures beside the picture.

/** Rates are means of so long. */
const RATE_WINDOW_MS = 2000;
const LATENCIES = 240;
/** A latency outside this tells of a producer whose timestamps are on another clock. */
const PLAUSIBLE_MS = 60_000;

interface Sample {
  readonly sequence: number;
  readonly publishedMs: number;
  readonly shownMs: number;
}

export interface Figures {
  /** Frames a second that the producer publishes, and that were drawn; null before the second one. */
  readonly rate: number | null;
  readonly shownRate: number | null;
  readonly medianMs: number | null;
  readonly p95Ms: number | null;
}

export class Meters {
  #samples: Sample[] = [];
  #latencies: number[] = [];
  /** Frames published since the first one shown, and not shown. */
  missed = 0;
  shown = 0;

  /** The latest latencies, oldest first. */
  get latencies(): readonly number[] {
    return this.#latencies;
  }

  add(sequence: number, publishedMs: number, shownMs: number): void {
    const before = this.#samples.at(-1);
    // A new pool under the name counts from zero again.
    if (before !== undefined && sequence < before.sequence) this.restart();
    else if (before !== undefined) this.missed += Math.max(0, sequence - before.sequence - 1);
    this.shown += 1;
    this.#samples.push({ sequence, publishedMs, shownMs });
    this.#samples = this.#samples.filter((sample) => shownMs - sample.shownMs <= RATE_WINDOW_MS);
    // The first frame may have been there long before anybody looked.
    if (before === undefined || sequence < before.sequence) return;
    const latency = shownMs - publishedMs;
    if (latency < 0 || latency > PLAUSIBLE_MS) return;
    this.#latencies.push(latency);
    if (this.#latencies.length > LATENCIES) this.#latencies.shift();
  }

  /** After a gap: rates begin anew, counts go on. */
  restart(): void {
    this.#samples = [];
  }

  figures(): Figures {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    const sorted = this.#latencies.slice(-60).sort((a, b) => a - b);
    const quantile = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? null;
    const spanMs = first === undefined || last === undefined ? 0 : last.shownMs - first.shownMs;
    const publishedMs = first === undefined || last === undefined ? 0 : last.publishedMs - first.publishedMs;
    const frames = first === undefined || last === undefined ? 0 : last.sequence - first.sequence;
    return {
      rate: publishedMs > 0 ? (frames * 1000) / publishedMs : null,
      shownRate: spanMs > 0 ? ((this.#samples.length - 1) * 1000) / spanMs : null,
      medianMs: quantile(0.5),
      p95Ms: quantile(0.95),
    };
  }
}
