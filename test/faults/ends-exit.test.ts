// The program's own 'exit' handlers find its pools open, whenever they are added; when they have run, nothing is left.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { leftovers, poolName } from '../support/child';
import { installedRuntimes, type Runtime } from '../support/runtimes';
import { Program, THIS_NODE } from './support/program';

const test = suite('exit handlers');
const ORDERS = ['before', 'after', 'both'] as const;

/** How it ends, its exit code, and whether handlers run at all. */
const ENDS: readonly (readonly [how: string, code: number, runs?: boolean])[] = [
  ['end', 0],
  ['exit', 3],
  ['exit-later', 3],
  ['throw', 1],
  ['throw-later', 1],
  ['reject', 1],
  ['after-before', 3],
  ['exit-in-exit', 5, false],
  ['throw-in-exit', 1, false],
  ['worker-end', 0],
  ['worker-exit', 0],
  ['worker-throw', 1],
];

/** What differs, and why: see docs/design/0009-runtimes.md. */
function expected(runtime: Runtime, how: string, order: (typeof ORDERS)[number], runs: boolean): string[] | null {
  if (runtime.name.startsWith('deno')) {
    // Deno ends on an error without an exit event, and a worker on one without its own.
    if (how === 'worker-throw') return null;
    if (/throw|reject/.test(how)) return [];
  }
  if (!runs) return [];
  // In one go with process.exit, Bun's handlers that were added after the pool was opened come after its end.
  const late = runtime.name.startsWith('bun') && (how === 'exit' || how === 'worker-exit') ? 'CLOSED' : null;
  if (order === 'before') return ['put 0'];
  return order === 'after' ? [late ?? 'put 0'] : ['put 0', late ?? 'put 1'];
}

async function ends(runtime: Runtime, how: string, order: (typeof ORDERS)[number], code: number, runs: boolean): Promise<void> {
  const pool = poolName('exit');
  const program = new Program(runtime, 'ends-exiting', [pool, order, how]);
  const end = await program.ended();
  const lines = expected(runtime, how, order, runs);
  if (lines !== null) {
    assert.is(end, code, program.stdout + program.stderr);
    assert.equal(program.lines, lines, program.stderr);
  }
  assert.equal(leftovers(pool), [], `${order}\n${program.stdout}${program.stderr}`);
}

for (const [how, code, runs = true] of ENDS) {
  test(`${how}: handlers added before the pool was opened, after, and both`, async () => {
    for (const order of ORDERS) await ends(THIS_NODE, how, order, code, runs);
  });
}

// Node's versions end alike: the newest stands for them.
const others = installedRuntimes();
const newest = others.filter(({ name }) => name.startsWith('node')).at(-1);
for (const runtime of others.filter((other) => other === newest || !other.name.startsWith('node'))) {
  test(`${runtime.name}: every end`, async () => {
    for (const [how, code, runs = true] of ENDS) await ends(runtime, how, 'both', code, runs);
  });
}

test.run();
