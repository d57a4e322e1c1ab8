// Which cores the two processes of a benchmark run on. Left to the scheduler, a pair of sleepers shares a core in one run and not in the
// next, and a wake-up costs several times more in the one than in the other: so both are measured, the limit in the same way.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

export interface Placement {
  /** What the row says of it. Empty where the processes cannot be placed. */
  readonly label: string;
  /** CPU of either process, -1 for any. */
  readonly cpus: readonly [number, number];
}

const ANYWHERE: Placement = { label: '', cpus: [-1, -1] };

/** "0-2,5" as numbers. */
function parseList(list: string): number[] {
  return list
    .trim()
    .split(',')
    .flatMap((part) => {
      const [first = 0, last = first] = part.split('-').map(Number);
      return Array.from({ length: last - first + 1 }, (_, i) => first + i);
    });
}

function allowedCpus(): number[] {
  const list = /^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return list === undefined ? [] : parseList(list);
}

function siblingsOf(cpu: number): number[] {
  const file = `/sys/devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`;
  return existsSync(file) ? parseList(readFileSync(file, 'utf8')) : [cpu];
}

/** Of a process with all its threads, or of one thread. */
export function setAffinity(pid: number, cpus: string, threads = true): void {
  execFileSync('taskset', [...(threads ? ['-a'] : []), '-p', '-c', cpus, String(pid)], { stdio: 'pipe' });
}

/** Those this process may use, before any of it was placed. */
let allCpus = '';
let known: { readonly one: Placement; readonly two: Placement } | null = null;

function find(): { readonly one: Placement; readonly two: Placement } {
  if (known !== null) return known;
  const cpus = allowedCpus();
  const [first = 0] = cpus;
  allCpus = cpus.join(',');
  try {
    setAffinity(process.pid, allCpus);
  } catch (error) {
    console.error(
      `no placement of processes, so that wake-up figures vary: taskset failed (${error instanceof Error ? error.message.split('\n')[0] : error}); to get it: apt-get install util-linux`,
    );
    known = { one: ANYWHERE, two: ANYWHERE };
    return known;
  }
  const siblings = siblingsOf(first);
  const second = cpus.find((cpu) => !siblings.includes(cpu)) ?? cpus.find((cpu) => cpu !== first) ?? first;
  known = { one: { label: 'one core', cpus: [first, first] }, two: { label: 'two cores', cpus: [first, second] } };
  return known;
}

/** Where processes that are placed run, in words. */
export function coresInUse(): string {
  const { one, two } = find();
  if (one === ANYWHERE) return `any of ${allCpus}, as the scheduler chooses (no taskset)`;
  const [first, second] = two.cpus;
  const apartAs =
    first === second ? 'there is no second one' : siblingsOf(first).includes(second) ? 'one core, two threads' : 'two cores';
  return `${allCpus}; pairs on CPU ${first} and ${second} (${apartAs})`;
}

/** For processes that spin: a core each, two real ones where there are. */
export function apart(): Placement {
  return find().two;
}

/** For processes that sleep in turn. */
export function sharedAndApart(): readonly Placement[] {
  const { one, two } = find();
  return one === two || two.cpus[0] === two.cpus[1] ? [one] : [two, one];
}

/** Puts this process and another where the placement says. */
export function place({ cpus }: Placement, otherPid: number): void {
  if (cpus[0] < 0) return;
  setAffinity(process.pid, String(cpus[0]));
  setAffinity(otherPid, String(cpus[1]));
}

/** Puts two other processes there. */
export function placeBoth({ cpus }: Placement, pids: readonly [number, number]): void {
  if (cpus[0] < 0) return;
  for (const [i, pid] of pids.entries()) setAffinity(pid, String(cpus[i]));
}

/** Leaves processes to the scheduler again. */
export function displace(pids: readonly number[]): void {
  if (find().one === ANYWHERE) return;
  for (const pid of pids) setAffinity(pid, allCpus);
}

/** A metric with the placement behind it. */
export function placed(metric: string, { label }: Placement): string {
  return label === '' ? metric : `${metric}, ${label}`;
}
