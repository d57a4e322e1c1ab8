// tensor-ipc doctor: whether this machine has what pools need, and what to do where it has not.

import { printable } from '../../entry/inspection';
import { defineCommand, EXIT_FAILURE, EXIT_OK, UsageError } from '../command';
import { print, toJson } from '../output';
import { styleOf, widthOf } from '../terminal';
import { DOMAIN_OPTION, domainOf } from '../wire/options';
import { hanging } from '../wrap';
import { type Finding, limits, native, optional, system } from './checks';
import { cyclone } from './dds';
import { repairLocks } from './repair';

const NAME = 'doctor';
const MARKS = { ok: 'ok', hint: 'hint', absent: 'absent', missing: 'MISSING' } as const;

export const doctorCommand = defineCommand({
  name: NAME,
  summary: 'Check this machine: shared memory, limits, and what is installed.',
  usage: '',
  details:
    'MISSING is what pools cannot do without, and ends the command with code 1. "absent" is needed by some features only;\n' +
    '"hint" is worth a thought. One of the checks makes a pool of its own and removes it.\n\n' +
    'With --repair: watches the locks of a Python pool for half a second, and sets those that are stuck to free if no process has the\n' +
    'pool mapped, or with --force. Locks that change meanwhile are in use, and never touched. Ends with code 1 if stuck ones are left,\n' +
    'or there is no such pool.',
  options: {
    repair: { type: 'string', value: 'NAME', help: 'Free the locks of this Python pool that a dead process left taken.' },
    force: { type: 'boolean', help: 'With --repair: although processes take part in the pool.' },
    domain: { ...DOMAIN_OPTION, help: 'DDS domain to check. Default 0.' },
    json: { type: 'boolean', help: 'Print JSON.' },
  },
  examples: [
    [NAME, 'the whole list'],
    [`${NAME} --repair camera`, 'a Python pool that hangs'],
  ],
  async run(values, positionals) {
    if (positionals.length > 0) throw new UsageError(`${NAME} takes no argument, found ${positionals.join(' ')}`, NAME);
    const domainId = domainOf(NAME, values);
    if (values.repair !== undefined) {
      if (domainId !== undefined) throw new UsageError('locks are of the machine, not of a domain: leave --domain out', NAME);
      return repairLocks(values.repair, values.force === true, values.json === true);
    }
    if (values.force) throw new UsageError('--force goes with --repair NAME', NAME);
    const findings = [...system(), ...native(), ...limits(), ...(await cyclone(domainId ?? 0)), ...optional()];
    print(values.json ? `${toJson(findings)}\n` : report(findings));
    return findings.some(({ status }) => status === 'missing') ? EXIT_FAILURE : EXIT_OK;
  },
});

function report(findings: readonly Finding[]): string {
  const { red, dim } = styleOf(process.stdout);
  const paint = { ok: (text: string) => text, hint: (text: string) => text, absent: dim, missing: red };
  const width = widthOf(process.stdout);
  const what = Math.max(...findings.map((finding) => finding.what.length));
  return findings
    .map(({ status, what: name, found, advice }) => {
      const lines = hanging([[MARKS[status].padEnd(7), name.padEnd(what), printable(found)]], width);
      const more = advice === undefined ? [] : hanging([['       ', printable(advice)]], width);
      return `${[paint[status](lines.join('\n')), ...more].join('\n')}\n`;
    })
    .join('');
}
