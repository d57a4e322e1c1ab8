// The other side: programs in C and C++ on other people's types, built when they are needed, and what every peer is told and tells.

import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { UNICAST_CONFIGURATION } from '../../../host/dds/configuration';

/** One of this process's own, so that runs beside each other do not meet. The default domain stays free. */
export const DOMAIN = 1 + (process.pid % 230);

/** Where one process has to do without multicast (test/arm64), all of them do. */
const MULTICAST = process.env['DDS_MULTICAST'] !== 'no';

/** What peers are given that are to be missed after this long. */
export function missedAfter(seconds: number): { CYCLONEDDS_URI: string } {
  const lease = `<CycloneDDS><Domain><Discovery><LeaseDuration>${seconds}s</LeaseDuration></Discovery></Domain></CycloneDDS>`;
  // Of two, the later one counts where both say something.
  return { CYCLONEDDS_URI: MULTICAST ? lease : `${UNICAST_CONFIGURATION},${lease}` };
}

const SOURCES = resolve('test/dds/c');
const HINT = 'sudo apt install cyclonedds-dev cyclonedds-tools gcc';
const FAST_HINT = 'sudo apt install libfastrtps-dev fastddsgen g++';

/** A program that hangs is killed after this long. A watchdog, not a limit on how fast it must be. */
const WATCHDOG_MS = 30_000;

const folder = mkdtempSync(join(tmpdir(), 'tensor-ipc-dds-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

function command(name: string, args: readonly string[], cwd: string): void {
  const { status, error, stderr } = spawnSync(name, args, { cwd, encoding: 'utf8' });
  if (error !== undefined || status !== 0) throw new Error(`${name} ${args.join(' ')}: ${error?.message ?? stderr}`);
}

function has(program: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
}

/** The peer in C on idlc's types: its path, or null (with a line that says why) where its tools are missing. */
export function buildPeer(): string | null {
  if (!has('idlc') || !has('gcc')) {
    console.log(`\nskip: no peer in C: ${HINT}`);
    return null;
  }
  command('idlc', ['-l', 'c', join(SOURCES, 'wire.idl')], folder);
  const program = join(folder, 'peer');
  command('gcc', ['-O1', '-Wall', '-Wextra', '-I.', join(SOURCES, 'peer.c'), 'wire.c', '-lddsc', '-o', program], folder);
  return program;
}

/** Where idlc's output is, once the peer is built. */
export const GENERATED = join(folder, 'wire.c');

/** The peer on Fast DDS, likewise. */
export function buildFastPeer(): string | null {
  if (!MULTICAST) {
    console.log('\nskip: no peer on Fast DDS: it looks for others by multicast, which there is none of here (DDS_MULTICAST=no)');
    return null;
  }
  if (!has('fastddsgen') || !has('g++')) {
    console.log(`\nskip: no peer on Fast DDS: ${FAST_HINT}`);
    return null;
  }
  const cwd = join(folder, 'fast');
  mkdirSync(cwd);
  command('fastddsgen', ['-replace', '-d', '.', join(SOURCES, 'wire.idl')], cwd);
  const program = join(cwd, 'fast_peer');
  const sources = [join(SOURCES, 'fast_peer.cpp'), 'wire.cxx', 'wirePubSubTypes.cxx'];
  command('g++', ['-O0', '-std=c++17', '-I.', ...sources, '-lfastrtps', '-lfastcdr', '-o', program], cwd);
  return program;
}

/** Our own peer, as a program of this or another runtime. */
export const OUR_PEER = fileURLToPath(new URL('./dds-peer.mjs', import.meta.url));

/** A peer in a process of its own: lines in, lines out. */
export class Peer {
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #lines: string[] = [];
  readonly ended: Promise<number | NodeJS.Signals | null>;
  #arrived = () => {};
  #over = false;
  #seen = 0;
  stderr = '';

  constructor(program: readonly string[], args: readonly (string | number)[], env: NodeJS.ProcessEnv = {}) {
    const [file = '', ...before] = program;
    this.#process = spawn(file, [...before, ...args.map(String)], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...(MULTICAST ? {} : { CYCLONEDDS_URI: UNICAST_CONFIGURATION }), ...env },
    });
    const watchdog = setTimeout(() => this.signal('SIGKILL'), WATCHDOG_MS);
    // A peer that is gone reads no more: what it did is seen in its end.
    this.#process.stdin.on('error', (error) => {
      this.stderr += `${error.message}\n`;
    });
    createInterface(this.#process.stdout).on('line', (line) => {
      this.#lines.push(line);
      this.#arrived();
    });
    this.#process.stderr.setEncoding('utf8').on('data', (chunk) => {
      this.stderr += chunk;
    });
    this.ended = new Promise((resolve) => {
      this.#process.on('close', (code, signal) => {
        clearTimeout(watchdog);
        this.#over = true;
        this.#arrived();
        resolve(code ?? signal);
      });
    });
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  send(line: string): void {
    this.#process.stdin.write(`${line}\n`);
  }

  /** The first line after the last one found that matches; it may have been printed already. */
  async find(pattern: string | RegExp): Promise<string> {
    for (;;) {
      for (let at = this.#seen; at < this.#lines.length; at++) {
        const line = this.#lines[at] as string;
        if (typeof pattern === 'string' ? line !== pattern : !pattern.test(line)) continue;
        this.#seen = at + 1;
        return line;
      }
      if (this.#over) throw new Error(`the peer ended without "${pattern}":\n${this.#lines.join('\n')}\n${this.stderr}`);
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    }
  }

  /** For lines whose order among each other is open. */
  async findAll(...patterns: (string | RegExp)[]): Promise<void> {
    const from = this.#seen;
    let last = from;
    for (const pattern of patterns) {
      this.#seen = from;
      await this.find(pattern);
      last = Math.max(last, this.#seen);
    }
    this.#seen = last;
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** The end of its input is its sign to leave. */
  async leave(): Promise<void> {
    this.#process.stdin.end();
    const code = await this.ended;
    if (code !== 0) throw new Error(`the peer ended with ${code}:\n${this.#lines.join('\n')}\n${this.stderr}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#over) this.signal('SIGKILL');
    await this.ended;
  }
}

/** The part of @foxglove/cdr that is used: its own types are there only where it is installed. */
interface Foxglove {
  CdrWriter: new (options: {
    kind: number;
  }) => {
    string(value: string): unknown;
    int64(value: bigint): unknown;
    sequenceLength(value: number): unknown;
    readonly data: Uint8Array;
  };
  CdrReader: new (data: Uint8Array) => { string(): string; int64(): bigint; sequenceLength(): number };
}

/** @foxglove/cdr from the peer project, or null (with a line that says why). */
export function loadCdr(): Foxglove | null {
  try {
    return createRequire(resolve('test/dds/package.json'))('@foxglove/cdr') as Foxglove;
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'MODULE_NOT_FOUND') throw error;
    console.log('skip: @foxglove/cdr is not there: run "npm run peers dds"');
    return null;
  }
}

/** Whether libddsc is there at all; prints why not. */
export function hasLibrary(): boolean {
  const found = spawnSync('sh', ['-c', 'ldconfig -p | grep -q libddsc.so']).status === 0 || process.env['TENSOR_IPC_DDSC'];
  if (!found) console.log('skip: Cyclone DDS is not installed: sudo apt install libddsc0debian');
  return Boolean(found);
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
