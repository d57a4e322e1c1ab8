// Garbage, collected on purpose. The tests' runtimes run with --expose-gc.

import { sleep } from './child';

const { gc: exposed, Bun: bun } = globalThis as { gc?: () => void; Bun?: { gc(synchronous: boolean): void } };
// Bun's worker threads have its own function only.
const gc = exposed ?? (bun && (() => bun.gc(true)));

/** JavaScriptCore takes whatever looks like a pointer on its stacks for one: of many objects a few may stay. */
export const CONSERVATIVE = bun !== undefined;

/** Collects garbage until a condition holds, or for so many rounds. Whether it holds. */
export async function collectUntil(condition: () => boolean, rounds = 400): Promise<boolean> {
  if (gc === undefined) throw new Error('run with --expose-gc');
  for (let round = 0; round < rounds && !condition(); round++) {
    gc();
    // The callbacks of finalisation come in turns of their own.
    await sleep(5);
  }
  return condition();
}

/** What the library warns of, from now on. */
export function warnings(): { readonly messages: string[]; [Symbol.dispose](): void } {
  const messages: string[] = [];
  const note = (warning: Error) => {
    if (warning.name === 'TensorIpcWarning') messages.push(warning.message);
  };
  process.on('warning', note);
  return { messages, [Symbol.dispose]: () => void process.off('warning', note) };
}
