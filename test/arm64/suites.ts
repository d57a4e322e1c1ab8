// Suites of the whole test folder with an emulated Node: each a run of scripts/arm64.mjs.

import { spawn } from 'node:child_process';
import * as assert from 'uvu/assert';

interface Run {
  readonly code: number | null;
  readonly output: string;
}

function runScript(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Run> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['scripts/arm64.mjs', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    let output = '';
    const take = (chunk: string) => {
      output += chunk;
    };
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    child.on('close', (code) => resolve({ code, output }));
  });
}

/** Runs suites on arm64, and passes on why some were skipped. */
export async function assertPasses(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<void> {
  const { code, output } = await runScript(args, env);
  for (const line of output.split('\n'))
    if (/^ *skip: /.test(line)) console.log(`\n${line.replace(/^ *skip: /, 'skip: on arm64: ')}`);
  assert.is(code, 0, output);
  assert.match(output, /\n[1-9]\d* passed, 0 failed, /);
}
