// How fast a producer of the Python package's wire puts frames, by the times at which it told of the latest.

/** Times between frames that are remembered. */
const INTERVALS = 8;

/** Times between the latest frames; Infinity while they are not known. */
export interface Pace {
  readonly shortestMs: number;
  /** Their median. */
  readonly typicalMs: number;
  readonly longestMs: number;
  /** By how much the newest frame was later than the shortest: a producer with a timetable comes the sooner with its next. */
  readonly lateMs: number;
}

export class PaceKeeper {
  readonly #intervals = new Array<number>(INTERVALS).fill(Infinity);
  #next = 0;
  #lastMs = Infinity;

  /** The time from one frame to the next. */
  add(intervalMs: number): void {
    this.#lastMs = intervalMs;
    this.#intervals[this.#next] = intervalMs;
    this.#next = (this.#next + 1) % INTERVALS;
  }

  get pace(): Pace {
    const ascending = [...this.#intervals].sort((a, b) => a - b);
    const at = (index: number) => ascending[index] as number;
    const shortestMs = at(0);
    return { shortestMs, typicalMs: at(INTERVALS >> 1), longestMs: at(INTERVALS - 1), lateMs: this.#lastMs - shortestMs };
  }

  /** What comes next is another's. */
  forget(): void {
    this.#intervals.fill(Infinity);
    this.#lastMs = Infinity;
  }
}
