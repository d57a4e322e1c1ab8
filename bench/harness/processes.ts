// Processes of a benchmark: the same bundle started again in a role, driven by typed commands over Node's IPC channel. The channel is
// silent while anything is measured.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Runtime } from './runtimes';

/** What a role can be told to do. */
export type Commands = Readonly<Record<string, (argument: never) => unknown>>;

export interface Role<Config, C extends Commands> {
  readonly name: string;
  /** Prepares the process; when it resolves, the process is ready. */
  start(config: Config): C | Promise<C>;
}

interface Request {
  readonly id: number;
  readonly command: string;
  readonly argument: unknown;
}

type Message =
  | { readonly type: 'ready' }
  | { readonly type: 'reply'; readonly id: number; readonly value?: unknown }
  | { readonly type: 'failed'; readonly id: number; readonly error: string };

/** Nothing that a partner is told to do takes this long. A watchdog, not a limit on speed. */
const READY_WATCHDOG_MS = 20_000;

export class Partner<C extends Commands> {
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #lastId = 0;
  #ended: string | null = null;
  /** Resolves when the process is gone. */
  readonly ended: Promise<void>;

  constructor(child: ChildProcess, name: string) {
    this.#child = child;
    child.on('message', (message: Message) => this.#take(message));
    this.ended = new Promise((resolve) => void child.once('exit', () => resolve()));
    child.on('exit', (code, signal) => {
      this.#ended = `process ${name} ended (${signal ?? code})`;
      for (const { reject } of this.#pending.values()) reject(new Error(this.#ended));
      this.#pending.clear();
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  call<K extends keyof C & string>(command: K, argument: Parameters<C[K]>[0]): Promise<Awaited<ReturnType<C[K]>>> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== null) {
        reject(new Error(this.#ended));
        return;
      }
      this.#lastId += 1;
      this.#pending.set(this.#lastId, { resolve: (value) => resolve(value as Awaited<ReturnType<C[K]>>), reject });
      const request: Request = { id: this.#lastId, command, argument };
      this.#child.send(request);
    });
  }

  /** For one that does not answer. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Ends the process through its exit hooks. */
  async stop(): Promise<void> {
    if (this.#ended !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.disconnect();
    await ended;
  }

  #take(message: Message): void {
    if (message.type === 'ready') return;
    const call = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (message.type === 'reply') call?.resolve(message.value);
    else call?.reject(new Error(message.error));
  }
}

export interface StartOptions {
  /** Puts it, and what it starts, in a process group of its own. */
  readonly ownGroup?: boolean;
  /** Which runtime runs it, if not this one. */
  readonly runtime?: Runtime;
  /** Descriptors of this process that it is given: FIRST_DESCRIPTOR and following. */
  readonly descriptors?: readonly number[];
}

/** Those before are the standard streams and the channel. */
export const FIRST_DESCRIPTOR = 4;

/** Starts this program again in a role. */
export async function startRole<Config, C extends Commands>(
  role: Role<Config, C>,
  config: Config,
  { ownGroup = false, runtime, descriptors = [] }: StartOptions = {},
): Promise<Partner<C>> {
  const child = fork(process.argv[1] as string, [`--role=${role.name}`, JSON.stringify(config)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc', ...descriptors],
    detached: ownGroup,
    ...(runtime === undefined ? {} : { execPath: runtime.program, execArgv: [...runtime.args] }),
  });
  const partner = new Partner<C>(child, role.name);
  await new Promise<void>((resolve, reject) => {
    const watchdog = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`process ${role.name} was not ready after ${READY_WATCHDOG_MS} ms`));
    }, READY_WATCHDOG_MS);
    child.once('message', () => {
      clearTimeout(watchdog);
      resolve();
    });
    child.once('exit', (code, signal) => {
      clearTimeout(watchdog);
      reject(new Error(`process ${role.name} ended before it was ready (${signal ?? code})`));
    });
  });
  return partner;
}

/** Plays a role until the process that asked for it lets go. */
export async function playRole<Config>(role: Role<Config, Commands>, config: Config): Promise<void> {
  // The starter is gone, or done with us: leave through the exit hooks, which clean up.
  process.on('disconnect', () => process.exit(0));
  const commands = await role.start(config);
  const send = (message: Message) => process.send?.(message);
  process.on('message', async ({ id, command, argument }: Request) => {
    try {
      const handler = commands[command] as (argument: unknown) => unknown;
      send({ type: 'reply', id, value: await handler(argument) });
    } catch (error) {
      send({ type: 'failed', id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  });
  send({ type: 'ready' });
}
