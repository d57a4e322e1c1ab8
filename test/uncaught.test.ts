// What an error that nobody catches prints: its message first, then the calls by their names, and not the bundle that it came from.
// The package as users get it, on every runtime, as ESM and as CommonJS.

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { leftovers, poolName } from './support/child';
import { pack } from './support/registry';
import { installedRuntimes, type Runtime } from './support/runtimes';

/** All that an uncaught error may print. */
const MOST_BYTES = 2048;

const test = suite('uncaught errors');
const project = mkdtempSync(join(tmpdir(), 'tensor-ipc-uncaught-'));
const pools: string[] = [];

function write(name: string, text: string): void {
  writeFileSync(join(project, name), text);
}

test.before(() => {
  assert.ok(existsSync('dist/esm/index.mjs'), 'run "npm run build" first');
  const installed = join(project, 'node_modules/tensor-ipc');
  mkdirSync(installed, { recursive: true });
  for (const { filename } of pack(project).filter(({ name }) => name === 'tensor-ipc'))
    execFileSync('tar', ['xzf', join(project, filename), '--strip-components=1', '-C', installed]);
  for (const name of ['koffi', '@koromix']) symlinkSync(resolve('node_modules', name), join(project, 'node_modules', name));
  write('package.json', '{ "private": true, "dependencies": { "tensor-ipc": "*" } }');
});

test.after(() => {
  rmSync(project, { recursive: true, force: true });
  assert.equal(pools.flatMap(leftovers), []);
});

interface Case {
  readonly what: string;
  /** A function `start(pool)` of the user's, which throws. */
  readonly start: string;
  readonly message: RegExp;
  /** Calls that the trace names, up to the user's. */
  readonly frames: readonly string[];
}

const CASES: readonly Case[] = [
  {
    what: 'a wrong argument',
    start: 'function start(pool) { TensorProducer.fromSample(pool, new Float32Array(3)).put(new Float32Array(4)); }',
    message: /^TensorIpcError: pool '[\w-]+': expected shape \[3\], found \[4\]/,
    frames: ['put', 'start'],
  },
  {
    what: 'a pool that somebody has',
    start: 'function start(pool) { for (;;) keep.push(TensorProducer.fromSample(pool, new Float32Array(3))); }',
    message: /^TensorIpcError: pool '[\w-]+' has a live producer/,
    frames: ['openForProducer', 'new TensorProducer', 'fromSample', 'start'],
  },
  {
    what: 'a failed system call',
    start: 'function start(pool) { TensorProducer.fromSample(pool, new Uint8Array(2 ** 30), { historyLen: 2 ** 20 }); }',
    message: /^TensorIpcError: pool '[\w-]+' needs .* but \/dev\/shm has/,
    frames: ['openForProducer', 'new TensorProducer', 'fromSample', 'start'],
  },
  {
    what: 'a rejection that nobody handles',
    start:
      'async function start(pool) { await TensorProducer.fromSample(pool, new Float32Array(3)).putAsync(new Float32Array(4)); }',
    message: /^TensorIpcError: pool '[\w-]+': expected shape \[3\], found \[4\]/,
    frames: [],
  },
];

const MODULES = {
  mjs: "import { TensorProducer } from 'tensor-ipc';",
  cjs: "const { TensorProducer } = require('tensor-ipc');",
} as const;

/** What a runtime prints in front of the message by its own choice: Deno two words, Bun the lines before the one that threw. */
function afterPreface(stderr: string, { name }: Runtime): string {
  if (name.startsWith('deno')) return stderr.replace(/^error: Uncaught (\(in promise\) )?/, '');
  if (!name.startsWith('bun')) return stderr;
  const lines = stderr.split('\n');
  const preface = lines.findIndex((line) => !/^\s*\d+ \| /.test(line));
  assert.ok(preface <= 6, `${preface} lines of source`);
  return lines
    .slice(preface)
    .join('\n')
    .replace(/^ *\^\n/, '');
}

function checkPrint(runtime: Runtime, extension: keyof typeof MODULES, { start, message, frames }: Case): void {
  const pool = poolName('uncaught');
  pools.push(pool);
  const file = `start.${extension}`;
  write(file, `${MODULES[extension]}\nconst keep = [];\n${start}\nstart('${pool}');\n`);
  const { program, args } = runtime;
  const { status, stderr } = spawnSync(program, [...args, file], {
    cwd: project,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined },
    timeout: 60_000,
    killSignal: 'SIGKILL',
  });
  const said = `${runtime.name} ${file}\n${stderr}`;
  assert.is(status, 1, said);
  assert.match(afterPreface(stderr, runtime), message, said);
  assert.ok(Buffer.byteLength(stderr) <= MOST_BYTES, `${Buffer.byteLength(stderr)} bytes: ${said}`);
  // The names that the sources have, and no property that was not set.
  const trace = stderr.split('\n').filter((line) => /^\s+at /.test(line));
  for (const frame of frames) {
    const pattern = new RegExp(`^\\s+at (async )?(\\w+\\.)?${frame} `);
    assert.ok(
      trace.some((line) => pattern.test(line)),
      `${frame}: ${said}`,
    );
  }
  assert.not.match(stderr, /\b_Tensor|: undefined/, said);
}

for (const runtime of installedRuntimes()) {
  for (const extension of ['mjs', 'cjs'] as const) {
    test(`${runtime.name}, ${extension}`, () => {
      for (const each of CASES) checkPrint(runtime, extension, each);
    });
  }
}

test.run();
