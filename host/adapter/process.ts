// The process whose events come. A test runner's sandbox (Jest's) gives its programs a copy, which hears of no signal and no exit.

import imported from 'node:process';
import { runInThisContext } from 'node:vm';

/** What this thread began in, whatever context this file is loaded in. */
function outermost(): typeof globalThis {
  // Deno and Bun have no such sandboxes, and modules of their own for what this uses.
  if ('deno' in imported.versions || 'bun' in imported.versions) return globalThis;
  return runInThisContext('globalThis');
}

/** The global object that programs share things over. */
export const mainGlobal: object = outermost();

function genuine(): typeof imported {
  const { process } = mainGlobal as { process?: typeof imported };
  return process?.pid === imported.pid ? process : imported;
}

export const process = genuine();
