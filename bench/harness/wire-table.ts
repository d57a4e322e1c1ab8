// The table of the Python package's wire: ours, the peers, and what the package itself was once measured to take.

import type { Result } from './contract';
import { digits, readable } from './format';

interface Recorded {
  readonly medianUs: number;
  readonly p99Us?: number;
}

const NAMES: Readonly<Record<number, string>> = {
  921600: '480×640×3 uint8, 30 Hz',
  6220800: '1080×1920×3 uint8, 30 Hz',
  28: '7 float32, 100 Hz',
};

/** The package itself (Python, NumPy, Cyclone's own bindings), history 10, on such a machine, on another day. */
export const RECORDED: Readonly<Record<number, Readonly<Record<string, Recorded>>>> = {
  921600: {
    put: { medianUs: 398, p99Us: 860 },
    'put → callback': { medianUs: 975, p99Us: 2567 },
    'get(1)': { medianUs: 33 },
    'get(5)': { medianUs: 177 },
  },
  6220800: {
    put: { medianUs: 901, p99Us: 2245 },
    'put → callback': { medianUs: 2292, p99Us: 5123 },
    'get(1)': { medianUs: 246 },
    'get(5)': { medianUs: 2284 },
  },
  28: {
    put: { medianUs: 279, p99Us: 870 },
    'put → callback': { medianUs: 729, p99Us: 1227 },
    'get(1)': { medianUs: 7.9 },
    'get(5)': { medianUs: 16.4 },
  },
};

const P99 = ' p99';
const HEAD = ['', 'ours (p99)', 'Python peer (p99)', 'ratio', 'C peer (p99)', 'ratio', 'the package, recorded', 'target', 'kept'];

function withP99(value: number | undefined, p99: number | undefined): string {
  if (value === undefined) return '';
  return p99 === undefined ? readable(value, 'µs') : `${readable(value, 'µs')} (${readable(p99, 'µs')})`;
}

export function wireTable(results: readonly Result[]): string[] {
  const rows: string[][] = [HEAD];
  for (const size of new Set(results.map((result) => result.size))) {
    rows.push([NAMES[size] ?? `${size} B`]);
    const own = results.filter((result) => result.size === size);
    for (const metric of new Set(own.map((result) => result.metric))) {
      if (metric.endsWith(P99)) continue;
      const find = (name: string, kind: string) =>
        own.find((result) => result.metric === name && result.against.startsWith(kind));
      const [python, c] = [find(metric, 'Python'), find(metric, 'C')];
      const [slowPython, slowC] = [find(metric + P99, 'Python'), find(metric + P99, 'C')];
      const recorded = RECORDED[size]?.[metric];
      const ratio = (result: Result | undefined) =>
        result?.ratio === null || result === undefined ? '' : `${digits(result.ratio)}×`;
      rows.push([
        `  ${metric}`,
        withP99((python ?? c)?.value, (slowPython ?? slowC)?.value),
        withP99(python?.baseline ?? undefined, slowPython?.baseline ?? undefined),
        ratio(python),
        withP99(c?.baseline ?? undefined, slowC?.baseline ?? undefined),
        ratio(c),
        withP99(recorded?.medianUs, recorded?.p99Us),
        python?.promise ?? '',
        python?.promise == null ? '' : python.met === null ? 'unknown' : python.met ? 'yes' : 'NO',
      ]);
    }
  }
  const widths = HEAD.map((_, column) =>
    Math.max(...rows.filter((cells) => cells.length > 1).map((cells) => cells[column]?.length ?? 0)),
  );
  return rows.map((cells) =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}
