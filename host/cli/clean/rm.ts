// tensor-ipc rm: removes one pool.

import { removePool, removePythonPool } from '../../entry/inspection';
import { showName } from '../format';
import { print } from '../output';
import '../../entry/main';
import { defineCommand, EXIT_OK, UsageError } from '../command';
import { missing } from '../look/info';
import { saidWire, WIRES } from '../wire/options';

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
      choices: WIRES,
      help: "'native', or 'tensor-ipc' for a pool of the Python package and its locks. Default: whichever there is.",
    },
    force: { type: 'boolean', help: 'Whatever it is, and whether its producer lives or not.' },
  },
  examples: [
    [`${NAME} camera`, 'a pool whose producer died'],
    [`${NAME} camera --force`, 'whatever stands in the way'],
    [`${NAME} policy --wire tensor-ipc`, 'the Python pool of that name, and its locks'],
  ],
  async run(values, [name, ...more]) {
    if (name === undefined) throw new UsageError(`no pool given: tensor-ipc ${NAME} NAME`, NAME);
    if (more.length > 0) throw new UsageError(`one pool, found also ${more.join(' ')}`, NAME);
    const said = saidWire(NAME, values)?.wire;
    const force = values.force === true;
    // As elsewhere: the native pool of the name, or else the Python pool.
    let removed = said === 'tensor-ipc' ? [] : removePool(name, { force });
    if (removed.length === 0 && said !== 'native') removed = removePythonPool(name, { force });
    if (removed.length === 0) throw missing(name, said);
    print(removed.map((file) => `removed ${showName(file)}\n`).join(''));
    return EXIT_OK;
  },
});
