// What the peers need on the machine, and their C parts compiled: once per process, into a folder that goes with it.

import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const SOURCES = resolve('test/wire/c');
const APT = 'install it with "apt-get install cyclonedds-dev cyclonedds-tools libddsc0debian python3-numpy gcc libc6-dev"';
const STRICT = ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-Werror'];

/** Paths of what was found and built. */
export interface Tools {
  /** A Python that has NumPy. */
  readonly python: string;
  readonly peer: string;
  /** The C helper that Python loads. */
  readonly library: string;
  readonly producer: string;
  readonly consumer: string;
  readonly record: string;
  readonly endpoints: string;
}

function runs(program: string, ...args: string[]): boolean {
  return spawnSync(program, args).status === 0;
}

/** The system's Python before another one on PATH: apt's NumPy belongs to it. */
function pythonWithNumpy(): string | undefined {
  const candidates = [process.env['TIPC_PYTHON'], '/usr/bin/python3', 'python3'];
  return candidates.find((python) => python !== undefined && runs(python, '-c', 'import numpy')) as string | undefined;
}

/** What is not there, in words. */
function missing(python: string | undefined): string | null {
  if (!runs('gcc', '--version')) return 'gcc';
  if (!runs('idlc', '-v')) return 'idlc';
  if (spawnSync('gcc', ['-fsyntax-only', '-xc', '-'], { input: '#include <dds/dds.h>\n' }).status !== 0) return 'dds/dds.h';
  return python === undefined ? 'a Python with NumPy' : null;
}

function compile(python: string): Tools {
  const folder = mkdtempSync(join(tmpdir(), 'tensor-ipc-wire-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const run = (program: string, ...args: string[]) =>
    execFileSync(program, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  // Its output lies where it runs.
  copyFileSync(join(SOURCES, 'tipc_wire.idl'), join(folder, 'tipc_wire.idl'));
  run('idlc', '-l', 'c', 'tipc_wire.idl');
  const includes = ['-I', folder, '-I', SOURCES];
  // What idlc wrote is not ours to make strict.
  run('gcc', '-O2', '-fPIC', '-c', ...includes, 'tipc_wire.c', '-o', 'types.o');
  const ours = ['tipcdds', 'wire_json', 'wire_frames', 'wire_pool'];
  for (const name of ours) run('gcc', ...STRICT, '-fPIC', ...includes, '-c', join(SOURCES, `${name}.c`), '-o', `${name}.o`);
  run('gcc', '-shared', 'tipcdds.o', 'types.o', '-o', 'libtipcdds.so', '-lddsc');
  const objects = [...ours.map((name) => `${name}.o`), 'types.o'];
  for (const name of ['wire_producer', 'wire_consumer', 'wire_record', 'wire_endpoints'])
    run('gcc', ...STRICT, ...includes, join(SOURCES, `${name}.c`), ...objects, '-o', name, '-lddsc', '-lpthread', '-lrt');
  const at = (name: string) => join(folder, name);
  return {
    python,
    peer: resolve('test/wire/python/peer.py'),
    library: at('libtipcdds.so'),
    producer: at('wire_producer'),
    consumer: at('wire_consumer'),
    record: at('wire_record'),
    endpoints: at('wire_endpoints'),
  };
}

let built: Tools | null | undefined;

/** The peers, ready to be started; null, with one printed line, where something they need is not installed. */
export function wireTools(): Tools | null {
  if (built !== undefined) return built;
  const python = pythonWithNumpy();
  const lacking = missing(python);
  if (lacking !== null || python === undefined || !existsSync(SOURCES)) {
    console.log(`\nskip: no ${lacking} for the peers of the DDS wire: ${APT}`);
    built = null;
  } else built = compile(python);
  return built;
}
