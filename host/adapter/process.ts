// The process whose events come. A test runner's sandbox (Jest's) gives its programs a copy, which hears of no signal and no exit.

import imported from 'node:process';
import { runInThisContext } from 'node:vm';

function genuine(): typeof imported {
  // Deno and Bun have no such sandboxes, and modules of their own for what this uses.
  if ('deno' in imported.versions || 'bun' in imported.versions) return imported;
  // What this thread began in, whatever context this file is loaded in.
  const main: typeof imported | null = runInThisContext("typeof process === 'object' ? process : null");
  return main?.pid === imported.pid ? main : imported;
}

export const process = genuine();
