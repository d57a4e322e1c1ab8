// Cleaning up before the process dies of a signal.
//
// A listener keeps the signal from doing what it would have done, so it must see to that. The program's own handlers decide first: if
// one exits, the exit hook runs; if it goes on, so do we. That makes two libraries of this kind wait for each other, unless they know
// each other. signal-exit (inside execa, proper-lockfile and many command lines) is the one that everybody has.

import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { setImmediate as immediate } from 'node:timers';
import { mainGlobal, process } from './process';

const setImmediate = immediate;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Marks our listeners, also for another copy of this library in the same process (one imported, one required). */
export const OURS = Symbol.for('tensor-ipc.cleanup');

export function isForeign(listener: object): boolean {
  return !(OURS in listener);
}

export function markOurs(listener: object): void {
  Object.defineProperty(listener, OURS, { value: true });
}

function foreignCount(signal: NodeJS.Signals): number {
  return process.listeners(signal).filter(isForeign).length;
}

interface Counted {
  count: number;
}

function asCounted(value: unknown): Counted | null {
  return typeof value === 'object' && value !== null && 'count' in value && Number.isInteger(value.count)
    ? (value as Counted)
    : null;
}

/**
 * How many listeners signal-exit has on each signal, by its own count: of version 3 and of version 4. It acts when there are no others,
 * then takes its listener away and sends the signal again; version 4 counts those of version 3 in.
 */
function signalExits(): { readonly third: Counted | null; readonly fourth: Counted | null } {
  const at = (owner: object, key: PropertyKey) => asCounted(Reflect.get(owner, key));
  return { third: at(process, '__signal_exit_emitter__'), fourth: at(mainGlobal, Symbol.for('signal-exit emitter')) };
}

// Whether signal-exit counts us now.
let counted = false;

/**
 * Lets signal-exit act while our listener is still there, by being counted with its own until the signal has been dealt with. So its
 * callbacks run while pools are open, and one that keeps the process alive (`return true`) keeps them open. If none does, the signal
 * comes again, to us alone.
 */
function letSignalExitAct(signal: NodeJS.Signals, { third, fourth }: ReturnType<typeof signalExits>): void {
  // Version 3 knows nothing of version 4, whose turn comes first.
  const emitter = third !== null && third.count > 0 ? third : fourth;
  if (emitter === null || counted) return;
  const before = foreignCount(signal);
  counted = true;
  emitter.count += 1;
  // When all listeners have had the signal.
  setImmediate(() => {
    // Deno calls those first that came first: then it looked before it was told, and is asked again.
    if (foreignCount(signal) === before) process.emit(signal, signal);
    emitter.count -= 1;
    counted = false;
  });
}

/** Whether the process was started so that it does not notice the signal (nohup), and nobody has listened to it yet. */
function isIgnored(signal: NodeJS.Signals): boolean {
  try {
    const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '0';
    return ((BigInt(`0x${mask}`) >> BigInt(constants.signals[signal] - 1)) & 1n) === 1n;
  } catch {
    // Deno may not be allowed to look.
    return false;
  }
}

/** The signal does what it would have done without us. */
function die(signal: NodeJS.Signals): void {
  // The kernel spares the first process of a container what it has no handler for: it would go on, deaf. Exit handlers clean up.
  if (process.pid === 1) process.exit(128 + constants.signals[signal]);
  process.kill(process.pid, signal);
}

/** Runs `callback` before the process dies of a signal that nobody else handles. Returns how to take it back. */
export function onSignals(callback: () => void): () => void {
  const removals = SIGNALS.filter((signal) => !isIgnored(signal)).map((signal) => {
    const handler = () => {
      const others = foreignCount(signal);
      const exits = signalExits();
      if (others > (exits.third?.count ?? 0) + (exits.fourth?.count ?? 0)) return;
      if (others > 0) {
        letSignalExitAct(signal, exits);
        return;
      }
      // As the first process it exits, and the exit hooks of all copies of this library run.
      if (process.pid !== 1) {
        callback();
        process.removeListener(signal, handler);
        // The last copy to have cleaned up lets the signal through.
        if (process.listenerCount(signal) > 0) return;
      }
      die(signal);
    };
    markOurs(handler);
    // In front, so that a program's own once() handler still counts when we look, and so that signal-exit's comes after us.
    process.prependListener(signal, handler);
    return () => void process.removeListener(signal, handler);
  });
  return () => {
    for (const remove of removals) remove();
  };
}
