// Screens of the command line as text fixtures: what varies from run to run is given the value that the fixtures have, and tables are set
// anew around it. Before that the columns of every table are checked as the terminal showed them.
//
// The rules. Numbers of a pool that is at work (rates, ages, counts of frames, times) become those of WORK. Pids, ids, times of day, owners
// and the names of doorbells become fixed ones. A pool that is late is live: the machine of the test was slow. All else stands as it was.

import * as assert from 'uvu/assert';

/** Frames a second of the scene's pools, and what they come to in MB. */
const WORK: Readonly<Record<string, { readonly rate: string; readonly bandwidth: string }>> = {
  camera: { rate: '30.0/s', bandwidth: '27.6' },
  lidar: { rate: '10.0/s', bandwidth: '≤36.0' },
  'wrist.camera': { rate: '5.00/s', bandwidth: '1.92' },
};

const AGE = /^[\d.]+ (ms|s|min|h|d)$/;

/** Cells by the title of their column, and by the first cell of their row. */
const CELLS: Readonly<Record<string, (cell: string, pool: string) => string>> = {
  STATE: (cell) => (cell === 'late' ? 'live' : cell),
  RATE: (cell, pool) => (/^[1-9.]|^0\.\d/.test(cell) ? (WORK[pool]?.rate ?? cell) : cell),
  'MB/s': (cell, pool) => (/[1-9]/.test(cell) ? (WORK[pool]?.bandwidth ?? cell) : cell),
  LAG: (cell) => (/^\d+$/.test(cell) ? '0' : cell),
  AGE: (cell, pool) => (AGE.test(cell) ? (WORK[pool] === undefined ? '8.21 s' : '12.6 ms') : cell),
  FOR: (cell) => (AGE.test(cell) ? '4.57 s' : cell),
  LAST: () => '181',
  TAKEN: () => '148',
  MISSED: () => '0',
};

const HEX = '[0-9a-f]{16}';

/** Text outside of tables. */
const TEXTS: readonly (readonly [pattern: RegExp, put: string])[] = [
  [new RegExp(`tensoripc-bell\\.([A-Za-z0-9_.-]+)\\.${HEX}`, 'g'), 'tensoripc-bell.$1.a6f19575eb2a0cb8'],
  [new RegExp(`^(pool id +)${HEX}`, 'gm'), '$1a5a1aac698e5218d'],
  [/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '2026-11-20T14:12:03.559Z'],
  [/\buid \d+/g, 'uid 1000'],
  [/\bfor [\d.]+ (ms|s|min)/g, 'for 5.65 s'],
  [/^(state +)late/gm, '$1live'],
  [/, (in time|late by [\d.]+ \w+)$/gm, ', in time'],
  [/\b\d+ refused, \d+ overrun, \d+ waits/g, '0 refused, 0 overrun, 0 waits'],
  [/\b\d+ frames, [1-9][\d.]*\/s, the latest [\d.]+ ms ago/g, '182 frames, 30.0/s, the latest 12.6 ms ago'],
  [/the latest [\d.]+ (s|min) ago/g, 'the latest 8.21 s ago'],
  // The summary of top: all that live, or none of it measured yet.
  [/(\d+ live), [\d.]+ MB\/s/g, '$1, 65.5 MB/s'],
  // Doorbells of readers that come and go.
  [/\b\d+ in use/g, '4 in use'],
  [/rate [\d.]+\/s ([▁-█]+)/g, 'rate 30.0/s $1'],
  [/latency ([\d.]+ ms|-) ([▁-█·]+)/g, 'latency 0.566 ms $2'],
  [/dropped \d+/g, 'dropped 0'],
  [/[▁-█·]+/g, '████'],
  [/^frame \d+ {2}age [\d.]+ m?s/gm, 'frame 182  age 12.6 ms'],
  [/, frame \d+, values/g, ', frame 182, values'],
  [/[\d.]+\/s {2}min [\d.]+ {2}max [\d.]+ {2}std [\d.]+ [mµ]?s/g, '30.0/s  min 29.8  max 37.0  std 1.86 ms'],
  [/[\d.]+ MB\/s {2}mean/g, '27.6 MB/s  mean'],
  [/\b(window|frames) \d+$/gm, '$1 30'],
];

/** A head: words in capitals, apart by two spaces or more. */
const HEAD = /^ *(NAME|#) {2,}[A-Z]/;

/** @param pids What the pids of the scene are called instead. */
export function normal(screen: string, pids: ReadonlyMap<string, string>): string {
  const called = (text: string) => text.replaceAll(/\b\d+\b/g, (number) => pids.get(number) ?? number);
  const lines = screen.split('\n');
  const done: string[] = [];
  for (let at = 0; at < lines.length; ) {
    let end = at + 1;
    if (HEAD.test(lines[at] ?? ''))
      while (end < lines.length && /\S {2,}\S/.test(lines[end] ?? '') && !isFoot(lines[end] ?? '')) end++;
    done.push(...(end > at + 1 ? tableOf(lines.slice(at, end), called) : [called(lines[at] ?? '')]));
    at = end;
  }
  return TEXTS.reduce((text, [pattern, put]) => text.replaceAll(pattern, put), done.join('\n'));
}

function isFoot(line: string): boolean {
  return line.startsWith('Order:');
}

interface Cell {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

function cellsOf(line: string): Cell[] {
  return [...line.matchAll(/\S+(?: \S+)*/g)].map(({ 0: text, index }) => ({ text, start: index, end: index + text.length }));
}

/** A table whose columns stand, set anew with the cells of the fixtures. */
function tableOf(lines: readonly string[], called: (text: string) => string): string[] {
  const rows = lines.map(cellsOf);
  const [head = []] = rows;
  for (const [i, row] of rows.entries()) assert.is(row.length, head.length, `a cell for each column:\n${lines[0]}\n${lines[i]}`);
  const right = head.map((_, column) => {
    const cells = rows.map((row) => row[column] as Cell);
    const atStart = cells.every(({ start }) => start === cells[0]?.start);
    const atEnd = cells.every(({ end }) => end === cells[0]?.end);
    assert.ok(atStart || atEnd, `column ${head[column]?.text} stands in line:\n${lines.join('\n')}`);
    // Both: as columns of numbers do, when all happen to be of a length.
    return atEnd && /^(PID|HISTORY|SIZE|RATE|MB\/s|CONSUMERS|LAG|AGE|FOR|LAST|TAKEN|MISSED|#)$/.test(head[column]?.text ?? '');
  });
  const texts = rows.map((row, i) =>
    row.map(({ text }, column) => {
      const title = head[column]?.text ?? '';
      if (i === 0) return text;
      return title === 'PID' ? called(text) : (CELLS[title]?.(text, row[0]?.text ?? '') ?? text);
    }),
  );
  const widths = head.map((_, column) => Math.max(...texts.map((row) => (row[column] as string).length)));
  const indent = ' '.repeat(head[0]?.text === '#' ? 2 : 0);
  return texts.map((row) =>
    (
      indent +
      row.map((text, i) => (right[i] === true ? text.padStart(widths[i] as number) : text.padEnd(widths[i] as number))).join('  ')
    ).trimEnd(),
  );
}

/** The findings of the doctor: a line each, with advice below. By what they are about. */
export function findings(screen: string): Map<string, { readonly mark: string; readonly text: string }> {
  const found = new Map<string, { mark: string; text: string }>();
  let what = '';
  for (const line of screen.split('\n')) {
    const match = /^(ok|hint|absent|MISSING) +(\S+(?: \S+)*) {2,}/.exec(line);
    if (match !== null) what = match[2] as string;
    const before = found.get(what);
    if (match !== null) found.set(what, { mark: match[1] as string, text: line });
    else if (before !== undefined) found.set(what, { ...before, text: `${before.text}\n${line}` });
  }
  return found;
}
