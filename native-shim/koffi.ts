// The only importer of koffi. Loaded on first use, so that importing the library works where koffi or Linux is absent.

import { createRequire } from 'node:module';
import type Koffi from 'koffi';
import { TensorIpcError } from '../host/runtime/errors';
import { isError } from '../host/runtime/realm';

export type { KoffiFunc } from 'koffi';
export type KoffiModule = typeof Koffi;
export type NativeLibrary = ReturnType<KoffiModule['load']>;

let loaded: KoffiModule | null = null;

export function loadKoffi(): KoffiModule {
  if (loaded !== null) return loaded;
  try {
    // A program that is bundled to CommonJS has no import.meta, but a file name.
    loaded = createRequire(import.meta.url ?? __filename)('koffi') as KoffiModule;
  } catch (cause) {
    throw notLoaded(cause);
  }
  return loaded;
}

/** Why koffi could not be loaded. It may be installed, and not allowed. */
function notLoaded(cause: unknown): TensorIpcError {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined;
  const why = typeof cause === 'object' && cause !== null && 'message' in cause ? String(cause.message) : String(cause);
  if (code === 'ERR_DLOPEN_DISABLED') {
    return new TensorIpcError(
      'PERMISSION_DENIED',
      `Node does not let this program load koffi, a native addon, which makes the system calls (${why}): start it without --no-addons, and ` +
        'where it runs with --permission, with --allow-addons as well',
      { cause },
    );
  }
  if (code === 'ERR_ACCESS_DENIED') {
    return new TensorIpcError(
      'PERMISSION_DENIED',
      `Node does not let this program read koffi, which makes the system calls (${why}): start it with --allow-fs-read for the folder of ` +
        'its node_modules, and with --allow-addons',
      { cause },
    );
  }
  const installed = code !== 'MODULE_NOT_FOUND';
  return new TensorIpcError(
    'MISSING_DEPENDENCY',
    'koffi, which makes the system calls, could not be loaded' +
      (installed ? ` (${why.split('\n', 1)[0]})` : '') +
      ': run "npm install koffi" beside tensor-ipc (a bundler must leave it external, and an asar archive must leave it unpacked)',
    { cause },
  );
}

/** A function that not every version has, or null. */
export function optional(library: NativeLibrary, name: string, result: string, parameters: string[]) {
  try {
    return library.func(name, result, parameters);
  } catch (error) {
    if (isError(error)) return null;
    throw error;
  }
}
