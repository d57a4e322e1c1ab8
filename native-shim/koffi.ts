// The only importer of koffi. Loaded on first use, so that importing the library works where koffi or Linux is absent.

import { createRequire } from 'node:module';
import type Koffi from 'koffi';
import { TensorIpcError } from '../host/runtime/errors';

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
    throw new TensorIpcError(
      'MISSING_DEPENDENCY',
      'koffi, which makes the system calls, could not be loaded: run "npm install koffi" beside tensor-ipc' +
        ' (a bundler must leave it external, and an asar archive must leave it unpacked)',
      { cause },
    );
  }
  return loaded;
}

/** A function that not every version has, or null. */
export function optional(library: NativeLibrary, name: string, result: string, parameters: string[]) {
  try {
    return library.func(name, result, parameters);
  } catch (error) {
    if (error instanceof Error) return null;
    throw error;
  }
}
