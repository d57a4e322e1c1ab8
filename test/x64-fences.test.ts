// What V8 makes of the core's fences on x86-64, in its own memory: three barriers of the fenced core, and not one of the core that this
// processor runs. And: which of the two a program gets. docs/design/0013-fences.md says why none is needed.

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { CoreLabel } from './support/core-modules';

const test = suite('x64-fences');
const check = process.arch === 'x64' ? test : test.skip;
if (process.arch !== 'x64') console.log(`skip: x64-fences: this is ${process.arch}`);

const program = (name: string) => fileURLToPath(new URL(`./${name}.mjs`, import.meta.url));

function barriers(compiler: readonly string[], core: CoreLabel): number {
  const output = execFileSync(process.execPath, [...compiler, program('x64-fences'), core], { encoding: 'utf8' });
  const { barriers, bytes } = JSON.parse(output) as { barriers: number; bytes: number };
  assert.ok(bytes > 1000, `${bytes} bytes of machine code were looked at`);
  return barriers;
}

for (const [compiler, flags] of [
  ['baseline', ['--liftoff-only']],
  ['optimising', ['--no-liftoff', '--no-wasm-tier-up']],
] as const) {
  check(`what V8's ${compiler} compiler makes of the core: three barriers with its fences, none without`, () => {
    // JavaScript's own code has none: what there is, is the core's.
    assert.is(barriers(flags, 'release'), 3);
    assert.is(barriers(flags, 'unfenced'), 0);
  });
}

for (const [value, fences] of [
  [undefined, process.arch === 'x64' ? 0 : 3],
  ['', process.arch === 'x64' ? 0 : 3],
  ['1', 3],
] as const) {
  test(`TENSOR_IPC_FENCES=${value ?? '(none)'}: a program's core has ${fences} fences`, () => {
    const { TENSOR_IPC_FENCES: _, ...environment } = process.env;
    const env = value === undefined ? environment : { ...environment, TENSOR_IPC_FENCES: value };
    assert.is(execFileSync(process.execPath, [program('which-core')], { encoding: 'utf8', env }).trim(), String(fences));
  });
}

test.run();
