// tensor-ipc top: the pools, again and again.

import { setTimeout } from 'node:timers/promises';
import { list } from '../../entry/main';
import { defineCommand, EXIT_OK, UsageError, wholeNumber } from '../command';
import { LivePage } from '../live';
import { styleOf } from '../terminal';
import { poolTable, pythonRows, rowsSince } from './rows';

const NAME = 'top';
const DEFAULT_INTERVAL_MS = 1000;

export const topCommand = defineCommand({
  name: NAME,
  summary: 'Watch all pools: the table of "ls", redrawn.',
  usage: '',
  details: 'On a terminal the table is redrawn in place; piped, there is a table for each interval. Ctrl-C ends it.',
  options: {
    interval: { type: 'string', value: 'MS', help: `Time between two tables. Default ${DEFAULT_INTERVAL_MS}.` },
    count: { type: 'string', value: 'N', help: 'End after so many tables.' },
  },
  examples: [
    [NAME, 'until Ctrl-C'],
    [`${NAME} --interval 5000 --count 12 > pools.txt`, 'a minute, for the record'],
  ],
  async run(values, positionals) {
    if (positionals.length > 0) throw new UsageError(`${NAME} takes no name, found ${positionals.join(' ')}`, NAME);
    const intervalMs = wholeNumber(NAME, 'interval', values.interval, 1, 600_000) ?? DEFAULT_INTERVAL_MS;
    const count = wholeNumber(NAME, 'count', values.count, 1, 2 ** 31) ?? Infinity;
    const page = new LivePage();
    let earlier = list();
    for (let i = 0; i < count; i++) {
      await setTimeout(intervalMs);
      const rows = rowsSince(earlier);
      const python = pythonRows();
      earlier = rows.map(({ entry }) => entry);
      page.show([
        ...poolTable(rows, python, styleOf(process.stdout)),
        ...(rows.length + python.length === 0 ? ['no pools'] : []),
      ]);
    }
    return EXIT_OK;
  },
});
