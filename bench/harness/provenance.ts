// Where figures come from: what a reader must know to compare them with others, or not to.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statfsSync } from 'node:fs';
import { loadavg } from 'node:os';
import { describeMachine, type Machine, repositoryFolder } from './machine';
import { coresInUse } from './placement';

/** How this run was made. */
export interface Run {
  readonly command: string;
  readonly benchmarks: readonly string[];
  readonly quick: boolean;
  readonly goalsOnly: boolean;
  /** Rounds of every measurement, where they were asked for; each result has its own number. */
  readonly rounds: number | null;
  readonly placement: string;
  readonly startedAt: string;
  readonly seconds: number;
  /** Processes that ran or wanted to, over the last minute, before the run and behind it. The run itself counts in the second. */
  readonly load: { readonly before: number; readonly after: number };
}

export interface Provenance {
  readonly machine: Machine & MachineState;
  readonly run: Run;
}

/** What of a machine changes figures, and that its name does not say. */
interface MachineState {
  /** The hypervisor, where the processor says that there is one. */
  readonly virtual: boolean;
  readonly governor: string;
  readonly transparentHugePages: { readonly anonymous: string; readonly shared: string };
  readonly mitigations: string;
  readonly libc: string;
  readonly sharedMemoryGiB: { readonly free: number; readonly total: number };
  readonly commit: string;
}

function contents(file: string, otherwise = 'unknown'): string {
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : otherwise;
}

/** "always [madvise] never" as "madvise". */
function chosen(file: string): string {
  const text = contents(file);
  return /\[(.*?)\]/.exec(text)?.[1] ?? text;
}

function commit(): string {
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: repositoryFolder(), encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
  try {
    return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain', '--untracked-files=no') === '' ? '' : ', changed'}`;
  } catch (error) {
    // No git, or no repository: a copy of the sources.
    return `unknown (${error instanceof Error ? error.message.split('\n')[0] : String(error)})`;
  }
}

/** Of the machine itself: glibc's version stands in Node's own report, and musl has none there. */
function libc(): string {
  const header = (process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined)?.header;
  return header?.glibcVersionRuntime === undefined ? 'not glibc' : `glibc ${header.glibcVersionRuntime}`;
}

function sharedMemory(): { free: number; total: number } {
  const { bsize, bavail, blocks } = statfsSync('/dev/shm');
  const gib = (count: number) => Math.round((count * bsize) / 2 ** 20 / 102.4) / 10;
  return { free: gib(bavail), total: gib(blocks) };
}

function machineState(): MachineState {
  const pages = '/sys/kernel/mm/transparent_hugepage';
  const flaws = '/sys/devices/system/cpu/vulnerabilities';
  return {
    virtual: /^flags\s*:.*\bhypervisor\b/m.test(contents('/proc/cpuinfo', '')),
    governor: contents('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor', 'none'),
    transparentHugePages: { anonymous: chosen(`${pages}/enabled`), shared: chosen(`${pages}/shmem_enabled`) },
    mitigations: contents(`${flaws}/spectre_v2`),
    libc: libc(),
    sharedMemoryGiB: sharedMemory(),
    commit: commit(),
  };
}

/** Begins a run. Call what it gives when the run is over. */
export function beginRun(options: Pick<Run, 'benchmarks' | 'quick' | 'goalsOnly' | 'rounds'>): () => Provenance {
  const startedAt = new Date();
  const before = loadavg()[0] ?? 0;
  return () => ({
    machine: { ...describeMachine(), ...machineState() },
    run: {
      command: ['npm run bench --', ...process.argv.slice(2)].join(' '),
      ...options,
      placement: coresInUse(),
      startedAt: startedAt.toISOString(),
      seconds: Math.round((Date.now() - startedAt.getTime()) / 1000),
      load: { before, after: loadavg()[0] ?? 0 },
    },
  });
}

export function provenanceLines({ machine, run }: Provenance): string[] {
  const { cpu, cores, memoryGiB, arch, kernel, runtime, koffi, gcc, clockSource } = machine;
  const { governor, transparentHugePages: huge, sharedMemoryGiB: shm } = machine;
  return [
    `${cpu}, ${cores} cores, ${memoryGiB} GiB, ${arch}${machine.virtual ? ', virtual machine' : ''}, Linux ${kernel}, clock ${clockSource}`,
    `${runtime}, ${machine.libc}, koffi ${koffi}, gcc ${gcc ?? 'absent'}, tensor-ipc ${machine.tensorIpc} at ${machine.commit}`,
    `governor ${governor}, huge pages ${huge.anonymous} (shared ${huge.shared}), /dev/shm ${shm.free} of ${shm.total} GiB free`,
    `cores: ${run.placement}; load ${run.load.before.toFixed(2)} before, ${run.load.after.toFixed(2)} after; ` +
      `${run.rounds === null ? 'rounds as each benchmark chooses' : `${run.rounds} rounds`}${run.quick ? ', quick' : ''}; ${run.seconds} s from ${run.startedAt}`,
  ];
}
