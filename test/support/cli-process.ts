// Starts the command line as a process of its own, for the tests of it.

import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A run that hangs is killed after this long. A watchdog, not a limit on how fast it must be. */
const WATCHDOG_MS = 240_000;

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export class Cli {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  /** What it has printed so far. */
  output = '';

  constructor(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.process = spawn(process.execPath, [Cli.program, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    const chunks: Buffer[] = [];
    let stderr = '';
    this.process.stdout?.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      this.output += chunk.toString('latin1');
    });
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const watchdog = setTimeout(() => this.process.kill('SIGKILL'), WATCHDOG_MS);
    this.ended = new Promise((resolve) => {
      this.process.on('close', (code, signal) => {
        clearTimeout(watchdog);
        resolve({ code, signal, stdout: Buffer.concat(chunks), stderr });
      });
    });
  }

  /** The bundle that the test runner made. */
  static get program(): string {
    return fileURLToPath(new URL('./demo-cli.mjs', import.meta.url));
  }
}

/** Runs it to its end. */
export function cli(...args: string[]): Promise<Ended> {
  return new Cli(args).ended;
}

/** Pids of the processes whose command line has this text in it, our own aside. */
export function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => commandLine(pid).includes(text))
    .map(Number);
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    // It has ended meanwhile.
    return '';
  }
}
