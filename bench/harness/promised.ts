// What is promised of a figure.

/** What the design promises of a result. `kept` is null when there is nothing to compare with. */
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
