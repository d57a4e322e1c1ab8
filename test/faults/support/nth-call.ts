// Every call of libc that an operation makes fails once, in every way that it may, and after each nothing may be left.

import { existsSync, rmSync } from 'node:fs';
import { TensorIpcError, type TensorIpcErrorCode, TensorProducer } from 'tensor-ipc';
import { installPlatform, platform } from '../../../host/runtime/system';
import { FailingLibc, type Fault, faultsOf, type MadeCall } from './failing-system';
import { difference, holes, locks, type Traces, tracesNow } from './traces';

/** A run that hangs fails after this long. A watchdog, not a limit on how fast it must be. */
const WATCHDOG_MS = 60_000;

/** An operation, ready to be carried out. */
export interface Stage {
  /** The operation, whose calls fail one by one. Once more it must succeed. */
  run(): unknown;
  /** Closes what the stage and the operation have opened. */
  end(): unknown;
}

export interface Scenario {
  readonly name: string;
  /** Only the first way in which each call may fail: for operations that take long. */
  readonly once?: boolean;
  /** What brings in order what cannot be in order after a failure: a name that could not be looked at stays. */
  recover?(): void;
  /** No call is made that could fail. */
  readonly quiet?: boolean;
  stage(): Stage | Promise<Stage>;
}

export const libc = new FailingLibc();
const runtime = platform();
installPlatform({ ...runtime, system: () => libc.system });

const unhandled: string[] = [];
process.on('unhandledRejection', (reason) => void unhandled.push(`unhandled rejection: ${String(reason)}`));
process.on('uncaughtException', (error) => void unhandled.push(`uncaught: ${error.stack}`));
process.on('warning', () => undefined);

const turn = () => new Promise((resolve) => setImmediate(resolve));

async function watched<T>(work: T | Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} hangs`)), WATCHDOG_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The error of a call, or null. */
async function errorOf(call: () => unknown, what: string): Promise<unknown> {
  try {
    await watched(call(), what);
    return null;
  } catch (error) {
    return error ?? new Error('nothing was thrown as an error');
  }
}

/** Opens and closes a pool: what could not be cleared before is cleared now, as before any next pool. */
async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await turn();
  TensorProducer.fromSample(`nth-settle-${process.pid}`, new Uint8Array(1)).close();
  await turn();
}

export class NthCall {
  readonly offences: string[] = [];
  failures = 0;
  readonly #scenario: Scenario;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
  }

  /** Fails every call. What is wrong is in `offences`. */
  async run(): Promise<void> {
    await this.#dry();
    const before = tracesNow(libc.system);
    const { made, locks } = await this.#dry();
    const looks = made.filter(({ proc }) => proc);
    const others = made.filter(({ proc }) => !proc);
    for (const [index, call] of [...others.entries(), ...looks.entries()]) {
      if (call.proc ? isAnotherLook(looks, index) : isOneOfMany(others, index)) continue;
      const faults = faultsOf(call);
      for (const fault of this.#scenario.once === true ? faults.slice(0, 1) : faults) {
        await this.#fail(index, call, fault, before, locks);
      }
    }
  }

  /** Without a failure: the calls that are made, and the locks that are held afterwards. */
  async #dry(): Promise<{ made: readonly MadeCall[]; locks: number }> {
    const stage = await this.#scenario.stage();
    libc.count();
    await watched(stage.run(), this.#scenario.name);
    const made = libc.counted();
    const held = locks(libc.system);
    await stage.end();
    await settle();
    return { made, locks: held };
  }

  async #fail(index: number, planned: MadeCall, fault: Fault, before: Traces, heldLocks: number): Promise<void> {
    const how = `${fault.errno}${fault.hole === true ? ' and a hole' : ''}${fault.times === undefined ? '' : `, ${fault.times} times`}`;
    const what = `${this.#scenario.name}: call ${index + 1}, ${planned.name}(${planned.path ?? ''}), ${how}`;
    const offend = (text: string) => void this.offences.push(`${what}: ${text}`);
    const stage = await this.#scenario.stage();
    libc.arm(index, fault, planned.proc, planned.name);
    const error = await errorOf(() => stage.run(), what);
    const failed = libc.disarm();
    if (failed === null) {
      if (error !== null) offend(`no call failed, but ${describe(error)}`);
    } else {
      this.failures += 1;
      if (error !== null) this.#judge(error, failed, fault, offend);
    }
    if (failed?.name === 'mmap') for (const hole of holes(libc.system)) offend(`a hole in the arena: ${hole}`);
    if (error !== null) {
      const again = await errorOf(() => stage.run(), `${what}, second try`);
      if (again !== null) offend(`the second try failed: ${describe(again)}`);
    }
    const held = locks(libc.system);
    if (held > heldLocks) offend(`${held} locks are held afterwards, ${heldLocks} without the failure`);
    const ending = await errorOf(() => stage.end(), `${what}, the end`);
    if (ending !== null) offend(`the end failed: ${describe(ending)}`);
    // What could not be removed is there: nobody can help that, and whoever calls was told or the next producer removes it.
    if (failed?.name === 'unlink' && failed.path !== null && existsSync(failed.path)) rmSync(failed.path);
    if (error !== null) this.#scenario.recover?.();
    await settle();
    for (const trace of difference(before, tracesNow(libc.system))) offend(trace);
    for (const text of unhandled.splice(0)) offend(text);
  }

  #judge(error: unknown, failed: MadeCall, fault: Fault, offend: (text: string) => void): void {
    if (!(error instanceof TensorIpcError)) {
      offend(`not the library's error: ${describe(error)}`);
      return;
    }
    if (error.errno !== fault.errno) offend(`errno ${error.errno} of ${failed.name}: ${describe(error)}`);
    const code = codeOf(failed.name, fault.errno);
    if (error.code !== code) offend(`expected ${code}: ${describe(error)}`);
    if (error.syscall === undefined) offend(`no syscall: ${describe(error)}`);
    if (!/: .+/.test(error.message)) offend(`says nothing: ${error.message}`);
  }
}

/** Whether a call looks into /proc as others do before it and behind it. */
function isAnotherLook(looks: readonly MadeCall[], index: number): boolean {
  const kind = ({ name, path }: MadeCall) => `${name} ${path?.replace(/\d+/, 'N') ?? ''}`;
  const same = looks.flatMap((look, at) => (kind(look) === kind(looks[index] as MadeCall) ? [at] : []));
  return index !== same[0] && index !== same.at(-1);
}

/** Whether a call is like those around it: of the 64 locks that are looked at one after the other, the first and the last will do. */
function isOneOfMany(made: readonly MadeCall[], index: number): boolean {
  if (process.env['TENSOR_IPC_NTH'] === 'all') return false;
  const same = (other: number) => made[other]?.name === made[index]?.name && made[other]?.path === made[index]?.path;
  return [-3, -2, -1, 1, 2].every((step) => same(index + step));
}

/** What a failed call is said to be. */
function codeOf(name: string, errno: string): TensorIpcErrorCode {
  if (name === 'fcntl' && errno === 'EINVAL') return 'UNSUPPORTED_PLATFORM';
  if (name === 'mmap' && errno === 'ENOMEM') return 'ADDRESS_SPACE';
  const codes: Readonly<Record<string, TensorIpcErrorCode>> = {
    EACCES: 'PERMISSION_DENIED',
    EPERM: 'PERMISSION_DENIED',
    ENOSPC: 'SHM_FULL',
    ENOSYS: 'UNSUPPORTED_PLATFORM',
  };
  return codes[errno] ?? 'SYSTEM';
}

function describe(error: unknown): string {
  if (error instanceof TensorIpcError) return `${error.code}: ${error.message}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
