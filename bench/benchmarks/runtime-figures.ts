// Figures of several runtimes as they come in, and the limits beside them.

import type { Result } from '../harness/contract';
import { type Promised, summarise } from '../harness/stats';

export interface Metric {
  readonly metric: string;
  readonly size: number;
  readonly unit: string;
  readonly against: string;
  readonly promise?: Promised | undefined;
  /** The ratio to the limit says nothing: both are about nought. */
  readonly absolute?: boolean;
}

interface Series {
  readonly runtime: string;
  readonly metric: Metric;
  readonly values: number[];
  readonly baselines: number[];
}

/** The row of the limits that are C programs. */
const C_ROW = 'C, the limit';
const C_SUFFIX = /\bC$/;

export class Figures {
  readonly #name: string;
  readonly #series = new Map<string, Series>();

  constructor(name: string) {
    this.#name = name;
  }

  /** A value of one run, with the limit that was measured in turn with it. */
  add(runtime: string, metric: Metric, value: number, baseline: number | null): void {
    const key = `${runtime}: ${metric.metric} of ${metric.size}`;
    let series = this.#series.get(key);
    if (series === undefined) {
      series = { runtime, metric, values: [], baselines: [] };
      this.#series.set(key, series);
    }
    series.values.push(value);
    if (baseline !== null) series.baselines.push(baseline);
  }

  results(): Result[] {
    const all = [...this.#series.values()];
    const results = all.map(({ runtime, metric: { metric, size, unit, against, promise, absolute }, values, baselines }) => {
      const result = summarise({ name: this.#name, size, metric, unit, against, values, baselines, promise, runtime });
      return absolute === true ? { ...result, ratio: null } : result;
    });
    return [...results, ...this.#limits(all)];
  }

  /** What the C programs took, over all runtimes that they were measured in turn with. */
  #limits(all: readonly Series[]): Result[] {
    const limits = new Map<string, Series>();
    for (const { metric, baselines } of all) {
      if (!C_SUFFIX.test(metric.against) || baselines.length === 0) continue;
      const key = `${metric.metric} of ${metric.size}`;
      const limit = limits.get(key);
      if (limit === undefined) limits.set(key, { runtime: C_ROW, metric, values: [...baselines], baselines: [] });
      else limit.values.push(...baselines);
    }
    return [...limits.values()].map(({ runtime, metric: { metric, size, unit, against }, values }) =>
      summarise({ name: this.#name, size, metric, unit, against, values, baselines: [], runtime }),
    );
  }
}
