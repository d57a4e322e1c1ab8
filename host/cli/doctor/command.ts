// tensor-ipc doctor: whether this machine has what pools need, and what to do where it has not.

import { defineCommand, EXIT_FAILURE, EXIT_OK, UsageError } from '../command';
import { columns } from '../format';
import { styleOf } from '../terminal';
import { type Finding, limits, native, optional, system } from './checks';

const NAME = 'doctor';
const MARKS = { ok: 'ok', hint: 'hint', absent: 'absent', missing: 'MISSING' } as const;

export const doctorCommand = defineCommand({
  name: NAME,
  summary: 'Check this machine: shared memory, limits, and what is installed.',
  usage: '',
  details:
    'MISSING is what pools cannot do without, and ends the command with code 1. "absent" is needed by some features only;\n' +
    '"hint" is worth a thought. One of the checks makes a pool of its own and removes it.',
  options: { json: { type: 'boolean', help: 'Print JSON.' } },
  examples: [[NAME, 'the whole list']],
  async run(values, positionals) {
    if (positionals.length > 0) throw new UsageError(`${NAME} takes no argument, found ${positionals.join(' ')}`, NAME);
    const findings = [...system(), ...native(), ...limits(), ...optional()];
    process.stdout.write(values.json ? `${JSON.stringify(findings, null, 2)}\n` : report(findings));
    return findings.some(({ status }) => status === 'missing') ? EXIT_FAILURE : EXIT_OK;
  },
});

function report(findings: readonly Finding[]): string {
  const { red, dim } = styleOf(process.stdout);
  const paint = { ok: (text: string) => text, hint: (text: string) => text, absent: dim, missing: red };
  const lines = columns(findings.map(({ status, what, found }) => [MARKS[status], what, found])).split('\n');
  return findings
    .map(({ status, advice }, i) => `${paint[status](lines[i] as string)}\n${advice === undefined ? '' : `         ${advice}\n`}`)
    .join('');
}
