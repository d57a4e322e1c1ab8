// Figures with a line of bars behind each: how it was in the last intervals.

import { liveWidth } from './live';

/** Intervals that are kept, and shown where there is room for them. */
export const HISTORY = 24;
/** Bars that are shown at least: fewer say nothing. */
const LEAST = 4;

const BARS = '▁▂▃▄▅▆▇█';

/** Numbers as a line of bars, the largest one full. A dot where there is no number. */
export function sparkline(values: readonly (number | null)[]): string {
  const most = values.reduce<number>((max, value) => Math.max(max, value ?? 0), 0);
  return values
    .map((value) => (value === null ? '·' : BARS[most === 0 ? 0 : Math.ceil((value / most) * (BARS.length - 1))]))
    .join('');
}

/** "camera  rate 30.0/s ████  dropped 0 ▁▁▁▁": as many bars for each figure as the line of a terminal holds. */
export function withBars(
  title: string,
  figures: readonly (readonly [text: string, past: readonly (number | null)[]])[],
  width = liveWidth(),
): string {
  const words = [title, ...figures.map(([text]) => text)].join('  ').length + figures.length;
  const room = width === null ? HISTORY : Math.floor((width - words) / figures.length);
  const bars = Math.max(LEAST, Math.min(HISTORY, room));
  return [title, ...figures.map(([text, past]) => `${text} ${sparkline(past.slice(-bars))}`)].join('  ');
}
