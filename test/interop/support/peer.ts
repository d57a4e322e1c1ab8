// Libraries of test/interop/node_modules. They are no dependencies of the root, so that npm ci there stays light.

import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { test } from 'uvu';

const require = createRequire(resolve('test/interop/package.json'));

/** Where a package of test/interop is, or null, with one printed line, when it is not installed. */
export function peerPath(name: string): string | null {
  try {
    return require.resolve(name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    console.log(`\nskip: ${name} is not installed: run "npm run peers interop"`);
    return null;
  }
}

/** A package of test/interop. One that is there and does not load is a failure, not a skip. */
export function loadPeer<M>(name: string): M | null {
  const path = peerPath(name);
  return path === null ? null : (require(path) as M);
}

/** A test for which something has to be there: skipped when it is null. */
export function testWith<M>(needed: M | null, name: string, body: (needed: M) => void | Promise<void>): void {
  if (needed === null) test.skip(name);
  else test(name, () => body(needed));
}

/** What a test found out and whoever reads its output should know. */
export function note(text: string): void {
  console.log(`\nnote: ${text} (Node ${process.versions.node})`);
}

/** Runs something that this version of the runtime may refuse: what it threw, or null. */
export async function refusal(attempt: () => unknown): Promise<Error | null> {
  try {
    await attempt();
    return null;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
}
