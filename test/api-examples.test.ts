// docs/api.md: each method has an example, and every example type-checks against the API as it is.

import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { blocks, read } from './support/documents';

/** What the examples take for granted. */
const GIVEN = `
import * as api from 'tensor-ipc';
import type { Worker } from 'node:worker_threads';
declare const producer: api.TensorProducer<Uint8Array>;
declare const consumer: api.TensorConsumer<Uint8Array>;
declare const image: { data: Uint8Array; shape: number[] };
declare const rgb: { data: Uint8Array; shape: number[] };
declare const depth: { data: Uint16Array; shape: number[] };
declare function show(picture: object, ...more: unknown[]): void;
declare const exposedNs: bigint;
declare const signal: AbortSignal;
declare const worker: Worker;
declare const bar: { update(part: number): void };
declare function renderInto(pixels: Uint8Array): void;
declare function infer(frame: object): void;
declare const parentPort: import('node:worker_threads').MessagePort;
`;

/** What closes things or is Node's, and the constructors whose example stands with the last of their group. */
const WITHOUT =
  /`(cleanup|on)\b|`new Tensor|`TensorProducer\.create\(metadata|`TensorConsumer\.(fromSample|fromShared|open\(name)/;

test('each method of docs/api.md has an example', () => {
  const missing = read('docs/api.md')
    .split(/^##+ /m)
    .filter((section) => !section.includes('```ts'))
    .map((section) => section.slice(0, section.indexOf('\n')))
    .filter((heading) => /^`.*\(/.test(heading) && !WITHOUT.test(heading));
  assert.equal(missing, []);
});

test('every example of docs/api.md type-checks', () => {
  const folder = `build/api-examples-${process.pid}`;
  mkdirSync(folder, { recursive: true });
  try {
    const names = new Set<string>();
    const bodies = blocks('docs/api.md', 'ts').map((block) =>
      block.replaceAll(/^import \{([^}]*)\} from 'tensor-ipc';.*\n/gm, (_, list: string) => {
        for (const name of list.split(',')) names.add(name.trim());
        return '';
      }),
    );
    assert.ok(bodies.length > 25);
    const functions = bodies.map((body, index) => `export async function example${index}(): Promise<void> {\n${body}}\n`);
    const imports = `import { ${[...names].sort().join(', ')} } from 'tensor-ipc';\n`;
    writeFileSync(`${folder}/examples.ts`, `${imports}${GIVEN}${functions.join('\n')}`);
    const settings = {
      extends: '../../tsconfig.json',
      // A user's habits are not ours.
      compilerOptions: {
        noPropertyAccessFromIndexSignature: false,
        noUncheckedIndexedAccess: false,
        noUnusedLocals: false,
        rootDir: '../..',
      },
      include: ['examples.ts', '../../host/memory/wasm.d.ts'],
    };
    writeFileSync(`${folder}/tsconfig.json`, JSON.stringify(settings));
    const { status, stdout } = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', folder], {
      encoding: 'utf8',
    });
    assert.is(status, 0, stdout);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test.run();
