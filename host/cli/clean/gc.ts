// tensor-ipc gc: removes what the dead left behind.

import '../../entry/main';
import { type Removal, removeDead } from '../../inspect-remove';
import { defineCommand, EXIT_OK } from '../command';
import { showBytes, table } from '../format';
import { styleOf } from '../terminal';

const NAME = 'gc';

export const gcCommand = defineCommand({
  name: NAME,
  summary: 'Remove the pools and bells of processes that died.',
  usage: '[NAME…]',
  details:
    'Removed is only what is provably dead: pools whose producer holds its lock no longer and to which no live consumer is\n' +
    'attached, and bells that no process has open. What is damaged, foreign or of another user is left alone, and named.\n' +
    'With names, only those pools are looked at.',
  options: {
    'dry-run': { type: 'boolean', help: 'Say what would be removed, and remove nothing.' },
    json: { type: 'boolean', help: 'Print JSON.' },
  },
  examples: [
    [`${NAME} --dry-run`, 'what would go'],
    [NAME, 'let it go'],
  ],
  async run(values, pools) {
    const dryRun = values['dry-run'] === true;
    const removals = removeDead({ dryRun, ...(pools.length === 0 ? {} : { pools }) });
    process.stdout.write(`${values.json ? JSON.stringify(removals, null, 2) : report(removals, dryRun)}\n`);
    return EXIT_OK;
  },
});

function report(removals: readonly Removal[], dryRun: boolean): string {
  const { bold } = styleOf(process.stdout);
  const removed = removals.filter(({ action }) => action === 'removed');
  const worthSaying = removals.filter(({ action }) => action !== 'kept');
  const words = { removed: dryRun ? 'would remove' : 'removed', kept: 'kept', unknown: 'left alone' };
  const [, ...lines] = table(
    ['', '', ''],
    worthSaying.map(({ action, file, reason }) => [words[action], file, reason]),
    [],
  );
  const bytes = removed.reduce((sum, removal) => sum + removal.bytes, 0);
  const kept = removals.length - worthSaying.length;
  const summary = `${removed.length} ${dryRun ? 'to remove' : 'removed'} (${showBytes(bytes)}), ${kept} in use, ${worthSaying.length - removed.length} left alone`;
  return [...lines, bold(summary)].join('\n');
}
