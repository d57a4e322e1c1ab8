// Freeing the locks of a Python pool that a process took with it into its death. Semaphores have no owners: a lock is given up for lost
// when it has been taken all the time that it was watched, and nobody is there who could give it back.

import type { Trust } from '../endpoint/options';
import { translate } from '../native/pool';
import { steadyMs } from '../runtime/clock';
import { platform, type System } from '../runtime/system';
import { checkName } from '../tensor/metadata';
import { look, producerLocks, pythonPoolFiles } from './inspect';
import { isFree, LockProbe, type PythonSlotInfo } from './inspect-locks';
import { lockFiles } from './inspect-names';
import { type Locked, withLock } from './lock-files';

const DEFAULT_OBSERVE_MS = 500;
const SAMPLE_MS = 4;
/** How long those who wait for a lock that was freed have to take it and give it back, before what they hold counts as lost too. */
const HANDOVER_MS = 100;

/** 'in use': taken at times, or by others at times. 'stuck': taken in the same way all the time. */
export type LockVerdict = 'free' | 'in use' | 'stuck';

export interface SlotVerdict extends PythonSlotInfo {
  readonly verdict: LockVerdict;
}

/** What was found about a pool's locks, and done. */
export interface RepairReport {
  readonly name: string;
  /** Other processes that have the pool mapped, or its locks where it is gone: of this user, in this namespace of pids. */
  readonly processes: readonly number[];
  /** Whether a producer of this library holds the pool. */
  readonly producerLives: boolean;
  /** Each slot that has locks, as it was before anything was done. */
  readonly slots: readonly SlotVerdict[];
  /** Slots whose locks were set to free. */
  readonly repaired: readonly number[];
  /** Slots that are stuck still: somebody who may hold them lives, or they got stuck again. */
  readonly left: readonly number[];
}

export interface RepairOptions {
  /** How long to watch the locks. Default 500. A lock that is taken for longer than this looks stuck. */
  readonly observeMs?: number;
  /** Also frees stuck locks of a pool that processes take part in. */
  readonly force?: boolean;
}

/**
 * Watches the locks of a Python pool, and sets those that are stuck to free when no other process takes part in the pool, or when forced
 * to. Locks that change while they are watched are never touched. Null if there is nothing under the name.
 *
 * @throws TensorIpcError INVALID_NAME, PERMISSION_DENIED, SYSTEM
 */
export async function repairPythonPool(name: string, options: RepairOptions = {}): Promise<RepairReport | null> {
  const { observeMs = DEFAULT_OBSERVE_MS, force = false } = options;
  checkName(name);
  const system = platform().system();
  try {
    const mapped = system.mappedObjects();
    const files = pythonPoolFiles(system, mapped).find(({ pool }) => pool === name);
    const info = files === undefined ? null : look(system, files, mapped);
    if (files === undefined || info === null) return null;
    const probes = [...files.slots].map(([slot, those]) => new LockProbe(system, name, slot, those));
    probes.sort((a, b) => a.slot - b.slot);
    const slots = await watch(probes, observeMs);
    // After watching: whoever came meanwhile counts.
    const processes = participants(system, name, info.objectBytes === null ? lockFiles(files) : null);
    const producerLives = producerLocks(system, name);
    const stuck = probes.filter((probe) => slots.find(({ slot }) => slot === probe.slot)?.verdict === 'stuck');
    const may = force || (processes.length === 0 && !producerLives);
    // Another user's pool is repaired for that user, so that its locks are not this user's.
    const trust = info.uid === system.uid ? 'owner' : 'any';
    const left = may ? await repair(system, name, trust, stuck) : stuck.map(({ slot }) => slot);
    const repaired = may ? stuck.map(({ slot }) => slot).filter((slot) => !left.includes(slot)) : [];
    return { name, processes, producerLives, slots, repaired, left };
  } catch (error) {
    throw translate(name, error);
  }
}

function participants(system: System, pool: string, locks: readonly string[] | null): number[] {
  const files = locks === null ? [`/tensoripc_${pool}`] : locks.map((file) => `/${file}`);
  const mapped = system.mappedObjects();
  const pids = new Set(files.flatMap((file) => mapped.get(file) ?? []));
  // The locks that this process looks at are its own doing.
  pids.delete(system.pid);
  return [...pids].sort((a, b) => a - b);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void platform().after(ms, resolve));
}

const keyOf = ({ mutex, write, readTry, readers }: PythonSlotInfo) => `${mutex} ${write} ${readTry} ${readers}`;

/** Samples every lock for a while. */
async function watch(probes: readonly LockProbe[], observeMs: number): Promise<SlotVerdict[]> {
  const first = probes.map((probe) => probe.look());
  const moved = first.map(() => false);
  const latest = [...first];
  const deadline = steadyMs() + observeMs;
  while (steadyMs() < deadline && first.some((state, i) => !isFree(state) && !moved[i])) {
    await pause(SAMPLE_MS);
    probes.forEach((probe, i) => {
      const now = probe.look();
      latest[i] = now;
      if (keyOf(now) !== keyOf(first[i] as PythonSlotInfo)) moved[i] = true;
    });
  }
  return latest.map((state, i) => ({ ...state, verdict: moved[i] ? 'in use' : isFree(state) ? 'free' : 'stuck' }));
}

/**
 * Inner locks first. A living producer that waits for a dead reader holds readtry, and gives it back by itself once it has had the
 * slot: to free that as well would leave it open twice. So what is still taken after a while is freed next.
 *
 * @returns Slots that are not free even so.
 */
async function repair(system: System, pool: string, trust: Trust, probes: readonly LockProbe[]): Promise<number[]> {
  if (probes.length === 0) return [];
  const locked = ({ slot }: LockProbe): Locked => ({ system, pool, slot, trust });
  for (const probe of probes) {
    if ((probe.look().readers ?? 0) !== 0) clearCounter(locked(probe));
    setFree(locked(probe), 'mutex');
    setFree(locked(probe), 'write');
  }
  const deadline = steadyMs() + HANDOVER_MS;
  while (steadyMs() < deadline && probes.some((probe) => !isFree(probe.look()))) await pause(SAMPLE_MS);
  const judged = await watch(probes, HANDOVER_MS);
  // A taken write lock is somebody's who came after it had been freed: readtry is that one's too.
  const rest = probes.filter((_, i) => judged[i]?.verdict === 'stuck' && judged[i]?.write !== 0);
  for (const probe of rest) setFree(locked(probe), 'readTry');
  const after = await watch(probes, HANDOVER_MS);
  return after.filter(({ verdict }) => verdict === 'stuck').map(({ slot }) => slot);
}

/** To 1, whatever it was. */
function setFree(at: Locked, kind: 'mutex' | 'write' | 'readTry'): void {
  const { semaphores } = at.system;
  withLock(at, kind, ({ address }) => {
    if (semaphores.value(address) === 0) semaphores.post(address);
    while (semaphores.value(address) > 1 && semaphores.tryWait(address));
  });
}

function clearCounter(at: Locked): void {
  withLock(at, 'counter', ({ buffer, byteOffset }) => void Atomics.store(new BigUint64Array(buffer, byteOffset, 1), 0, 0n));
}
