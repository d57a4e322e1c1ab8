// The C baselines: compiled once at the start, run as small servers that answer one line of figures for each line of a request.

import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { repositoryFolder } from './machine';

/** A running C baseline. */
export class Native {
  readonly #program: string;
  readonly #stdin: NodeJS.WritableStream;
  readonly #lines: AsyncIterator<string>;

  readonly pid: number;

  constructor(program: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
    this.#program = basename(program);
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...env } });
    this.pid = child.pid ?? 0;
    // That it could not be started shows where it is asked: it answers nothing.
    child.on('error', () => {});
    child.stdin.on('error', () => {});
    this.#stdin = child.stdin;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    // It sleeps in a read and leaves at end of file: not a reason to stay.
    child.unref();
  }

  /** Sends a request and gives back the figures of the answer. */
  async ask(...words: readonly (string | number)[]): Promise<number[]> {
    this.#stdin.write(`${words.join(' ')}\n`);
    return this.answer(words.join(' '));
  }

  /** The next line of figures. */
  async answer(what: string): Promise<number[]> {
    const { value, done } = await this.#lines.next();
    const figures = done === true ? [] : String(value).trim().split(' ').map(Number);
    if (figures.length === 0 || figures.some((figure) => !Number.isFinite(figure))) {
      throw new Error(`${this.#program} ${what} answered ${done === true ? 'nothing' : JSON.stringify(value)}`);
    }
    return figures;
  }

  stop(): void {
    this.#stdin.end();
  }
}

/** Compiles the baselines into `folder`. Null, or why there are none and what to do. */
export function compileNatives(programs: readonly string[], folder: string): string | null {
  const sources = join(repositoryFolder(), 'bench', 'c');
  for (const program of programs) {
    const source = join(sources, `${program}.c`);
    const out = join(folder, program);
    try {
      execFileSync('gcc', ['-O2', '-std=gnu11', '-Wall', '-Wextra', '-o', out, source, '-lrt'], { stdio: 'pipe' });
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
        return 'gcc is not installed; to get it: apt-get install gcc libc6-dev';
      }
      const text = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
      return `gcc could not compile ${program}.c (libc6-dev missing?): ${text.split('\n')[0]}`;
    }
  }
  return null;
}

export function openNative(folder: string, program: string): Native | null {
  return existsSync(join(folder, program)) ? new Native(join(folder, program)) : null;
}
