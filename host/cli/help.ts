// The texts of --help, made from the command table.

import type { Command, OptionTable } from './command';
import type { Style } from './terminal';
import { commandLine, hanging, paragraphs, wrap } from './wrap';

export const PROGRAM = 'tensor-ipc';

const COMMON_OPTIONS: OptionTable = {
  help: { type: 'boolean', help: 'Show this help.' },
};

/** What a command ends with. */
const EXIT_CODES = [
  ['  0', 'Done. Closing the pipe early ("| head") is not an error.'],
  ['  1', 'It did not work; a line on the standard error says why.'],
  ['  2', 'The command line is wrong; nothing was done.'],
];

export function programHelp(commands: readonly Command[], { bold }: Style, width: number): string {
  const visible = commands.filter((command) => command.hidden !== true);
  return [
    ...wrap(`${PROGRAM}: share tensors between processes through shared memory`, width).map((line) =>
      line.replace(PROGRAM, bold(PROGRAM)),
    ),
    '',
    `${bold('Usage')}: ${PROGRAM} COMMAND [OPTIONS]`,
    '',
    bold('Commands'),
    ...hanging(
      visible.map(({ name, summary }) => [`  ${name}`, summary]),
      width,
      '   ',
    ),
    '',
    bold('Options'),
    ...hanging(
      [
        ['  --help', 'Show this help, or that of a command.'],
        ['  --version', 'Show the version.'],
      ],
      width,
      '   ',
    ),
    '',
    bold('Examples'),
    // Those that fit side by side: each command's help has all of its own.
    ...examples(
      visible.flatMap(({ examples: [first] }) => (first !== undefined && fitsHalves(first, width) ? [first] : [])),
      width,
    ),
    '',
    bold('Exit codes'),
    ...hanging(EXIT_CODES, width, '   '),
    '',
    ...wrap(`"${PROGRAM} COMMAND --help" says more about a command.`, width),
    '',
  ].join('\n');
}

export function commandHelp(command: Command, { bold }: Style, width: number): string {
  const usage = [PROGRAM, command.name, command.usage, '[OPTIONS]'].filter((part) => part !== '').join(' ');
  const options = Object.entries({ ...command.options, ...COMMON_OPTIONS })
    .filter(([, option]) => option.hidden !== true)
    .map(([name, { value, help }]) => [`  --${name}${value === undefined ? '' : ` ${value}`}`, help]);
  return [
    `${bold('Usage')}: ${usage}`,
    '',
    ...wrap(command.summary, width),
    ...(command.details === undefined ? [] : ['', ...paragraphs(command.details, width)]),
    '',
    bold('Options'),
    ...hanging(options, width, '   '),
    '',
    bold('Examples'),
    ...examples(command.examples, width),
    '',
  ].join('\n');
}

type Example = Command['examples'][number];

/** Whether the command takes half of a line at most, and its comment the other half. */
function fitsHalves([line, what]: Example, width: number): boolean {
  const half = Math.floor(width / 2);
  return `  ${PROGRAM} ${line}`.length <= half && `   # ${what}`.length <= half;
}

function examples(list: readonly Example[], width: number): string[] {
  const rows = list.map(([line, what]) => [`  ${PROGRAM} ${line}`, `# ${what}`]);
  const widest = Math.max(...rows.map(([line = '']) => line.length));
  if (rows.every(([, what = '']) => widest + 3 + what.length <= width)) return hanging(rows, width, '   ');
  return list.flatMap(([line, what]) => [
    ...wrap(what, width - 4).map((text) => `  # ${text}`),
    ...commandLine(`${PROGRAM} ${line}`, width, '  '),
  ]);
}
