#!/usr/bin/env node
// The program `tensor-ipc`: finds the command, runs it, and turns what it throws into a message and an exit code.

import { TensorIpcError } from '../entry/main';
import { CliError, type Command, EXIT_FAILURE, EXIT_OK, EXIT_USAGE, nearest, UsageError } from './command';
import { commands } from './commands';
import { commandHelp, PROGRAM, programHelp } from './help';
import { complain, guardOutput, note, print } from './output';
import { styleOf } from './terminal';
import { packageVersion } from './version';
import { textWidth } from './wrap';

/** Set to anything, errors show their stacks. */
const DEBUG = 'TENSOR_IPC_DEBUG';

async function main(args: readonly string[]): Promise<number> {
  const [first, ...rest] = args;
  if (first === undefined) {
    process.stderr.write(programHelp(commands, styleOf(process.stderr), textWidth(process.stderr)));
    return EXIT_USAGE;
  }
  if (first === '--version') return say(`${packageVersion()}\n`);
  if (first === '--help' || first === '-h' || first === 'help') {
    const [topic] = rest;
    return topic === undefined
      ? say(programHelp(commands, styleOf(process.stdout), textWidth(process.stdout)))
      : say(commandHelp(find(topic), styleOf(process.stdout), textWidth(process.stdout)));
  }
  const command = find(first);
  const beforeDashes = rest.includes('--') ? rest.slice(0, rest.indexOf('--')) : rest;
  if (beforeDashes.includes('--help') || beforeDashes.includes('-h')) {
    return say(commandHelp(command, styleOf(process.stdout), textWidth(process.stdout)));
  }
  return command.main(rest);
}

function say(text: string): number {
  print(text);
  return EXIT_OK;
}

function find(name: string): Command {
  const command = commands.find((candidate) => candidate.name === name);
  if (command !== undefined) return command;
  if (name.startsWith('-')) throw new UsageError(`unknown option ${name}`);
  const near = nearest(
    name,
    commands.filter((candidate) => candidate.hidden !== true).map((candidate) => candidate.name),
  );
  throw new UsageError(`unknown command '${name}'${near === null ? '' : `; did you mean '${near}'?`}`);
}

/** Prints an error as the user needs it, and gives the exit code. */
function report(error: unknown): number {
  if (error instanceof UsageError) {
    complain(error.message);
    note(`Run "${[PROGRAM, error.command, '--help'].filter((part) => part !== null).join(' ')}" to see how it is used.`);
    return EXIT_USAGE;
  }
  if (error instanceof TensorIpcError) complain(`${error.code}: ${error.message}`);
  else if (error instanceof CliError || isSystemError(error)) complain(error.message);
  // Anything else is a fault of the program: the stack is what a bug report needs, and nobody else.
  else
    complain(
      `internal error: ${error instanceof Error ? error.message : String(error)}; please report it, with what ${DEBUG}=1 adds`,
    );
  if ((process.env[DEBUG] ?? '') !== '' && error instanceof Error) for (const line of (error.stack ?? '').split('\n')) note(line);
  return EXIT_FAILURE;
}

/** A failed system call of Node's: its message names the call and the file. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === 'string';
}

guardOutput();

// What is thrown where no command can catch it ends the program as well, in the same words.
process.on('uncaughtException', (error) => process.exit(report(error)));

// The exit code is set and not forced, so that what has been written to a pipe still arrives.
main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.exitCode = report(error);
  },
);
