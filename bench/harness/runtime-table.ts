// The table of runtimes: a column for each, a row for each figure with how many times its limit that is.

import type { Result } from './contract';
import { digits, readable } from './format';
import { findRuntimes, HOW_TO_INSTALL } from './runtimes';

const OVER_PROMISE = '!';
/** How many times a limit of a few nanoseconds something takes says nothing: calls cost more than the words they change. */
const COMPARED_FROM_NS = 100;

function sizeText(bytes: number): string {
  return bytes < 1000 ? `${bytes} B` : `${digits(bytes / 1e6)} MB`;
}

const rowOf = ({ metric, size }: Result) => `${metric}, ${sizeText(size)}`;

function cell(result: Result | undefined): string {
  if (result === undefined) return '';
  const { value, unit, baseline, ratio, met } = result;
  const mark = met === false ? ` ${OVER_PROMISE}` : '';
  const text = readable(value, unit);
  if (baseline === null) return text + mark;
  if (ratio === null) return `${text} (${digits(baseline)})${mark}`;
  return baseline < COMPARED_FROM_NS ? text + mark : `${text} ${ratio.toFixed(2)}×${mark}`;
}

export function runtimeTable(results: readonly Result[]): string[] {
  const titles = [...new Set(results.map(({ runtime }) => runtime ?? ''))];
  const rows = [['', ...titles, 'promise', 'against']];
  // A row's promise and limit are those of any of its results that has one.
  for (const row of new Set(results.map(rowOf))) {
    const own = results.filter((result) => rowOf(result) === row);
    const promise = own.find((result) => result.promise !== null)?.promise ?? '';
    const cells = titles.map((title) => cell(own.find(({ runtime }) => runtime === title)));
    rows.push([row, ...cells, promise, own[0]?.against ?? '']);
  }
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((cells) => cells[i]?.length ?? 0))) ?? [];
  const isText = (column: number) => column === 0 || column > titles.length;
  const lines = rows.map((cells) =>
    cells
      .map((text, i) => (isText(i) ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
  for (const name of findRuntimes().absent) lines.push(`${name}: absent, ${HOW_TO_INSTALL}`);
  lines.push(`× is how many times the limit; in brackets the limit itself. ${OVER_PROMISE} is over what is promised.`);
  return lines;
}
