// How fast a producer of the Python package's wire puts frames, by the times at which it told of the latest.

/** Times between frames that are remembered. */
const INTERVALS = 8;

/** Times between the latest frames; Infinity while they are not known. */
export interface Pace {
  readonly shortestMs: number;
  /** Their median. */
  readonly typicalMs: number;
  readonly longestMs: number;
  /** How far the newest frame is behind a timetable of the median: a producer that has one comes the sooner with its next. */
  readonly lateMs: number;
}

export class PaceKeeper {
  readonly #intervals = new Array<number>(INTERVALS).fill(Infinity);
  #next = 0;

  /** The time from one frame to the next. */
  add(intervalMs: number): void {
    this.#intervals[this.#next] = intervalMs;
    this.#next = (this.#next + 1) % INTERVALS;
  }

  get pace(): Pace {
    const ascending = [...this.#intervals].sort((a, b) => a - b);
    const at = (index: number) => ascending[index] as number;
    const typicalMs = at(INTERVALS >> 1);
    let lateMs = 0;
    for (let i = 0; i < INTERVALS; i++) {
      const intervalMs = this.#intervals[(this.#next + i) % INTERVALS] as number;
      lateMs = Math.max(0, lateMs + intervalMs - typicalMs);
    }
    return { shortestMs: at(0), typicalMs, longestMs: at(INTERVALS - 1), lateMs };
  }

  /** What comes next is another's. */
  forget(): void {
    this.#intervals.fill(Infinity);
  }
}
