// Everything that the program says. What cannot be written ends it with one line and a code, and nothing is lost unseen: a disk that is
// almost full takes the first half of a text and reports no error, so files are written here until all is there.

import { fstatSync, writeSync } from 'node:fs';
import { printable } from '../entry/inspection';
import { CliError, EXIT_FAILURE, EXIT_OK } from './command';
import { PROGRAM } from './help';
import { styleOf, widthOf } from './terminal';
import { wrap } from './wrap';

const STDOUT = 1;

let stdoutIsFile: boolean | null = null;

/** Whether writing does not wait for anybody: no pipe, no socket, no terminal. */
function isFile(): boolean {
  if (stdoutIsFile === null) {
    const status = fstatSync(STDOUT);
    stdoutIsFile = !status.isFIFO() && !status.isSocket() && process.stdout.isTTY !== true;
  }
  return stdoutIsFile;
}

function cannotWrite(error: unknown): CliError {
  const why = error instanceof Error ? error.message : String(error);
  return new CliError(`cannot write to the standard output: ${why}`);
}

function writeAll(bytes: Uint8Array): void {
  try {
    for (let at = 0; at < bytes.byteLength; ) at += writeSync(STDOUT, bytes, at);
  } catch (error) {
    throw cannotWrite(error);
  }
}

/**
 * Writes a text to the standard output.
 *
 * @throws CliError when a file does not take it; what a pipe or a terminal does not take ends the program (guardOutput).
 */
export function print(text: string): void {
  if (isFile()) writeAll(Buffer.from(text));
  else process.stdout.write(text);
}

/** Writes bytes to the standard output, and resolves when they have gone out. False when nobody reads it any more. */
export function printBytes(bytes: Uint8Array): Promise<boolean> {
  if (isFile()) {
    writeAll(bytes);
    return Promise.resolve(true);
  }
  return new Promise((resolve, reject) => {
    process.stdout.write(bytes, (error) => {
      if (error === null || error === undefined) resolve(true);
      else if ((error as NodeJS.ErrnoException).code === 'EPIPE') resolve(false);
      else reject(cannotWrite(error));
    });
  });
}

/** JSON of a value, indented: exact, and of characters that a terminal only shows. */
export function toJson(value: unknown): string {
  // Between the lines there is nothing but what the indentation made; within them, what printable escapes stands in strings.
  return JSON.stringify(value, null, 2).split('\n').map(printable).join('\n');
}

/** What follows a prefix, broken between words where it would leave a terminal; a line elsewhere, which other programs read. */
function fitted(text: string, prefix = ''): string {
  const safe = printable(text);
  const width = widthOf(process.stderr);
  if (width === null || prefix.length + safe.length <= width) return safe;
  const [first = '', ...rest] = wrap(`${prefix}${safe}`, width - 2);
  return [first.slice(prefix.length), ...rest.map((line) => `  ${line}`)].join('\n');
}

/** A line for the user, on the standard error. */
export function note(text: string): void {
  process.stderr.write(`${fitted(text)}\n`);
}

/** The line that a failed command ends with. */
export function complain(text: string): void {
  const { red, bold } = styleOf(process.stderr);
  process.stderr.write(`${bold(PROGRAM)}: ${red(fitted(text, `${PROGRAM}: `))}\n`);
}

/** Sees to errors of the standard streams that come later than the call that wrote. */
export function guardOutput(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // Whoever reads the output may have had enough of it ("| head"): that is no error.
    if (error.code === 'EPIPE') process.exit(EXIT_OK);
    complain(cannotWrite(error).message);
    process.exit(EXIT_FAILURE);
  });
  process.stderr.on('error', () => {
    // There is no place left to say so; the exit code tells of what mattered.
  });
}
