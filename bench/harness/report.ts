import type { Benchmark, Result } from './contract';
import { digits, readable, table } from './format';
import { goalTable } from './goals';
import { type Provenance, provenanceLines } from './provenance';

/** The one object that --json prints. */
export function jsonReport({ machine, run }: Provenance, results: readonly Result[]): string {
  return JSON.stringify({ machine, run, results }, null, 2);
}

const COLUMNS = ['', 'bytes', 'metric', 'value', 'runs from to', 'baseline', 'ratio', 'promise', 'kept', 'against', ''] as const;
const RIGHT_ALIGNED: ReadonlySet<string> = new Set(['bytes', 'value', 'baseline', 'ratio']);

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

/** The table for people, with a heading for each benchmark, and the table of goals where any was measured. */
export function textReport(provenance: Provenance, results: readonly Result[], benchmarks: readonly Benchmark[]): string {
  const lines = [...provenanceLines(provenance), ''];
  if (!provenance.run.goalsOnly) lines.push(...benchmarkTables(results, benchmarks), '');
  if (provenance.run.goalsOnly || results.some(({ goal }) => goal !== undefined)) lines.push(...goalTable(results), '');
  const promises = results.filter(({ promise }) => promise !== null);
  const kept = promises.filter(({ met }) => met === true).length;
  const summary = promises.length === 0 ? '' : ` ${kept} of ${promises.length} promises kept.`;
  lines.push(`Values are medians of the runs; baselines were measured in turn with them.${summary}`);
  return lines.join('\n');
}

function benchmarkTables(results: readonly Result[], benchmarks: readonly Benchmark[]): string[] {
  const tabled = new Set(benchmarks.flatMap(({ name, table: own }) => (own === undefined ? [] : [name])));
  const listed = results.filter(({ name }) => !tabled.has(name));
  const [titles, ...rows] = table(COLUMNS, listed.map(row), RIGHT_ALIGNED) as [string, ...string[]];
  const lines = listed.length > 0 ? [titles] : [];
  for (const { name, measures, table: ownTable } of benchmarks) {
    const own = results.filter((result) => result.name === name);
    if (own.length === 0) continue;
    lines.push('', `${name}: ${measures}`);
    lines.push(...(ownTable?.(own) ?? rows.filter((_, i) => listed[i]?.name === name)));
  }
  return lines;
}
