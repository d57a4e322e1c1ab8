// A child process of the demo, as its parent sees it.

import { type ChildProcess, fork } from 'node:child_process';
import type { Failed } from './messages';

/** So long a child may take to end after each way of asking: by message, SIGTERM, SIGKILL. */
const END_TIMEOUT_MS = 3000;

/** Runs this program again in another role. `In` goes to the child, `Out` comes from it. */
export class Child<In extends object, Out extends { readonly type: string }> {
  readonly title: string;
  /** How it ended; null while it runs, or if it ended as it should. */
  trouble: string | null = null;
  readonly #process: ChildProcess;
  readonly #ended: Promise<void>;
  readonly #listeners = new Set<(message: Out | Failed | null) => void>();
  #running = true;

  constructor(title: string, role: string, config: unknown) {
    this.title = title;
    const [, program = ''] = process.argv;
    this.#process = fork(program, [role, JSON.stringify(config)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#process.on('message', (message) => {
      const typed = message as Out | Failed;
      if (typed.type === 'failed') this.trouble = (typed as Failed).message;
      for (const listener of [...this.#listeners]) listener(typed);
    });
    this.#ended = new Promise((resolve) => {
      const end = (reason: string | null) => {
        if (!this.#running) return;
        this.#running = false;
        this.trouble ??= reason;
        for (const listener of [...this.#listeners]) listener(null);
        resolve();
      };
      this.#process.once('error', (error) => end(error.message));
      this.#process.once('close', (code, signal) => {
        if (signal !== null) end(`ended by ${signal}`);
        else end(code === 0 ? null : `ended with code ${code}`);
      });
    });
  }

  get running(): boolean {
    return this.#running;
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Calls back with every message, and with null when the child has ended. */
  listen(listener: (message: Out | Failed | null) => void): void {
    this.#listeners.add(listener);
    if (!this.#running) listener(null);
  }

  /** Resolves with the first message of a type, or null if the child ended without one. */
  next<T extends Out['type']>(type: T): Promise<Extract<Out, { readonly type: T }> | null> {
    return new Promise((resolve) => {
      const listener = (message: Out | Failed | null) => {
        if (message !== null && message.type !== type) return;
        this.#listeners.delete(listener);
        resolve(message as Extract<Out, { readonly type: T }> | null);
      };
      this.listen(listener);
    });
  }

  send(message: In): void {
    // A child that has just ended says so by itself.
    if (this.#process.connected) this.#process.send(message, () => {});
  }

  /** Waits for it to end, then insists. */
  async end(): Promise<void> {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      if (await this.#endsWithin(END_TIMEOUT_MS)) return;
      this.#process.kill(signal);
    }
    await this.#ended;
  }

  #endsWithin(timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), timeoutMs);
      this.#ended.then(() => {
        clearTimeout(timer);
        resolve(true);
      });
    });
  }
}
