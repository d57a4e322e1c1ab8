// tensor-ipc completion: what a shell needs to complete our command lines, made from the command table.

import { type Command, defineCommand, EXIT_OK, UsageError } from '../command';
import { PROGRAM } from '../help';
import { print } from '../output';
import { bashScript } from './bash';
import { fishScript } from './fish';
import { zshScript } from './zsh';

const NAME = 'completion';

const SHELLS: Readonly<Record<string, (commands: readonly Command[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

/** @param commands The table, which this command is in itself. */
export function completionCommand(commands: () => readonly Command[]): Command {
  return defineCommand({
    name: NAME,
    summary: 'Print a completion script for a shell.',
    usage: 'bash|zsh|fish',
    details: 'Completes commands, options and their values, shells, and the names of the pools that there are at the time.',
    options: {},
    examples: [
      [`${NAME} bash > ~/.local/share/bash-completion/completions/${PROGRAM}`, 'bash'],
      [`${NAME} zsh > ~/.zfunc/_${PROGRAM}`, 'zsh, with ~/.zfunc in $fpath'],
      [`${NAME} fish > ~/.config/fish/completions/${PROGRAM}.fish`, 'fish'],
    ],
    async run(_values, [shell, ...more]) {
      const script = shell !== undefined && Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined;
      if (script === undefined || more.length > 0) {
        throw new UsageError(`one shell of ${Object.keys(SHELLS).join(', ')}, found ${shell ?? 'none'}`, NAME);
      }
      print(script(commands().filter((command) => command.hidden !== true)));
      return EXIT_OK;
    },
  });
}
