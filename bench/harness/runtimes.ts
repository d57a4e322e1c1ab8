// The runtimes that test/runtimes installs as npm packages. Any of them runs this very program.

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ownRuntime, repositoryFolder } from './machine';

const FOLDER = 'test/runtimes/node_modules';

export const HOW_TO_INSTALL = 'run "npm run peers runtimes"';

export interface Runtime {
  /** "Node 22". */
  readonly name: string;
  readonly kind: 'node' | 'deno' | 'bun';
  readonly program: string;
  /** In front of the program's path. */
  readonly args: readonly string[];
}

export interface InstalledRuntime extends Runtime {
  /** "Node 22.23.3". */
  readonly title: string;
}

const nodes = [20, 22, 24, 26].map(
  (major): Runtime => ({ name: `Node ${major}`, kind: 'node', program: `node${major}/bin/node`, args: [] }),
);

const known: readonly Runtime[] = [
  ...nodes,
  { name: 'Deno', kind: 'deno', program: '@deno/linux-x64-glibc/deno', args: ['run', '-A', '--no-prompt'] },
  { name: 'Bun', kind: 'bun', program: '@oven/bun-linux-x64/bin/bun', args: [] },
];

function titled(runtime: Runtime): InstalledRuntime {
  const { kind, program } = runtime;
  const version = /\d+\.\d+\.\d+/.exec(execFileSync(program, ['--version'], { encoding: 'utf8' }))?.[0];
  if (version === undefined) throw new Error(`${program} --version names none`);
  return { ...runtime, title: `${kind[0]?.toUpperCase()}${kind.slice(1)} ${version}` };
}

/** Those that can be run here, and the names of those that are not installed. The one that runs this needs no installing. */
export function findRuntimes(): { readonly installed: readonly InstalledRuntime[]; readonly absent: readonly string[] } {
  const installed: InstalledRuntime[] = [];
  const absent: string[] = [];
  const own = ownRuntime();
  for (const runtime of known) {
    const program = join(repositoryFolder(), FOLDER, runtime.program);
    if (existsSync(program)) installed.push(titled({ ...runtime, program }));
    // "Node 20" of "Node 20.20.2", "Deno" of "Deno 2.9.6".
    else if (/^[. ]/.test(own.startsWith(runtime.name) ? own.slice(runtime.name.length) : ''))
      installed.push(titled({ ...runtime, program: process.execPath }));
    else absent.push(runtime.name);
  }
  return { installed, absent };
}
