// tensor-ipc top: the pools, again and again.

import { setTimeout } from 'node:timers/promises';
import { list } from '../../entry/main';
import { defineCommand, EXIT_OK, UsageError, wholeNumber } from '../command';
import { print } from '../output';
import { isTerminal, styleOf } from '../terminal';
import { poolLines, poolTable, TOP_TABLE } from './pool-table';
import { pythonRows, type Row, rowsSince } from './rows';
import { TopPage } from './top-page';

const NAME = 'top';
const DEFAULT_INTERVAL_MS = 1000;

export const topCommand = defineCommand({
  name: NAME,
  summary: 'Watch all pools: rate, MB/s, pid, lag and age, redrawn.',
  usage: '',
  details:
    'On a terminal it fills the screen, and keys order the pools: n by name, r by rate, b by MB/s, c by consumers, l by lag,\n' +
    'a by age; the same key again turns the order round. The arrow keys scroll. q or Ctrl-C ends it. Without a terminal it\n' +
    'prints one table for each interval.\n\n' +
    'MB/s is the rate times the size of a frame, and "≤" marks frames of varying length. PID is that of the producer, LAG\n' +
    'that of the slowest consumer in frames, AGE the time since the newest frame.',
  options: {
    interval: { type: 'string', value: 'MS', help: `Time between two tables. Default ${DEFAULT_INTERVAL_MS}.` },
    count: { type: 'string', value: 'N', help: 'End after so many tables.' },
  },
  examples: [
    [NAME, 'until q or Ctrl-C'],
    [`${NAME} --interval 5000 --count 12 > pools.txt`, 'a minute, for the record'],
  ],
  async run(values, positionals) {
    if (positionals.length > 0) throw new UsageError(`${NAME} takes no name, found ${positionals.join(' ')}`, NAME);
    const intervalMs = wholeNumber(NAME, 'interval', values.interval, 1, 600_000) ?? DEFAULT_INTERVAL_MS;
    const count = wholeNumber(NAME, 'count', values.count, 1, 2 ** 31) ?? Infinity;
    if (isTerminal(process.stdout)) await onScreen(intervalMs, count);
    else await asBlocks(intervalMs, count);
    return EXIT_OK;
  },
});

/** A table for each interval, with an empty line between two. */
async function asBlocks(intervalMs: number, count: number): Promise<void> {
  let earlier = list();
  for (let i = 0; i < count; i++) {
    await setTimeout(intervalMs);
    const rows = rowsSince(earlier);
    earlier = rows.map(({ entry }) => entry);
    const lines = poolLines(rows, pythonRows());
    const table = poolTable(lines, TOP_TABLE, styleOf(process.stdout));
    print(`${i === 0 ? '' : '\n'}${[...table, ...(lines.length === 0 ? ['no pools'] : [])].join('\n')}\n`);
  }
}

/** The first page comes at once, and knows no rates yet. */
async function onScreen(intervalMs: number, count: number): Promise<void> {
  using page = new TopPage(intervalMs);
  let rows: Row[] = list().map((entry) => ({ entry, rateHz: null }));
  for (let i = 0; i < count; i++) {
    if (i > 0) rows = rowsSince(rows.map(({ entry }) => entry));
    page.show(poolLines(rows, pythonRows()));
    if (await page.quits(intervalMs)) return;
  }
}
