// Numbers, names and tables for people.

import { quoted } from '../entry/inspection';

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** "1.3 MB": three digits and a decimal unit. */
export function showBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : threeDigits(value)} ${BYTE_UNITS[unit]}`;
}

/** "0.042", "4.20", "420": enough digits to compare. */
export function threeDigits(value: number): string {
  if (value >= 99.95) return value.toFixed(0);
  if (value >= 9.995) return value.toFixed(1);
  return value >= 0.9995 ? value.toFixed(2) : value.toFixed(3);
}

/** Milliseconds, or a dash where there is none. */
export function showMs(ms: number | null): string {
  return ms === null ? '-' : threeDigits(ms);
}

/** A number of a value range, short. */
export function showValue(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
}

/** Rows as left-aligned columns. */
export function columns(rows: readonly (readonly string[])[], gap = '  '): string {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  return rows
    .map((row) => row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] as number))).join(gap))
    .join('\n');
}

/** A table: a head, and rows whose cells are right-aligned where the column is one of numbers. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], numbers: readonly boolean[]): string[] {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => (row[i] ?? '').length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => (numbers[i] === true ? cell.padStart(widths[i] as number) : cell.padEnd(widths[i] as number)))
      .join('  ')
      .trimEnd();
  return [line(head), ...rows.map(line)];
}

/** Columns that a name keeps, however narrow the terminal. */
const LEAST_NAME = 8;

/**
 * A table that a terminal of `width` columns holds in single lines: columns that can be spared go, in the order given, until it fits; then
 * the first column is cut, and at last the lines are. Elsewhere (null) it is whole.
 */
export function fittedTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  numbers: readonly boolean[],
  spare: readonly string[],
  width: number | null,
): string[] {
  const whole = table(head, rows, numbers);
  if (width === null || whole.every((line) => line.length <= width)) return whole;
  // One long name is no reason to hide what all the others are.
  const most = Math.floor(width / 2);
  if (rows.some(([name = '']) => name.length > most)) return fittedTable(head, shortened(rows, most), numbers, spare, width);
  const [next, ...rest] = spare;
  if (next !== undefined) {
    const at = head.indexOf(next);
    const without = <T>(cells: readonly T[]) => cells.filter((_, i) => i !== at);
    return fittedTable(without(head), rows.map(without), without(numbers), rest, width);
  }
  const names = Math.max(...rows.map(([name = '']) => name.length));
  const over = Math.max(...whole.map((line) => line.length)) - width;
  if (names > LEAST_NAME) {
    const short = shortened(rows, Math.max(LEAST_NAME, names - over));
    return table(head, short, numbers).map((line) => cut(line, width));
  }
  return whole.map((line) => cut(line, width));
}

/** The first cell of each row, cut. */
function shortened(rows: readonly (readonly string[])[], most: number): string[][] {
  return rows.map(([name = '', ...cells]) => [cut(name, most), ...cells]);
}

/** A text that is cut to so many columns, with a sign of it. */
export function cut(text: string, room: number): string {
  return text.length <= room ? text : `${text.slice(0, Math.max(0, room - 1))}…`;
}

/** What a pool may be called. */
const PLAIN_NAME = /^[A-Za-z0-9_.-]{1,200}$/;

/** Whether it can be a pool's name: letters, digits, and three characters that mean nothing to a shell. */
export function isPlainName(name: string): boolean {
  return PLAIN_NAME.test(name);
}

/** A name from outside, for a cell of a table: what is no name of ours stands in quotes, so that it cannot pass for columns or rows. */
export function showName(name: string): string {
  return /^[A-Za-z0-9_.-]+$/.test(name) ? name : quoted(name);
}
