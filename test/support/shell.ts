// Command lines in bash, for tests of what the program does in pipes.

import { spawn } from 'node:child_process';
import { Cli } from './cli-process';

/** A run that hangs is killed after this long. A watchdog, not a limit on how fast it must be. */
const WATCHDOG_MS = 120_000;

export interface ShellResult {
  readonly code: number | null;
  readonly stderr: string;
}

/** A command line in bash, with TI standing for the program; its standard input stays open until `end`. */
export class Shell {
  readonly #process;
  readonly ended: Promise<ShellResult>;

  constructor(script: string) {
    this.#process = spawn('bash', ['-c', `set -o pipefail; TI() { "${process.execPath}" "${Cli.program}" "$@"; }; ${script}`], {
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    let stderr = '';
    this.#process.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk;
    });
    const watchdog = setTimeout(() => this.#process.kill('SIGKILL'), WATCHDOG_MS);
    this.ended = new Promise((resolve) => {
      this.#process.on('close', (code) => {
        clearTimeout(watchdog);
        resolve({ code, stderr });
      });
    });
  }

  end(): void {
    this.#process.stdin.end();
  }
}
