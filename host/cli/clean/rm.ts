// tensor-ipc rm: removes one pool.

import '../../entry/main';
import { removePool } from '../../inspect-remove';
import { defineCommand, EXIT_OK, UsageError } from '../command';
import { missing } from '../look/info';

const NAME = 'rm';

export const rmCommand = defineCommand({
  name: NAME,
  summary: 'Remove a pool by name.',
  usage: 'NAME',
  details:
    'Also a damaged one. A pool with a live producer, and an object that is no pool, are refused without --force. Removing\n' +
    'takes the name away: processes that are attached go on with what they have, and newcomers do not find it.',
  options: {
    force: { type: 'boolean', help: 'Whatever it is, and whether its producer lives or not.' },
  },
  examples: [
    [`${NAME} camera`, 'a pool whose producer died'],
    [`${NAME} camera --force`, 'whatever stands in the way'],
  ],
  async run(values, [name, ...more]) {
    if (name === undefined) throw new UsageError(`no pool given: tensor-ipc ${NAME} NAME`, NAME);
    if (more.length > 0) throw new UsageError(`one pool, found also ${more.join(' ')}`, NAME);
    const removed = removePool(name, { force: values.force === true });
    if (removed.length === 0) throw missing(name);
    process.stdout.write(removed.map((file) => `removed ${file}\n`).join(''));
    return EXIT_OK;
  },
});
