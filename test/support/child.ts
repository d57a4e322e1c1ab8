// Programs of the tests that run in processes of their own, and how the tests talk to them.

import { type ChildProcess, fork } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { TensorIpcError, type TensorIpcErrorCode } from 'tensor-ipc';

/** A child that hangs is killed after this long. A watchdog, not a limit on how fast it must be. */
const WATCHDOG_MS = 120_000;

let poolCount = 0;

/** A pool name that no other test, and no other run, uses. What killed producers leave under it goes with this process. */
export function poolName(label: string): string {
  poolCount += 1;
  if (poolCount === 1) process.once('exit', removePools);
  return `test-${label}-${process.pid}-${poolCount}`;
}

/** By the form of their names, which are not kept: a test may make tens of thousands, and look whether its memory grows. */
function removePools(): void {
  const own = new RegExp(`^tensoripc(-bell)?\\.test-[^.]*-${process.pid}-\\d+(\\.|$)`);
  for (const name of readdirSync('/dev/shm')) if (own.test(name)) rmSync(`/dev/shm/${name}`, { force: true });
}

/** For assert.throws: whether an error is the library's, with this code. */
export function hasCode(code: TensorIpcErrorCode, says = /(?:)/): (error: Error) => boolean {
  return (error) => error instanceof TensorIpcError && error.code === code && says.test(error.message);
}

/** Names in /dev/shm that a pool of this name left behind: its object and its consumers' FIFOs. */
export function leftovers(pool: string): string[] {
  return readdirSync('/dev/shm').filter((name) => name === `tensoripc.${pool}` || name.startsWith(`tensoripc-bell.${pool}.`));
}

/** A process of test/programs/<program>.ts. Messages are JSON values over the IPC channel. */
export class Child {
  readonly process: ChildProcess;
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  stderr = '';
  readonly #inbox: unknown[] = [];
  readonly #waiting: ((message: unknown) => void)[] = [];
  #over: Error | null = null;
  #fail: ((error: Error) => void)[] = [];

  /** @param under A command that runs the rest of its arguments: ['setpriv', '--reuid', '1001']. */
  constructor(program: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}, under: readonly string[] = []) {
    const path = fileURLToPath(new URL(`./${program}.mjs`, import.meta.url));
    this.process = fork(path, args, {
      execPath: under[0] ?? process.execPath,
      execArgv: [...under.slice(1), ...(under.length > 0 ? [process.execPath] : []), '--expose-gc', '--no-warnings'],
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
      serialization: 'advanced',
      env: { ...process.env, ...env },
    });
    this.process.stderr?.setEncoding('utf8').on('data', (chunk) => {
      this.stderr += chunk;
    });
    const watchdog = setTimeout(() => this.signal('SIGKILL'), WATCHDOG_MS);
    watchdog.unref();
    this.process.on('message', (message) => {
      const next = this.#waiting.shift();
      this.#fail.shift();
      if (next === undefined) this.#inbox.push(message);
      else next(message);
    });
    this.ended = new Promise((resolve) => {
      this.process.on('close', (code, signal) => {
        clearTimeout(watchdog);
        this.#over = new Error(`${program} ended (code ${code}, signal ${signal}) before it answered\n${this.stderr}`);
        for (const fail of this.#fail) fail(this.#over);
        resolve({ code, signal });
      });
    });
  }

  send(message: unknown): void {
    this.process.send(message as object);
  }

  /** The next message of the child. */
  receive<M>(): Promise<M> {
    if (this.#inbox.length > 0) return Promise.resolve(this.#inbox.shift() as M);
    if (this.#over !== null) return Promise.reject(this.#over);
    return new Promise<M>((resolve, reject) => {
      this.#waiting.push((message) => resolve(message as M));
      this.#fail.push(reject);
    });
  }

  /** Sends and waits for the answer. */
  ask<M>(message: unknown): Promise<M> {
    this.send(message);
    return this.receive<M>();
  }

  /** Sends a signal and nothing else: Deno's ChildProcess.kill also closes the channel. */
  signal(signal: NodeJS.Signals): void {
    if (this.process.exitCode === null && this.process.signalCode === null) process.kill(this.process.pid as number, signal);
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<unknown> {
    this.signal(signal);
    return this.ended;
  }

  /** Ends it the polite way, so that it cleans up after itself; one that will not is killed. */
  async [Symbol.asyncDispose](): Promise<void> {
    const kill = setTimeout(() => this.signal('SIGKILL'), 2000);
    this.signal('SIGTERM');
    await this.ended;
    clearTimeout(kill);
  }
}

/** In a child: answers each message of the parent with what the handler returns. */
export function serve(handler: (message: unknown) => unknown): void {
  process.on('message', async (message) => {
    try {
      process.send?.({ value: await handler(message) });
    } catch (error) {
      process.send?.({
        error:
          error instanceof Error
            ? { message: error.message, code: (error as { code?: string }).code }
            : { message: String(error) },
      });
    }
  });
  // A child whose parent is gone has nothing to do.
  process.on('disconnect', () => process.exit(0));
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits until a condition holds. Watchdog only: fails after a generous time, never because something took long. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + WATCHDOG_MS / 2;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await sleep(5);
  }
}
