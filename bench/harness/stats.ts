// From samples to results.

import type { Result } from './contract';
import { type GoalRow, goalOutcome } from './goals';
import { type Promised, promised } from './promised';

export { type Promised, promised };

/** The sample below which `fraction` of all samples lie. */
export function percentile(samples: readonly number[], fraction: number): number {
  if (samples.length === 0) throw new Error('no samples');
  const sorted = Float64Array.from(samples).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] as number;
}

export function median(samples: readonly number[]): number {
  if (samples.length === 0) throw new Error('no samples');
  const sorted = Float64Array.from(samples).sort();
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}

/** Four significant digits: more is noise. */
export function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

export interface Figures {
  readonly name: string;
  readonly size: number;
  readonly metric: string;
  readonly unit: string;
  readonly against: string;
  /** One value for each run. */
  readonly values: readonly number[];
  /** One value for each run of the baseline; empty when there is none. */
  readonly baselines: readonly number[];
  readonly promise?: Promised | undefined;
  /** The row of the table of goals that this fills. */
  readonly goal?: GoalRow | undefined;
  readonly note?: string | undefined;
  readonly runtime?: string | undefined;
}

/** Medians over the runs, and what they say about the promise. */
export function summarise(figures: Figures): Result {
  const { name, size, metric, unit, against, values, baselines, promise, goal, note, runtime } = figures;
  const value = rounded(median(values));
  const baseline = baselines.length === 0 ? null : rounded(median(baselines));
  const ratio = baseline === null || baseline === 0 ? null : rounded(value / baseline);
  return {
    name,
    size,
    metric,
    value,
    unit,
    baseline,
    ratio,
    against,
    spread: [rounded(Math.min(...values)), rounded(Math.max(...values))],
    runs: values.length,
    promise: promise?.text ?? null,
    met: promise?.kept(value, ratio) ?? null,
    ...(goal === undefined ? {} : { goal: goalOutcome(goal, value, ratio) }),
    ...(note === undefined ? {} : { note }),
    ...(runtime === undefined ? {} : { runtime }),
  };
}
