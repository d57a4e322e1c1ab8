// The checks of the doctor. Each gives findings; none throws for what it does not find.

import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, readFileSync, statfsSync } from 'node:fs';
import { release } from 'node:os';
import { delimiter, join } from 'node:path';
import { platform } from '../../entry/inspection';
import { TensorConsumer, TensorProducer } from '../../entry/main';
import { showBytes } from '../format';

export interface Finding {
  readonly what: string;
  /** 'missing' is needed by every pool, 'absent' by some features, 'hint' works but could be better. */
  readonly status: 'ok' | 'hint' | 'absent' | 'missing';
  readonly found: string;
  /** What to do about it. */
  readonly advice?: string;
}

const SHARED_MEMORY = '/dev/shm';
/** The oldest major versions, and where to get newer ones. Deno and Bun also claim to be a Node, so that comes last. */
const RUNTIMES = [
  { name: 'deno', oldest: 2, site: 'https://deno.com' },
  { name: 'bun', oldest: 1, site: 'https://bun.com' },
  { name: 'node', oldest: 20, site: 'https://nodejs.org' },
] as const;
/** Room for a few cameras. */
const SMALL_SHARED_MEMORY_BYTES = 256e6;
/** A consumer takes two descriptors, a producer one for each that listens. */
const FEW_FILES = 1024;

function check(good: boolean, what: string, found: string, otherwise: Finding['status'], advice: string): Finding {
  return good ? { what, status: 'ok', found } : { what, status: otherwise, found, advice };
}

/** A file's text, or null where there is none to be read. */
function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

export function system(): Finding[] {
  const { platform: os, arch, versions } = process;
  const supported = os === 'linux' && (arch === 'x64' || arch === 'arm64');
  const kernel = release();
  const [major = 0, minor = 0] = kernel.split('.').map(Number);
  return [
    check(supported, 'system', `${os} ${arch}`, 'missing', 'Pools need Linux on x64 or arm64; on Windows use WSL 2.'),
    check(
      major > 5 || (major === 5 && minor >= 14),
      'kernel',
      kernel,
      'hint',
      'From Linux 5.14 on, pools are paged in when they are opened; before, the first lap of a ring is slower.',
    ),
    runtime(versions),
  ];
}

function runtime(versions: NodeJS.ProcessVersions): Finding {
  const { name, oldest, site } = RUNTIMES.find((candidate) => candidate.name in versions) ?? RUNTIMES[2];
  const found = versions[name] ?? '';
  return check(Number.parseInt(found, 10) >= oldest, name, found, 'missing', `Install version ${oldest} or newer: ${site}`);
}

/** koffi, and a pool that is made, written, read and removed. */
export function native(): Finding[] {
  const what = 'system calls';
  try {
    const { nativeVersion } = platform().system();
    const binary = readText('/proc/self/maps')
      ?.split('\n')
      .map((line) => line.slice(line.indexOf('/')))
      .find((path) => /koffi.*\.node$/.test(path));
    return [{ what, status: 'ok', found: `koffi ${nativeVersion}${binary === undefined ? '' : `, ${binary}`}` }, roundTrip()];
  } catch (error) {
    return [{ what, status: 'missing', found: message(error), advice: 'Run "npm install koffi" beside tensor-ipc.' }];
  }
}

function roundTrip(): Finding {
  const what = 'a pool';
  try {
    const name = `doctor-${process.pid}`;
    using producer = TensorProducer.fromSample(name, new Float64Array(512));
    using consumer = TensorConsumer.attach(name);
    producer.put(new Float64Array(512).fill(42));
    const value = consumer.get()?.data[511];
    return check(
      value === 42,
      what,
      value === 42 ? 'made, written, read' : `read ${value} for 42`,
      'missing',
      'Report this as a bug.',
    );
  } catch (error) {
    return { what, status: 'missing', found: message(error), advice: 'See docs/troubleshooting.md for the code.' };
  }
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function limits(): Finding[] {
  return [...sharedMemory(), hugePages(), openFiles()].filter((finding) => finding !== null);
}

function sharedMemory(): Finding[] {
  const what = SHARED_MEMORY;
  try {
    accessSync(SHARED_MEMORY, constants.R_OK | constants.W_OK | constants.X_OK);
    const { bsize, blocks, bavail } = statfsSync(SHARED_MEMORY);
    const found = `${showBytes(bavail * bsize)} of ${showBytes(blocks * bsize)} free`;
    const enlarge = 'Enlarge it: docker run --shm-size=2g, or mount -o remount,size=2G /dev/shm';
    const roomy = bavail * bsize >= SMALL_SHARED_MEMORY_BYTES;
    return [check(roomy, what, found, 'hint', `${enlarge}; "tensor-ipc gc" removes what the dead left there.`)];
  } catch (error) {
    return [{ what, status: 'missing', found: message(error), advice: 'Mount a tmpfs at /dev/shm, writable for this user.' }];
  }
}

function hugePages(): Finding | null {
  const text = readText('/sys/kernel/mm/transparent_hugepage/shmem_enabled');
  const chosen = text?.match(/\[(\w+)\]/)?.[1];
  if (chosen === undefined) return null;
  // A wish, no fault: it matters for frames of several MB.
  const advice = 'For frames of many MB: echo within_size > /sys/kernel/mm/transparent_hugepage/shmem_enabled (as root).';
  return check(chosen !== 'never' && chosen !== 'deny', 'huge pages', `for shared memory: ${chosen}`, 'hint', advice);
}

function openFiles(): Finding | null {
  const match = readText('/proc/self/limits')?.match(/^Max open files\s+(\d+|unlimited)/m);
  if (match === null || match === undefined) return null;
  const limit = match[1] === 'unlimited' ? Infinity : Number(match[1]);
  const advice = 'With hundreds of pools in a process, raise it: ulimit -n 65536';
  return check(limit >= FEW_FILES, 'open files', `at most ${match[1]}`, 'hint', advice);
}

/** What some features need. */
export function optional(): Finding[] {
  return [
    ffmpeg(),
    library('libcuda', 'CUDA driver', 'pools on the GPU', 'install the NVIDIA driver; in a container start it with --gpus all'),
  ];
}

function ffmpeg(): Finding {
  const { stdout, error } = spawnSync('ffmpeg', ['-version'], { encoding: 'utf8' });
  const version = error === undefined ? /^ffmpeg version (\S+)/.exec(stdout)?.[1] : undefined;
  const advice = 'For films and cameras: apt install ffmpeg';
  return check(version !== undefined, 'ffmpeg', version ?? 'not found', 'absent', advice);
}

function library(name: string, what: string, purpose: string, install: string): Finding {
  const path = findLibrary(name);
  return check(path !== null, what, path ?? `${name} not found`, 'absent', `For ${purpose}: ${install}.`);
}

/** Where the dynamic linker would find a library: what it has been told of, its cache, and the usual folders. */
function findLibrary(name: string): string | null {
  const told = (process.env['LD_LIBRARY_PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const triplet = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
  const usual = ['/lib', '/usr/lib', '/usr/lib64', '/usr/local/lib', `/lib/${triplet}`, `/usr/lib/${triplet}`];
  const fits = (file: string) => file.startsWith(`${name}.so`);
  for (const folder of told) {
    const file = filesOf(folder).find(fits);
    if (file !== undefined) return join(folder, file);
  }
  for (const program of ['/sbin/ldconfig', '/usr/sbin/ldconfig']) {
    if (!existsSync(program)) continue;
    const { stdout } = spawnSync(program, ['-p'], { encoding: 'utf8' });
    const path = new RegExp(`^\\s*${name}\\.so\\S* .*=> (\\S+)$`, 'm').exec(stdout ?? '')?.[1];
    if (path !== undefined) return path;
  }
  for (const folder of usual) {
    const file = filesOf(folder).find(fits);
    if (file !== undefined) return join(folder, file);
  }
  return null;
}

function filesOf(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}
