// What a benchmark is to the harness, and what it answers.

import type { GoalOutcome } from './goals';
import type { Native } from './native';
import type { Commands, Partner, Role, StartOptions } from './processes';

/** Frames: a robot state, a page, and RGB at 640 × 480, 1920 × 1080 and 3840 × 2160. */
export const SIZES = [28, 4096, 921600, 6220800, 24883200] as const;

export interface Result {
  readonly name: string;
  /** Bytes of a frame. */
  readonly size: number;
  readonly metric: string;
  /** Median of the runs. */
  readonly value: number;
  readonly unit: string;
  /** Median of the limit's runs; null where it could not be measured. */
  readonly baseline: number | null;
  /** value / baseline. */
  readonly ratio: number | null;
  /** What the baseline is. */
  readonly against: string;
  /** Least and greatest of the runs. */
  readonly spread: readonly [number, number];
  readonly runs: number;
  /** What the design promises, and whether these figures keep it; null where it promises nothing or nothing can be compared. */
  readonly promise: string | null;
  readonly met: boolean | null;
  /** The row of the table of goals that this is, and whether it is reached. */
  readonly goal?: GoalOutcome;
  readonly note?: string;
  /** Which runtime it was measured in, where several are. */
  readonly runtime?: string;
}

export interface Context {
  readonly quick: boolean;
  /** Only what fills rows of the table of goals is asked for: `npm run bench -- --only goals`. */
  readonly goalsOnly: boolean;
  /** Runs of each measurement: those asked for, or else the benchmark's own choice. */
  runs(quick: number, full: number): number;
  /** A pool name that nobody else uses and that the harness sweeps away. */
  poolName(suffix: string): string;
  /** Folder for FIFOs and programs, removed at the end. */
  readonly folder: string;
  /** Starts a C baseline; null when there is no compiler. */
  native(program: string): Native | null;
  /** Starts a process of its own in the given role and waits until it is ready. */
  partner<Config, C extends Commands>(role: Role<Config, C>, config: Config, options?: StartOptions): Promise<Partner<C>>;
  progress(text: string): void;
  /** Tells of a part that failed, or that is left out, where the rest still counts. */
  report(kind: 'failed' | 'skip', text: string): void;
}

export interface Benchmark {
  readonly name: string;
  readonly measures: string;
  /** Names of the C files (without .c) that it compares with. */
  readonly programs: readonly string[];
  /** Cores without which it says nothing: two processes that spin need one each. */
  readonly cores?: number;
  /** Runs only when it is named: it installs what it compares with. */
  readonly onRequest?: boolean;
  /** It compares with what only Node's event loop does; `runtimes` has such figures for the others. */
  readonly nodeOnly?: boolean;
  /** Its own table of its results, in place of a row for each. */
  readonly table?: (results: readonly Result[]) => readonly string[];
  readonly run: (context: Context) => Promise<Result[]>;
}
