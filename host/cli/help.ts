// The texts of --help, made from the command table.

import type { Command, OptionTable } from './command';
import { columns } from './format';
import type { Style } from './terminal';

export const PROGRAM = 'tensor-ipc';

const COMMON_OPTIONS: OptionTable = {
  help: { type: 'boolean', help: 'Show this help.' },
};

export function programHelp(commands: readonly Command[], { bold }: Style): string {
  const visible = commands.filter((command) => command.hidden !== true);
  return [
    `${bold(PROGRAM)}: share tensors between processes through shared memory`,
    '',
    `${bold('Usage')}: ${PROGRAM} COMMAND [OPTIONS]`,
    '',
    bold('Commands'),
    columns(
      visible.map(({ name, summary }) => [`  ${name}`, summary]),
      '   ',
    ),
    '',
    bold('Options'),
    columns(
      [
        ['  --help', 'Show this help, or that of a command.'],
        ['  --version', 'Show the version.'],
      ],
      '   ',
    ),
    '',
    bold('Examples'),
    examples(visible.flatMap((command) => command.examples.slice(0, 1))),
    '',
    `"${PROGRAM} COMMAND --help" tells more about a command.`,
    '',
  ].join('\n');
}

export function commandHelp(command: Command, { bold }: Style): string {
  const usage = [PROGRAM, command.name, command.usage, '[OPTIONS]'].filter((part) => part !== '').join(' ');
  const options = Object.entries({ ...command.options, ...COMMON_OPTIONS })
    .filter(([, option]) => option.hidden !== true)
    .map(([name, { value, help }]) => [`  --${name}${value === undefined ? '' : ` ${value}`}`, help]);
  return [
    `${bold('Usage')}: ${usage}`,
    '',
    command.summary,
    ...(command.details === undefined ? [] : ['', command.details]),
    '',
    bold('Options'),
    columns(options, '   '),
    '',
    bold('Examples'),
    examples(command.examples),
    '',
  ].join('\n');
}

function examples(list: Command['examples']): string {
  return columns(
    list.map(([line, what]) => [`  ${PROGRAM} ${line}`, `# ${what}`]),
    '   ',
  );
}
