// Deno: as Node, but for its clock and its permissions.

import { closeSync, openSync } from 'node:fs';
import process from 'node:process';
import type { DdsLibrary } from '../dds/library';
import { TensorIpcError } from '../runtime/errors';
import { isError } from '../runtime/realm';
import type { Platform, System } from '../runtime/system';
import { checkPlatform, common, openDds, openSystem } from './common';
import { onEnd } from './ends';
import { openFifoDoorbell, openPipeNotifier } from './fifo';
import { trackedDescriptors } from './tracked';

/** The part of Deno that is used. https://docs.deno.com/api/deno/~/Deno.Permissions */
declare const Deno: {
  permissions: { querySync(descriptor: { name: 'ffi' }): { state: 'granted' | 'denied' | 'prompt' } };
};

/** What Deno throws where a permission is missing. */
function isRefusal(error: unknown): error is Error {
  return isError(error) && error.name === 'NotCapable';
}

function refused(cause?: Error): TensorIpcError {
  return new TensorIpcError(
    'PERMISSION_DENIED',
    'Deno does not let this program make system calls: run it with --allow-ffi, and with --allow-read so that koffi is found' +
      (cause === undefined ? '' : ` (${cause.message})`),
    { cause },
  );
}

function mayUseFiles(): boolean {
  try {
    closeSync(openSync('/dev/shm', 'r'));
    return true;
  } catch (error) {
    if (isRefusal(error)) return false;
    throw error;
  }
}

let system: System | null = null;

function openPermitted(): System {
  if (system !== null) return system;
  checkPlatform();
  // All system calls are made through koffi: Deno's own file functions want --allow-all for anything in /dev.
  if (Deno.permissions.querySync({ name: 'ffi' }).state !== 'granted') throw refused();
  try {
    system = openSystem(mayUseFiles() ? trackedDescriptors : undefined);
    return system;
  } catch (error) {
    throw error instanceof TensorIpcError && isRefusal(error.cause) ? refused(error.cause) : error;
  }
}

/** In Deno the global object is a target of events, which Node's types do not know. */
const globalEvents = globalThis as object as {
  addEventListener(name: string, listener: (event: Event) => void): void;
  removeEventListener(name: string, listener: (event: Event) => void): void;
};

function afterNextEmit(callback: () => void): void {
  const { emit } = process;
  const value = (...args: unknown[]) => {
    try {
      return Reflect.apply(emit, process, args);
    } finally {
      callback();
    }
  };
  Object.defineProperty(process, 'emit', { configurable: true, writable: true, value });
}

/** Deno ends on an error that nobody handles without the exit event: the error itself is the last that is heard. */
function onExit(callback: () => void): () => void {
  const end = onEnd(callback);
  const fatal = ({ type, defaultPrevented }: Event) => {
    const handled = process.listenerCount(type === 'error' ? 'uncaughtException' : 'unhandledRejection') > 0;
    if (!defaultPrevented && !handled) callback();
  };
  const events = ['error', 'unhandledrejection'] as const;
  for (const name of events) globalEvents.addEventListener(name, fatal);
  // Deno.exit has an event of its own, and no other. Where the program ends because it has nothing more to do, the same event comes
  // before the handlers of 'exit', the next that is emitted; one that throws is the last to run.
  const unload = () => {
    if (end.ending()) afterNextEmit(callback);
    else callback();
  };
  globalEvents.addEventListener('unload', unload);
  return () => {
    end.remove();
    for (const name of events) globalEvents.removeEventListener(name, fatal);
    globalEvents.removeEventListener('unload', unload);
  };
}

export const denoPlatform: Platform = {
  ...common,
  onExit,
  runtime: 'deno',
  system: openPermitted,
  // Deno's own clocks start with the process.
  monotonicNs: () => openSystem().monotonicNs(),
  openDoorbell: (name, mode, onRing, onHangUp) => openFifoDoorbell(name, mode, onRing, onHangUp, true),
  openNotifier: openPipeNotifier,
};

export function denoDds(): DdsLibrary {
  openPermitted();
  return openDds();
}
