// The runtimes that test/runtimes installs, and the one that the tests run in.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** A runtime and how it runs a program. */
export interface Runtime {
  /** 'node 22.23.3' */
  readonly name: string;
  readonly program: string;
  /** In front of the program's path. */
  readonly args: readonly string[];
}

const MODULES = resolve('test/runtimes/node_modules');
const DENO_ARGS = ['run', '-A', '--no-prompt', '--v8-flags=--expose-gc'];

/** Program, arguments, and what comes before the version that it prints. */
const KNOWN: readonly (readonly [kind: string, program: string, args: readonly string[]])[] = [
  ...['node20', 'node22', 'node24', 'node26'].map(
    (folder) => ['node', `${folder}/bin/node`, ['--expose-gc', '--no-warnings']] as const,
  ),
  ['deno', '@deno/linux-x64-glibc/deno', DENO_ARGS],
  ['bun', '@oven/bun-linux-x64/bin/bun', ['--expose-gc']],
];

/** Those that are installed; prints a line for each that is not. */
export function installedRuntimes(): Runtime[] {
  return KNOWN.flatMap(([kind, path, args]) => {
    const program = join(MODULES, path);
    if (!existsSync(program)) {
      console.log(`skip: ${path} is not there: run "npm run peers runtimes"`);
      return [];
    }
    const { stdout, error } = spawnSync(program, ['--version'], { encoding: 'utf8' });
    const version = stdout?.match(/\d+\.\d+\.\d+/)?.[0];
    if (version === undefined) throw new Error(`${program} does not run here: ${error?.message ?? 'it prints no version'}`);
    return [{ name: `${kind} ${version}`, program, args }];
  });
}
