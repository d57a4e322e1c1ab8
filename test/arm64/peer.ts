// A process of test/programs/arm64-peer.ts under any node binary. Messages are JSON: different versions of Node do not read each other's
// serialized values.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Request } from '../programs/arm64-peer';

/** A peer that hangs is killed after this long. A watchdog, not a limit on how fast it must be. */
const WATCHDOG_MS = 120_000;

interface Answer {
  readonly value?: unknown;
  readonly error?: { readonly message: string; readonly code?: string };
}

/** What a peer answered that could not do what it was asked. */
export class PeerError extends Error {
  constructor(
    message: string,
    readonly code: string | undefined,
  ) {
    super(message);
  }
}

export class Peer {
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;
  #stderr = '';

  constructor(execPath: string, env: NodeJS.ProcessEnv) {
    this.#process = fork(fileURLToPath(new URL('./arm64-peer.mjs', import.meta.url)), [], {
      execPath,
      execArgv: ['--no-warnings'],
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
      env,
    });
    this.#process.stderr?.setEncoding('utf8').on('data', (chunk) => {
      this.#stderr += chunk;
    });
    const watchdog = setTimeout(() => this.#process.kill('SIGKILL'), WATCHDOG_MS);
    this.#ended = once(this.#process, 'close').finally(() => clearTimeout(watchdog));
  }

  /** Sends a request and waits for its answer. One at a time. */
  async ask<V>(request: Request): Promise<V> {
    const answered = once(this.#process, 'message').then(([answer]) => answer as Answer);
    this.#process.send(request);
    const answer = await Promise.race([answered, this.#ended.then(() => null)]);
    if (answer === null) throw new Error(`the peer ended before it answered ${request.op}\n${this.#stderr}`);
    if (answer.error !== undefined) throw new PeerError(answer.error.message, answer.error.code);
    return answer.value as V;
  }

  kill(): Promise<unknown> {
    this.#process.kill('SIGKILL');
    return this.#ended;
  }

  /** Ends it the polite way, so that it cleans up after itself; one that will not is killed. */
  async [Symbol.asyncDispose](): Promise<void> {
    const kill = setTimeout(() => this.#process.kill('SIGKILL'), 10_000);
    this.#process.kill('SIGTERM');
    await this.#ended;
    clearTimeout(kill);
  }
}
