import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly arch: string;
  readonly kernel: string;
  readonly clockSource: string;
  readonly node: string;
  /** What runs the benchmarks: "Node 20.20.2". */
  readonly runtime: string;
  readonly koffi: string;
  readonly tensorIpc: string;
  readonly gcc: string | null;
  readonly date: string;
}

let folder: string | null = null;

/** Where bench/c lies: the bundle runs from a folder below the repository's. */
export function repositoryFolder(): string {
  if (folder !== null) return folder;
  let at = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(at, 'bench', 'c'))) {
    if (at === dirname(at)) throw new Error('bench/c is not above the bundle: run "npm run bench" in the repository');
    at = dirname(at);
  }
  folder = at;
  return at;
}

function versionOf(packageFile: string): string {
  const { version } = JSON.parse(readFileSync(join(repositoryFolder(), packageFile), 'utf8')) as { version: string };
  return version;
}

/** The runtime of this process. Deno and Bun also claim to be a Node. */
export function ownRuntime(): string {
  const { deno, bun, node } = process.versions;
  if (deno !== undefined) return `Deno ${deno}`;
  return bun === undefined ? `Node ${node}` : `Bun ${bun}`;
}

function gccVersion(): string | null {
  try {
    return execFileSync('gcc', ['-dumpfullversion'], { encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    // No compiler: main says so, with a hint.
    return null;
  }
}

function clockSource(): string {
  const file = '/sys/devices/system/clocksource/clocksource0/current_clocksource';
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : 'unknown';
}

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    arch: process.arch,
    kernel: release(),
    clockSource: clockSource(),
    node: process.version,
    runtime: ownRuntime(),
    koffi: versionOf('node_modules/koffi/package.json'),
    tensorIpc: versionOf('package.json'),
    gcc: gccVersion(),
    date: new Date().toISOString(),
  };
}
