// A user's machine in a folder: programs on the PATH, a home, caches of its own, and the registry on the loopback. Nothing of the
// repository is in sight of what runs in it.

import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { type Packed, pack, Registry } from './registry';

/** What runs and hangs is killed after this long. A watchdog, not a limit on how fast it must be. */
const WATCHDOG_MS = 60_000;

export interface Ran {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process under way. It has a process group of its own, as one that a shell starts. */
export class Running {
  readonly ended: Promise<Ran>;
  /** Standard output so far. */
  output = '';
  readonly #group: number;
  readonly #listeners = new Set<() => void>();
  #over = false;

  constructor(command: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv) {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    this.#group = child.pid ?? 0;
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.output += text;
      for (const listener of this.#listeners) listener();
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const watchdog = setTimeout(() => this.signalGroup('SIGKILL'), WATCHDOG_MS);
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        clearTimeout(watchdog);
        this.#over = true;
        for (const listener of this.#listeners) listener();
        resolve({ code, signal, stdout: this.output, stderr });
      });
    });
  }

  /** To every process of the group, as Ctrl-C in a terminal. */
  signalGroup(signal: NodeJS.Signals): void {
    if (!this.#over && this.#group > 0) process.kill(-this.#group, signal);
  }

  /** Waits until it has printed something, or has ended. */
  printed(text: string): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!this.#over && !this.output.includes(text)) return;
        this.#listeners.delete(look);
        resolve();
      };
      this.#listeners.add(look);
      look();
    });
  }
}

/** A folder in which a user works: commands are lines as they would be typed, without a shell's quotes. */
export class Project {
  constructor(
    readonly folder: string,
    readonly env: NodeJS.ProcessEnv,
  ) {}

  write(name: string, text: string): void {
    mkdirSync(dirname(join(this.folder, name)), { recursive: true });
    writeFileSync(join(this.folder, name), text);
  }

  start(line: string, env: NodeJS.ProcessEnv = {}): Running {
    const [command = '', ...args] = line.split(' ');
    const whole = { ...this.env, ...env };
    // Looked up on the PATH of the child, not on ours.
    const path = whole['PATH']?.split(':').map((place) => join(place, command));
    return new Running(path?.find((candidate) => existsSync(candidate)) ?? command, args, this.folder, whole);
  }

  run(line: string, env: NodeJS.ProcessEnv = {}): Promise<Ran> {
    return this.start(line, env).ended;
  }

  /** Runs it and expects success; its standard output. */
  async done(line: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
    const { code, signal, stdout, stderr } = await this.run(line, env);
    if (code !== 0) throw new Error(`"${line}" ended with ${code ?? signal}\n${stdout}${stderr}`);
    return stdout;
  }
}

export class Sandbox implements AsyncDisposable {
  readonly folder: string;
  readonly packages: readonly Packed[];
  readonly registry: Registry;
  #projects = 0;

  private constructor(folder: string, packages: readonly Packed[], registry: Registry) {
    this.folder = folder;
    this.packages = packages;
    this.registry = registry;
  }

  /** Packs the library as it is built, and serves it. */
  static async open(): Promise<Sandbox> {
    const folder = mkdtempSync(join(tmpdir(), 'tensor-ipc-sandbox-'));
    const tarballs = join(folder, 'tarballs');
    mkdirSync(tarballs);
    const packages = pack(tarballs);
    return new Sandbox(folder, packages, await Registry.open(tarballs, packages));
  }

  /** The library's tarball. */
  get tarball(): Packed {
    return this.packages.find(({ name }) => name === 'tensor-ipc') as Packed;
  }

  /**
   * An empty project with these programs first on its PATH, by the names under which users know them, and caches that nothing has
   * been put into.
   */
  project(programs: Readonly<Record<string, string>>, { path = '/usr/bin:/bin' } = {}): Project {
    this.#projects += 1;
    const place = join(this.folder, `project-${this.#projects}`);
    const own = (name: string) => join(place, name);
    for (const name of ['work', 'bin', 'home']) mkdirSync(own(name), { recursive: true });
    for (const [name, target] of Object.entries(programs)) symlinkSync(target, join(own('bin'), name));
    return new Project(own('work'), {
      PATH: `${own('bin')}:${path}`,
      HOME: own('home'),
      NO_COLOR: '1',
      NPM_CONFIG_REGISTRY: this.registry.origin,
      NPM_CONFIG_CACHE: own('npm-cache'),
      NPM_CONFIG_UPDATE_NOTIFIER: 'false',
      NPM_CONFIG_AUDIT: 'false',
      NPM_CONFIG_FUND: 'false',
      DENO_DIR: own('deno-cache'),
      DENO_NO_UPDATE_CHECK: '1',
      BUN_INSTALL_CACHE_DIR: own('bun-cache'),
      // bunx installs what it runs into a temporary folder.
      BUN_TMPDIR: own('home'),
      TMPDIR: own('home'),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.registry[Symbol.asyncDispose]();
    makeWritable(this.folder);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Folders that a test has made read-only can be removed again. */
function makeWritable(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    chmodSync(join(folder, entry.name), 0o755);
    makeWritable(join(folder, entry.name));
  }
}

export interface Kind {
  /** 'node', 'deno', 'bun', and for Node the version that was asked for. */
  readonly label: string;
  readonly kind: 'node' | 'deno' | 'bun';
  readonly binary: string;
  /** On the PATH. */
  readonly programs: Readonly<Record<string, string>>;
}

/** npm and npx of this machine, tsc and esbuild of ours; they run in whatever Node is first on the PATH. */
export function nodePrograms(): Record<string, string> {
  const npm = realpathSync(execFileSync('sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).trim());
  const [tsc, esbuild] = ['typescript/bin/tsc', 'esbuild/bin/esbuild'].map((path) => resolve('node_modules', path));
  return { npm, npx: join(dirname(npm), 'npx-cli.js'), tsc: tsc as string, esbuild: esbuild as string };
}

/** The runtimes that test/runtimes brings, and of Node at least the one that runs this. Says which are not there. */
export function runtimes(): Kind[] {
  const place = resolve('test/runtimes/node_modules');
  // As /proc tells it, where the folder is a link.
  const modules = existsSync(place) ? realpathSync(place) : place;
  const found: Kind[] = [];
  const tools = nodePrograms();
  for (const version of ['20', '22', '24', '26']) {
    const binary = join(modules, `node${version}/bin/node`);
    if (existsSync(binary)) found.push({ label: `Node ${version}`, kind: 'node', binary, programs: { node: binary, ...tools } });
  }
  if (found.length < 4) console.log('skip: other versions of Node: run "npm run peers runtimes"');
  if (found.length === 0) {
    const binary = realpathSync(process.execPath);
    found.push({ label: `Node ${process.versions.node}`, kind: 'node', binary, programs: { node: binary, ...tools } });
  }
  const deno = join(modules, '@deno/linux-x64-glibc/deno');
  const bun = join(modules, '@oven/bun-linux-x64/bin/bun');
  if (existsSync(deno)) found.push({ label: 'Deno', kind: 'deno', binary: deno, programs: { deno } });
  else console.log('skip: Deno: run "npm run peers runtimes"');
  if (existsSync(bun)) found.push({ label: 'Bun', kind: 'bun', binary: bun, programs: { bun, bunx: bun } });
  else console.log('skip: Bun: run "npm run peers runtimes"');
  return found;
}
