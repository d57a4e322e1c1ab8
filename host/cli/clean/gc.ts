// tensor-ipc gc: removes what the dead left behind.

import { type PythonRemoval, printable, type Removal, removeDead, removeDeadPython } from '../../entry/inspection';
import { print, toJson } from '../output';
import '../../entry/main';
import { defineCommand, EXIT_OK, wholeNumber } from '../command';
import { showBytes, showName } from '../format';
import { styleOf, widthOf } from '../terminal';
import { hanging } from '../wrap';

const NAME = 'gc';
const DEFAULT_AGE_S = 60;

export const gcCommand = defineCommand({
  name: NAME,
  summary: 'Remove the pools and doorbells of processes that died.',
  usage: '[NAME…]',
  details:
    'Removed is only what is provably dead: pools whose producer holds its lock no longer and to which no live consumer is\n' +
    'attached, and doorbells that no process has open. What is damaged, foreign or of another user is left alone, and named.\n' +
    'With names, only those pools are looked at. Of the Python package: the pools that no process has mapped, and the locks that its\n' +
    'producers leave, once they are a minute old.',
  options: {
    'dry-run': { type: 'boolean', help: 'Say what would be removed, and remove nothing.' },
    age: { type: 'string', value: 'S', help: `Python pools: leave what is younger. Default ${DEFAULT_AGE_S} seconds.` },
    json: { type: 'boolean', help: 'Print JSON.' },
  },
  examples: [
    [`${NAME} --dry-run`, 'what would go'],
    [NAME, 'let it go'],
  ],
  async run(values, pools) {
    const dryRun = values['dry-run'] === true;
    const minAgeMs = (wholeNumber(NAME, 'age', values.age, 0, 1e9) ?? DEFAULT_AGE_S) * 1000;
    const these = pools.length === 0 ? {} : { pools };
    const removals = [...removeDead({ dryRun, ...these }), ...removeDeadPython({ dryRun, minAgeMs, ...these })];
    print(`${values.json ? toJson(removals) : report(removals, dryRun)}\n`);
    return EXIT_OK;
  },
});

/** A line for all locks of a Python pool: there are four for each slot. */
function gathered(removals: readonly (Removal | PythonRemoval)[]): Removal[] {
  const poolOf = (removal: Removal | PythonRemoval) => ('lockOf' in removal ? removal.lockOf : null);
  const counts = new Map<string, number>();
  for (const removal of removals) {
    const pool = poolOf(removal);
    if (pool !== null) counts.set(pool, (counts.get(pool) ?? 0) + 1);
  }
  return removals.flatMap((removal) => {
    const pool = poolOf(removal);
    if (pool === null) return [{ ...removal, file: showName(removal.file) }];
    const count = counts.get(pool);
    counts.delete(pool);
    return count === undefined
      ? []
      : [{ ...removal, file: `${count} ${count === 1 ? 'lock' : 'locks'} of ${showName(`tensoripc_${pool}`)}` }];
  });
}

function report(removals: readonly Removal[], dryRun: boolean): string {
  const { bold } = styleOf(process.stdout);
  const removed = removals.filter(({ action }) => action === 'removed' || action === 'wouldRemove');
  const worthSaying = removals.filter(({ action }) => action !== 'kept');
  const words = { removed: 'removed', wouldRemove: 'would remove', kept: 'kept', young: 'too young', unknown: 'left alone' };
  const lines = hanging(
    gathered(worthSaying).map(({ action, file, reason }) => [words[action], file, printable(reason)]),
    widthOf(process.stdout),
  );
  const bytes = removed.reduce((sum, removal) => sum + removal.bytes, 0);
  const count = (wanted: Removal['action']) => gathered(removals.filter(({ action }) => action === wanted)).length;
  const young = count('young');
  const parts = [
    `${removed.length} ${dryRun ? 'to remove' : 'removed'} (${showBytes(bytes)})`,
    `${count('kept')} in use`,
    ...(young > 0 ? [`${young} too young`] : []),
    `${removals.filter(({ action }) => action === 'unknown').length} left alone`,
  ];
  const summary = parts.join(', ');
  return [...lines, bold(summary)].join('\n');
}
