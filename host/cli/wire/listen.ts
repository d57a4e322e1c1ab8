// Asking Python pools what they are, with a line on the terminal meanwhile: it may take a second.

import { listenToPythonPools, type PythonPoolNews } from '../../entry/inspection';
import { TensorIpcError } from '../../entry/main';
import { note } from '../output';

/** How long to listen. Our producers repeat themselves every half second. */
export const LISTEN_MS = 1000;

/** News by name. Where Cyclone DDS is missing: a hint and no news, unless it is `needed`. */
export async function hear(
  names: readonly string[],
  domainId: number,
  needed: boolean,
): Promise<ReadonlyMap<string, PythonPoolNews>> {
  if (names.length === 0) return new Map();
  const progress = new Progress(`listening on DDS domain ${domainId}`, names.length);
  try {
    return await listenToPythonPools(names, { domainId, timeoutMs: LISTEN_MS, onProgress: (heard) => progress.show(heard) });
  } catch (error) {
    if (needed || !(error instanceof TensorIpcError) || error.code !== 'MISSING_DEPENDENCY') throw error;
    progress.clear();
    note(`What Python pools hold is told over DDS only. ${error.message}`);
    return new Map();
  } finally {
    progress.clear();
  }
}

/** A line that is gone when it is over; nothing where there is no terminal. */
class Progress {
  readonly #what: string;
  readonly #all: number;
  #shown = '';

  constructor(what: string, all: number) {
    this.#what = what;
    this.#all = all;
  }

  show(heard: number): void {
    if (process.stderr.isTTY !== true || process.env['TERM'] === 'dumb') return;
    const text = `${this.#what}: ${heard} of ${this.#all} heard`;
    if (text !== this.#shown) process.stderr.write(`\r\u001b[2K${text}`);
    this.#shown = text;
  }

  clear(): void {
    if (this.#shown !== '') process.stderr.write('\r\u001b[2K');
    this.#shown = '';
  }
}
