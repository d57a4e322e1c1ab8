// What Node, Deno and Bun have in common: node:'s modules for timers, files, signals and exit.

import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { performance } from 'node:perf_hooks';
import * as timers from 'node:timers';
import { Ddsc } from '../../native-shim/ddsc';
import { type Descriptors, Libc } from '../../native-shim/libc';
import { type Architecture, isSupportedArchitecture } from '../../native-shim/linux';
import { version } from '../../package.json';
import type { DdsLibrary } from '../dds/library';
import { TensorIpcError } from '../runtime/errors';
import { isError } from '../runtime/realm';
import type { Machine, Platform, System, Timer } from '../runtime/system';
import { onEnd } from './ends';
import { process } from './process';
import { onSignals } from './signals';

// As they are now: a test runner's fake timers replace the globals and what node:timers exports, and the library would sleep for ever.
const { clearInterval, clearTimeout, setImmediate, setInterval, setTimeout } = timers;
const steadyMs = performance.now.bind(performance);

let system: System | null = null;

/** Throws UNSUPPORTED_PLATFORM where there are no pools. */
export function checkPlatform(): Architecture {
  const { platform, arch } = process;
  if (platform === 'linux' && isSupportedArchitecture(arch)) return arch;
  throw new TensorIpcError(
    'UNSUPPORTED_PLATFORM',
    `pools need POSIX shared memory on Linux x64 or arm64; this is ${platform} ${arch}`,
  );
}

export function openSystem(descriptors?: Descriptors): System {
  system ??= new Libc(checkPlatform(), descriptors);
  return system;
}

let dds: DdsLibrary | null = null;

/** The platform has been asked for its system before: an unsupported one gets no further than that. */
export function openDds(): DdsLibrary {
  dds ??= new Ddsc();
  return dds;
}

/** Empty where there is no answer: a container may hide it, Deno may not permit it. Nothing but what people read depends on it. */
function told(ask: () => string): string {
  try {
    return ask();
  } catch (error) {
    if (isError(error)) return '';
    throw error;
  }
}

function machine(): Machine {
  return {
    hostName: told(hostname),
    bootId: told(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()),
    libraryVersion: version,
  };
}

function timer(handle: NodeJS.Timeout, stop: () => void): Timer {
  return { setRef: (ref) => void (ref ? handle.ref() : handle.unref()), stop };
}

function onExit(callback: () => void): () => void {
  return onEnd(callback).remove;
}

/** From here on glibc asks the kernel for each block. */
const LARGE_BYTES = 1 << 17;

let keeps = false;

function allocate(bytes: number): ArrayBuffer {
  if (!keeps && bytes >= LARGE_BYTES) {
    keeps = true;
    openSystem().keepFreedMemory();
  }
  return Buffer.allocUnsafeSlow(bytes).buffer as ArrayBuffer;
}

export const common: Omit<Platform, 'runtime' | 'system' | 'monotonicNs' | 'openDoorbell' | 'openNotifier'> = {
  machine,
  steadyMs,
  every: (intervalMs, callback) => {
    const handle = setInterval(callback, intervalMs);
    handle.unref();
    return timer(handle, () => clearInterval(handle));
  },
  after: (delayMs, callback) => {
    const handle = setTimeout(callback, Math.min(delayMs, 0x7fffffff));
    return timer(handle, () => clearTimeout(handle));
  },
  turn: () => new Promise((resolve) => void setImmediate(resolve)),
  onExit,
  onSignals,
  warn: (message) => process.emitWarning(message, 'TensorIpcWarning'),
  allocate,
};
