// A program of test/faults/programs in a process and a runtime of its own: how it ends, and what it prints.

import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { until } from '../../support/child';
import type { Runtime } from '../../support/runtimes';

/** One that hangs is killed after this long. A watchdog, not a limit on how fast it must be. */
const WATCHDOG_MS = 120_000;

export const THIS_NODE: Runtime = {
  name: `node ${process.versions.node}`,
  program: process.execPath,
  args: ['--no-warnings'],
};

export class Program {
  readonly #process: ChildProcess;
  readonly #ended: Promise<number | NodeJS.Signals | null>;
  stdout = '';
  stderr = '';

  /** @param before What the runtime is started by: a program and its arguments. */
  constructor(runtime: Runtime, name: string, args: readonly string[], before: readonly string[] = []) {
    const path = fileURLToPath(new URL(`./${name}.mjs`, import.meta.url));
    const line = [...before, runtime.program, ...runtime.args, path, ...args];
    this.#process = spawn(line[0] as string, line.slice(1), {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' },
    });
    this.#process.stdout?.setEncoding('utf8').on('data', (chunk) => {
      this.stdout += chunk;
    });
    this.#process.stderr?.setEncoding('utf8').on('data', (chunk) => {
      this.stderr += chunk;
    });
    const watchdog = setTimeout(() => this.#process.kill('SIGKILL'), WATCHDOG_MS);
    this.#ended = new Promise((resolve) => {
      this.#process.on('close', (code, signal) => {
        clearTimeout(watchdog);
        resolve(signal ?? code);
      });
    });
  }

  /** How it ended: its exit code, or the signal that it died of. */
  ended(): Promise<number | NodeJS.Signals | null> {
    return this.#ended;
  }

  get lines(): string[] {
    return this.stdout.split('\n').filter((line) => line !== '');
  }

  /** Waits until it has printed a line. */
  async says(line: string): Promise<void> {
    await until(() => this.lines.includes(line) || this.#process.exitCode !== null, `it says ${line}`);
    if (!this.lines.includes(line)) throw new Error(`it ended before it said ${line}:\n${this.stdout}${this.stderr}`);
  }

  signal(signal: NodeJS.Signals): void {
    process.kill(this.#process.pid as number, signal);
  }

  /** Of what it was started by: the processes that this one has started. */
  children(): number[] {
    const { pid, exitCode } = this.#process;
    if (exitCode !== null) return [];
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  }

  kill(): Promise<unknown> {
    this.#process.kill('SIGKILL');
    return this.#ended;
  }
}
