// tensor-ipc ls: every pool of this machine.

import { list } from '../../entry/main';
import { defineCommand, EXIT_OK, UsageError, wholeNumber } from '../command';
import { styleOf } from '../terminal';
import { entryJson } from './json';
import { DEFAULT_INTERVAL_MS, lookTwice, poolTable } from './rows';

const NAME = 'ls';

export const lsCommand = defineCommand({
  name: NAME,
  summary: 'List the pools: shape, rate, consumers, and whether they live.',
  usage: '',
  details:
    'STATE is live, closed (its producer said so), dead (its producer is gone), building, damaged, foreign (not a pool of\n' +
    'this version) or denied. LAG is that of the slowest consumer, in frames. Nothing is written to any pool.',
  options: {
    json: { type: 'boolean', help: 'Print JSON.' },
    interval: { type: 'string', value: 'MS', help: `Measure rates over so long. Default ${DEFAULT_INTERVAL_MS}.` },
    names: { type: 'boolean', help: 'Print names only, without waiting for rates.' },
  },
  examples: [
    [NAME, 'what is there'],
    [`${NAME} --json`, 'for programs'],
  ],
  async run(values, positionals) {
    if (positionals.length > 0)
      throw new UsageError(`${NAME} takes no name; did you mean "tensor-ipc info ${positionals[0]}"?`, NAME);
    const intervalMs = wholeNumber(NAME, 'interval', values.interval, 1, 600_000) ?? DEFAULT_INTERVAL_MS;
    if (values.names) {
      process.stdout.write(
        list()
          .map(({ name }) => `${name}\n`)
          .join(''),
      );
      return EXIT_OK;
    }
    const rows = await lookTwice(intervalMs);
    if (values.json) process.stdout.write(`${JSON.stringify(rows.map(entryJson), null, 2)}\n`);
    else if (rows.length > 0) process.stdout.write(`${poolTable(rows, styleOf(process.stdout)).join('\n')}\n`);
    else process.stderr.write('no pools\n');
    return EXIT_OK;
  },
});
