import type { Command } from '../command';
import { PROGRAM } from '../help';
import { choicesOf, optionsOf, takesPool } from './facts';

/** fish escapes backslashes and quotes within single quotes, unlike the other shells. */
function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** Names that mean nothing to a shell, whatever lies in /dev/shm; a tab would begin a description. */
const POOLS = `(${PROGRAM} ls --names 2>/dev/null | string match -r '^[A-Za-z0-9_.-]+$')`;

export function fishScript(commands: readonly Command[]): string {
  const complete = (rest: string) => `complete -c ${PROGRAM} ${rest}`;
  const lines = [`# fish completion for ${PROGRAM}`, complete('-f')];
  for (const command of commands) {
    const within = `-n ${quote(`__fish_seen_subcommand_from ${command.name}`)}`;
    lines.push(complete(`-n '__fish_use_subcommand' -a ${command.name} -d ${quote(command.summary)}`));
    for (const { name, takesValue, choices, help } of optionsOf(command)) {
      const value = choices.length > 0 ? ` -x -a ${quote(choices.join(' '))}` : takesValue ? ' -r -F' : '';
      lines.push(complete(`${within} -l ${name}${value} -d ${quote(help)}`));
    }
    if (takesPool(command)) lines.push(complete(`${within} -a ${quote(POOLS)}`));
    if (choicesOf(command).length > 0) lines.push(complete(`${within} -a ${quote(choicesOf(command).join(' '))}`));
  }
  return `${lines.join('\n')}\n`;
}
