// ffmpeg as another process: what it reads comes from us, and what it says explains a failure.

import { type ChildProcess, spawn } from 'node:child_process';
import { CliError } from './command';

/** Lines of ffmpeg's that are kept to explain a failure. */
const KEPT_LINES = 20;

export const FFMPEG_OPTION = { type: 'string', value: 'PATH', help: 'The ffmpeg program. Default: ffmpeg.' } as const;

/** There is no ffmpeg under the name. */
export class NoFfmpegError extends CliError {}

/** Why a program could not be started. */
export function spawnError(program: string, error: NodeJS.ErrnoException): CliError {
  if (error.code !== 'ENOENT' && error.code !== 'EACCES')
    return new CliError(`${program} could not be started: ${error.message}`);
  return new NoFfmpegError(
    `${program} ${error.code === 'ENOENT' ? 'was not found' : 'may not be run'}: install it ("sudo apt install ffmpeg") or name it with --ffmpeg PATH`,
  );
}

/** One run of ffmpeg that reads from us. */
class Run {
  readonly child: ChildProcess;
  /** The exit code; null when a signal ended it. */
  readonly ended: Promise<number | null>;
  readonly #lines: string[] = [];
  #failure: CliError | null = null;

  constructor(program: string, args: readonly string[], stdout: 'pipe' | 'ignore') {
    // In a session of its own: Ctrl-C at the terminal is for us, who then end its input.
    this.child = spawn(program, ['-hide_banner', '-nostdin', '-nostats', '-loglevel', 'error', ...args], {
      stdio: ['pipe', stdout, 'pipe'],
      detached: true,
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#lines.push(...text.split(/[\r\n]+/).filter((line) => line.trim() !== ''));
      this.#lines.splice(0, Math.max(0, this.#lines.length - KEPT_LINES));
    });
    this.ended = new Promise((resolve) => {
      this.child.once('close', (code) => resolve(code));
      this.child.once('error', (error: NodeJS.ErrnoException) => {
        this.#failure = spawnError(program, error);
        resolve(null);
      });
    });
    // It reads no further: why it did not is known when it has ended.
    this.child.stdin?.on('error', () => this.child.stdin?.destroy());
  }

  /** Resolves when ffmpeg has taken the bytes: false when it reads no further. */
  write(bytes: Uint8Array): Promise<boolean> {
    const { stdin } = this.child;
    if (stdin === null || stdin.destroyed || !stdin.writable) return Promise.resolve(false);
    return new Promise((resolve) => void stdin.write(bytes, (error) => resolve(error === null || error === undefined)));
  }

  /** Ends its input, and waits until it is done. */
  async finish(what: string): Promise<void> {
    this.child.stdin?.end();
    const code = await this.ended;
    if (this.#failure !== null) throw this.#failure;
    if (code !== 0) throw new CliError(`ffmpeg cannot ${what}: ${this.#lines.at(-1)?.trim() ?? `it ended with code ${code}`}`);
  }
}

/** Writes a file from what it is given, piece by piece. */
export class FfmpegWriter {
  readonly #run: Run;
  readonly #what: string;

  constructor(program: string, args: readonly string[], path: string) {
    this.#run = new Run(program, [...args, '-y', `file:${path}`], 'ignore');
    this.#what = `write ${path}`;
  }

  /** @throws CliError when ffmpeg has ended */
  async write(bytes: Uint8Array): Promise<void> {
    if (!(await this.#run.write(bytes))) await this.finish();
  }

  /** Completes the file. */
  finish(): Promise<void> {
    return this.#run.finish(this.#what);
  }
}

/** What ffmpeg makes of some bytes. */
export async function throughFfmpeg(
  program: string,
  args: readonly string[],
  bytes: Uint8Array,
  what: string,
): Promise<Uint8Array> {
  const run = new Run(program, [...args, 'pipe:1'], 'pipe');
  const chunks: Buffer[] = [];
  run.child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
  await run.write(bytes);
  await run.finish(what);
  return Buffer.concat(chunks);
}
