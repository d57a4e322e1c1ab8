// tensor-ipc rm: removes one pool.

import { inspectPythonPool, removePool, removePythonPool } from '../../entry/inspection';
import { showName } from '../format';
import { print } from '../output';
import '../../entry/main';
import { CliError, defineCommand, EXIT_OK, UsageError } from '../command';
import { missing } from '../look/info';
import { saidWire } from '../wire/options';

const NAME = 'rm';

export const rmCommand = defineCommand({
  name: NAME,
  summary: 'Remove a pool by name.',
  usage: 'NAME',
  details:
    'Also a damaged one. A pool with a live producer, and an object that is no pool, are refused without --force. Removing\n' +
    'takes the name away: processes that are attached go on with what they have, and newcomers do not find it.',
  options: {
    wire: {
      type: 'string',
      value: 'WIRE',
      help: "'native' (default), or 'tensor-ipc' for a pool of the Python package and its locks.",
    },
    force: { type: 'boolean', help: 'Whatever it is, and whether its producer lives or not.' },
  },
  examples: [
    [`${NAME} camera`, 'a pool whose producer died'],
    [`${NAME} camera --force`, 'whatever stands in the way'],
    [`${NAME} policy --wire tensor-ipc`, 'a Python pool, and its locks'],
  ],
  async run(values, [name, ...more]) {
    if (name === undefined) throw new UsageError(`no pool given: tensor-ipc ${NAME} NAME`, NAME);
    if (more.length > 0) throw new UsageError(`one pool, found also ${more.join(' ')}`, NAME);
    const { wire } = saidWire(NAME, values) ?? { wire: 'native' as const };
    const remove = wire === 'native' ? removePool : removePythonPool;
    const removed = remove(name, { force: values.force === true });
    if (removed.length === 0) {
      // To be removed only when it was meant.
      if (wire === 'native' && inspectPythonPool(name) !== null)
        throw new CliError(`there is no native pool '${name}', but one of the Python package: add --wire tensor-ipc`);
      throw missing(name, wire);
    }
    print(removed.map((file) => `removed ${showName(file)}\n`).join(''));
    return EXIT_OK;
  },
});
