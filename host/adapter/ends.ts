// Cleaning up when the process ends, after the program's own 'exit' handlers: a last put belongs there.
//
// Listeners run in the order in which they were added, so ours are moved whenever one is added: one in front of all, one behind them. One
// moment is too short for that: when a program adds its handler and calls process.exit() in one go. Then `process.reallyExit`, which
// process.exit calls when all listeners have run, is where to clean up.

import { setImmediate as immediate } from 'node:timers';
import { process } from './process';
import { isForeign, markOurs } from './signals';

const setImmediate = immediate;
const exiting = process as typeof process & { readonly _exiting?: boolean; reallyExit(code?: number): never };

/** Bun's unhandled rejections end in an 'exit' event that neither comes before nor leads to anything else that can be heard. */
const EXIT_MAY_COME_ALONE = 'bun' in process.versions;

/** Runs `callback` when process.exit has called its listeners. What others put in that place meanwhile is called after it. */
function beforeReallyExit(callback: () => void): void {
  const { reallyExit: base } = exiting;
  let inner = base;
  let called = false;
  const hook = (code?: number): never => {
    // Somebody who has wrapped us, and whom we call: no circles.
    if (called) return base.call(process, code);
    called = true;
    callback();
    return inner.call(process, code);
  };
  // Libraries that put their own back when they are done would otherwise throw ours out.
  Object.defineProperty(process, 'reallyExit', {
    configurable: true,
    enumerable: true,
    get: () => hook,
    set: (value: typeof base) => {
      inner = value;
    },
  });
}

export interface EndHook {
  /** Whether an 'exit' event is about to come that follows from no process.exit. */
  ending(): boolean;
  remove(): void;
}

/** Runs `callback` when the process ends with an 'exit' event, as late as can be. */
export function onEnd(callback: () => void): EndHook {
  // An end that leads through no process.exit.
  let ending = false;

  const first = () => {
    // Also for a handler that calls process.exit again: then the listeners behind it never run.
    beforeReallyExit(callback);
  };
  const last = () => {
    const listeners = process.listeners('exit');
    const behind = listeners.slice(listeners.lastIndexOf(last) + 1).some(isForeign);
    if (ending || EXIT_MAY_COME_ALONE || !behind) callback();
  };
  const moveApart = () => {
    process.removeListener('exit', first);
    process.prependListener('exit', first);
    process.removeListener('exit', last);
    process.on('exit', last);
  };

  const listenerAdded = (event: string | symbol, listener: object) => {
    // It is not there yet.
    if (event === 'exit' && isForeign(listener))
      Promise.resolve().then(() => process.listeners('exit').includes(last) && moveApart());
  };
  const soon = () => {
    ending = true;
    moveApart();
    // In Bun an immediate would be something to do, and the end would come for ever; nor does it matter there.
    if (EXIT_MAY_COME_ALONE) return;
    // Somebody may give the process more to do; then it did not end.
    setImmediate(() => {
      ending = false;
    }).unref();
  };
  const uncaught = () => {
    if (process.listenerCount('uncaughtException') > 0) return;
    soon();
    // Thrown by a handler of 'exit': those behind it never run.
    if (exiting._exiting === true) callback();
  };

  for (const listener of [first, last]) markOurs(listener);
  process.prependListener('exit', first);
  process.on('exit', last);
  process.on('newListener', listenerAdded);
  process.on('beforeExit', soon);
  process.on('uncaughtExceptionMonitor', uncaught);
  return {
    ending: () => ending,
    remove: () => {
      process.removeListener('exit', first);
      process.removeListener('exit', last);
      process.removeListener('newListener', listenerAdded);
      process.removeListener('beforeExit', soon);
      process.removeListener('uncaughtExceptionMonitor', uncaught);
    },
  };
}
