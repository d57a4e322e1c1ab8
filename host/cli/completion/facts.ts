// What the three scripts have in common.

import type { Command } from '../command';

/** Options of a command that may be completed, with the one that all have. */
export function optionsOf(command: Command): { name: string; takesValue: boolean; choices: readonly string[]; help: string }[] {
  const own = Object.entries(command.options)
    .filter(([, option]) => option.hidden !== true)
    .map(([name, option]) => ({ name, takesValue: option.type === 'string', choices: option.choices ?? [], help: option.help }));
  return [...own, { name: 'help', takesValue: false, choices: [], help: 'Show the help.' }];
}

/** Whether the command's first argument is a pool. */
export function takesPool(command: Command): boolean {
  return /^\[?NAME/.test(command.usage);
}

/** The words that a command's argument is one of: `bash|zsh|fish`. */
export function choicesOf(command: Command): string[] {
  return command.usage.includes('|') ? command.usage.split('|') : [];
}

/** For single quotes in a shell. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
