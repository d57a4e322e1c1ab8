// From samples to results.

import type { Result } from './contract';

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

/** What the design promises of a result. `null` when there is nothing to compare with. */
export interface Promised {
  readonly text: string;
  kept(value: number, ratio: number | null): boolean | null;
}

export const promised = {
  ratioAtMost: (limit: number): Promised => ({
    text: `≤ ${limit}×`,
    kept: (_, ratio) => (ratio === null ? null : ratio <= limit),
  }),
  atMost: (limit: number, unit: string): Promised => ({ text: `≤ ${limit} ${unit}`, kept: (value) => value <= limit }),
  atLeast: (limit: number, text: string): Promised => ({ text, kept: (value) => value >= limit }),
};

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
  readonly note?: string | undefined;
  readonly runtime?: string | undefined;
}

/** Medians over the runs, and what they say about the promise. */
export function summarise(figures: Figures): Result {
  const { name, size, metric, unit, against, values, baselines, promise, note, runtime } = figures;
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
    ...(note === undefined ? {} : { note }),
    ...(runtime === undefined ? {} : { runtime }),
  };
}
