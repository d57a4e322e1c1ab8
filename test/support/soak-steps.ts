// Kills the process it runs in at an exact step: before or after the n-th call of a core function or a system call, or between two
// stores of a core function. The product is not changed for it: the system calls are wrapped where the platform hands them out, the
// core where it is instantiated.

import { writeSync } from 'node:fs';
import 'tensor-ipc';
import wasm from '../../dist/core.wasm';
import { installPlatform, platform, type System } from '../../host/runtime/system';
import { Breakpoints } from './soak-wasm';

/** Where a process is to die. */
export interface KillPlan {
  /** A core function, a method of System, or a step of the soak's own programs. */
  readonly label: string;
  readonly nth: number;
  /** 'store': inside the core function, after one of its stores (`store` modulo their number). */
  readonly when: 'before' | 'after' | 'store';
  readonly store: number;
}

/** Descriptor of the log: what has been written to a pipe outlives the writer. */
const LOG_FD = 3;

/** CLOCK_MONOTONIC: the same in all processes. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** One line to the parent. Synchronous, so that nothing said before a kill is lost. */
export function log(line: object): void {
  writeSync(LOG_FD, `${JSON.stringify(line)}\n`);
}

let plan: KillPlan | null = null;
let calls = 0;

export function die(step: string): never {
  log({ kind: 'killed', step, at: nowMs() });
  process.kill(process.pid, 'SIGKILL');
  for (;;); // The signal is there before the next instruction of this thread; this tells the compiler.
}

/** A step of the soak's own: somewhere between two calls of the library. */
export function step(label: string): void {
  if (plan?.label !== label) return;
  calls += 1;
  if (calls >= plan.nth) die(`at ${label} #${calls}`);
}

type AnyFunction = (...args: never[]) => unknown;
type InstanceArguments = ConstructorParameters<typeof WebAssembly.Instance>;

/** The planned call, wrapped. `broken` is the same function with a breakpoint in it. */
function fatal(call: AnyFunction, { label, nth, when }: KillPlan, broken: AnyFunction | null, site: string): AnyFunction {
  return (...args: never[]) => {
    calls += 1;
    if (calls < nth) return call(...args);
    if (when === 'before') die(`before ${label} #${calls}`);
    if (when === 'store' && broken !== null) {
      try {
        // A branch without that store is not broken: then the next call is tried.
        return broken(...args);
      } catch (error) {
        if (error instanceof Error && error.name === 'RuntimeError') die(`inside ${label} #${calls}, ${site}`);
        throw error;
      }
    }
    const result = call(...args);
    die(`after ${label} #${calls}${result === null || result === false || Number(result) < 0 ? ' (no)' : ''}`);
  };
}

function wrapSystem(system: System, target: KillPlan | null, onWait: () => void): System {
  // The methods use private fields: they must be called on the system itself.
  const bound = new Map<PropertyKey, unknown>();
  return new Proxy(system, {
    get(object, key) {
      const known = bound.get(key);
      if (known !== undefined) return known;
      const value: unknown = Reflect.get(object, key, object);
      if (typeof value !== 'function') return value;
      const method = value.bind(object) as AnyFunction;
      let wrapped = key === target?.label ? fatal(method, target, null, '') : method;
      if (key === 'futexWait') {
        const wait = wrapped;
        wrapped = (...args: never[]) => {
          onWait();
          return wait(...args);
        };
      }
      bound.set(key, wrapped);
      return wrapped;
    },
  });
}

function wrapCore(target: KillPlan): void {
  const breakpoints = new Breakpoints(wasm);
  if (!breakpoints.functions.includes(target.label)) return;
  const Instance = WebAssembly.Instance;
  const count = breakpoints.storeCount(target.label);
  const site = count === 0 ? 0 : target.store % count;
  const instrumented = new Proxy(Instance, {
    construct(_, [module, imports]: InstanceArguments) {
      const exports = { ...new Instance(module, imports).exports };
      const call = exports[target.label] as AnyFunction;
      // Instances have no state of their own: a second one over the same memory is the same core, with a breakpoint.
      const broken =
        target.when === 'store' && count > 0
          ? new Instance(new WebAssembly.Module(breakpoints.trapAfter(target.label, site)), imports).exports[target.label]
          : undefined;
      const wrapped = fatal(call, target, (broken as AnyFunction | undefined) ?? null, `store ${site + 1} of ${count}`);
      return { exports: { ...exports, [target.label]: wrapped } };
    },
  });
  Reflect.set(WebAssembly, 'Instance', instrumented);
}

let waitHook = (): void => undefined;

/** Calls back before each slice that the library sleeps in a system call: a process that hangs there says so while it can. */
export function onWait(hook: () => void): void {
  waitHook = hook;
}

/** Call once, before the first pool is opened. */
export function installKill(target: KillPlan | null): void {
  plan = target;
  if (target !== null) wrapCore(target);
  const original = platform();
  let system: System | null = null;
  installPlatform({
    ...original,
    system: () => {
      system ??= wrapSystem(original.system(), target, () => waitHook());
      return system;
    },
  });
}
