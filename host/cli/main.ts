#!/usr/bin/env node
// The program `tensor-ipc`: finds the command, runs it, and turns what it throws into a message and an exit code.

import { TensorIpcError } from '../entry/main';
import { CliError, type Command, EXIT_FAILURE, EXIT_OK, EXIT_USAGE, nearest, UsageError } from './command';
import { commands } from './commands';
import { commandHelp, PROGRAM, programHelp } from './help';
import { styleOf } from './terminal';
import { packageVersion } from './version';

async function main(args: readonly string[]): Promise<number> {
  const [first, ...rest] = args;
  if (first === undefined) {
    process.stderr.write(programHelp(commands, styleOf(process.stderr)));
    return EXIT_USAGE;
  }
  if (first === '--version') return say(`${packageVersion()}\n`);
  if (first === '--help' || first === '-h' || first === 'help') {
    const [topic] = rest;
    return topic === undefined
      ? say(programHelp(commands, styleOf(process.stdout)))
      : say(commandHelp(find(topic), styleOf(process.stdout)));
  }
  const command = find(first);
  const beforeDashes = rest.includes('--') ? rest.slice(0, rest.indexOf('--')) : rest;
  if (beforeDashes.includes('--help') || beforeDashes.includes('-h')) return say(commandHelp(command, styleOf(process.stdout)));
  return command.main(rest);
}

function say(text: string): number {
  process.stdout.write(text);
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
  const { red, bold } = styleOf(process.stderr);
  const complain = (text: string) => process.stderr.write(`${bold(PROGRAM)}: ${red(text)}\n`);
  if (error instanceof UsageError) {
    complain(error.message);
    process.stderr.write(
      `Run "${[PROGRAM, error.command, '--help'].filter((part) => part !== null).join(' ')}" for how to use it.\n`,
    );
    return EXIT_USAGE;
  }
  if (error instanceof TensorIpcError) complain(`${error.code}: ${error.message}`);
  else if (error instanceof CliError || isSystemError(error)) complain(error.message);
  // Anything else is a fault of the program: the stack is what a bug report needs.
  else complain(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return EXIT_FAILURE;
}

/** A failed system call of Node's: its message names the call and the file. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === 'string';
}

// Whoever reads the output may have had enough of it ("| head"): that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT_OK);
  throw error;
});

// The exit code is set and not forced, so that what has been written to a pipe still arrives.
main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.exitCode = report(error);
  },
);
