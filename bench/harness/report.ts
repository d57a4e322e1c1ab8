import type { Benchmark, Result } from './contract';
import type { Machine } from './machine';

/** The one object that --json prints. */
export function jsonReport(machine: Machine, results: readonly Result[]): string {
  return JSON.stringify({ machine, results }, null, 2);
}

const COLUMNS = ['', 'bytes', 'metric', 'value', 'runs from to', 'baseline', 'ratio', 'promise', 'kept', 'against', ''] as const;
const RIGHT_ALIGNED: ReadonlySet<string> = new Set(['bytes', 'value', 'baseline', 'ratio']);

const NS_UNITS = [
  ['ms', 1e6],
  ['µs', 1e3],
] as const;

/** "1.23 µs", "45.6 k frames/s": three digits that can be read, where JSON keeps one unit. */
export function readable(value: number, unit: string): string {
  if (unit === 'ns' || unit === 'µs') {
    const ns = unit === 'µs' ? value * 1000 : value;
    for (const [name, size] of NS_UNITS) if (ns >= size) return `${digits(ns / size)} ${name}`;
    return `${digits(ns)} ns`;
  }
  if (unit === 'frames/s') {
    if (value >= 1e6) return `${digits(value / 1e6)} M/s`;
    return value >= 1e4 ? `${digits(value / 1e3)} k/s` : `${digits(value)} /s`;
  }
  return `${digits(value)} ${unit}`;
}

export function digits(value: number): string {
  const text = value.toPrecision(3);
  return text.includes('e') ? String(Math.round(value)) : text;
}

function row(result: Result): string[] {
  const { size, metric, value, unit, baseline, ratio, promise, met, against, spread, note } = result;
  return [
    '',
    String(size),
    metric,
    readable(value, unit),
    `${readable(spread[0], unit)} – ${readable(spread[1], unit)}`,
    baseline === null ? 'absent' : readable(baseline, unit),
    ratio === null ? '' : `${digits(ratio)}×`,
    promise ?? '',
    promise === null ? '' : met === null ? 'unknown' : met ? 'yes' : 'NO',
    against,
    note ?? '',
  ];
}

/** The table for people, with a heading for each benchmark. */
export function textReport(machine: Machine, results: readonly Result[], benchmarks: readonly Benchmark[]): string {
  const tabled = new Set(benchmarks.flatMap(({ name, table }) => (table === undefined ? [] : [name])));
  const listed = results.filter(({ name }) => !tabled.has(name));
  const rows = listed.map(row);
  const widths = COLUMNS.map((title, column) => Math.max(title.length, ...rows.map((cells) => (cells[column] as string).length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => {
        const width = widths[column] as number;
        return RIGHT_ALIGNED.has(COLUMNS[column] as string) ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd();
  const { cpu, cores, memoryGiB, arch, kernel, runtime, koffi, gcc, clockSource, date } = machine;
  const lines = [
    `${cpu}, ${cores} cores, ${memoryGiB} GiB, ${arch}, Linux ${kernel}, clock ${clockSource}`,
    `${runtime}, koffi ${koffi}, gcc ${gcc ?? 'absent'}, ${date}`,
    '',
    ...(listed.length > 0 ? [line(COLUMNS)] : []),
  ];
  for (const { name, measures, table } of benchmarks) {
    const own = results.filter((result) => result.name === name);
    if (own.length === 0) continue;
    lines.push('', `${name}: ${measures}`);
    lines.push(...(table?.(own) ?? rows.filter((_, i) => listed[i]?.name === name).map(line)));
  }
  const promises = results.filter(({ promise }) => promise !== null);
  const kept = promises.filter(({ met }) => met === true).length;
  const summary = promises.length === 0 ? '' : ` ${kept} of ${promises.length} promises kept.`;
  lines.push('', `Values are medians of the runs; baselines were measured in turn with them.${summary}`);
  return lines.join('\n');
}
