// Freeing the locks of a Python pool that a process took with it into its death. Semaphores have no owners: a lock is given up for lost
// when it has been taken all the time that it was watched, and nobody is there who could give it back.

import { reserveInArena } from '../memory/arena';
import { translate } from '../native/pool';
import { steadyMs } from '../runtime/clock';
import { TensorIpcError } from '../runtime/errors';
import { type Address, platform, type System } from '../runtime/system';
import { checkName } from '../tensor/metadata';
import { slotNames } from './form';
import { look, producerLocks, pythonPoolFiles } from './inspect';
import { isFree, LockProbe, type PythonSlotInfo } from './inspect-locks';
import { lockFiles } from './inspect-names';

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
    const probes: LockProbe[] = [];
    try {
      for (const [slot, those] of files.slots) probes.push(new LockProbe(system, name, slot, those));
      probes.sort((a, b) => a.slot - b.slot);
      const slots = await watch(probes, observeMs);
      // After watching: whoever came meanwhile counts.
      const processes = participants(system, name, info.objectBytes === null ? lockFiles(files) : null);
      const producerLives = producerLocks(system, name);
      const stuck = probes.filter((probe) => slots.find(({ slot }) => slot === probe.slot)?.verdict === 'stuck');
      const may = force || (processes.length === 0 && !producerLives);
      const left = may ? await repair(system, name, stuck) : stuck.map(({ slot }) => slot);
      const repaired = may ? stuck.map(({ slot }) => slot).filter((slot) => !left.includes(slot)) : [];
      return { name, processes, producerLives, slots, repaired, left };
    } finally {
      for (const probe of probes) probe.close();
    }
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
async function repair(system: System, pool: string, probes: readonly LockProbe[]): Promise<number[]> {
  if (probes.length === 0) return [];
  for (const probe of probes) {
    if ((probe.look().readers ?? 0) !== 0) clearCounter(system, pool, probe.slot);
    setFree(system, probe.mutex);
    setFree(system, probe.write);
  }
  const deadline = steadyMs() + HANDOVER_MS;
  while (steadyMs() < deadline && probes.some((probe) => !isFree(probe.look()))) await pause(SAMPLE_MS);
  const judged = await watch(probes, HANDOVER_MS);
  // A taken write lock is somebody's who came after it had been freed: readtry is that one's too.
  const rest = probes.filter((_, i) => judged[i]?.verdict === 'stuck' && judged[i]?.write !== 0);
  for (const probe of rest) setFree(system, probe.readTry);
  const after = await watch(probes, HANDOVER_MS);
  return after.filter(({ verdict }) => verdict === 'stuck').map(({ slot }) => slot);
}

/** To 1, whatever it was. */
function setFree({ semaphores }: System, semaphore: Address | null): void {
  if (semaphore === null) return;
  if (semaphores.value(semaphore) === 0) semaphores.post(semaphore);
  while (semaphores.value(semaphore) > 1 && semaphores.tryWait(semaphore));
}

function clearCounter(system: System, pool: string, slot: number): void {
  const fd = system.openObject(slotNames(pool, slot).counter);
  if (fd === null) return;
  try {
    const place = reserveInArena(system, system.pageBytes);
    if (place === null) throw new TensorIpcError('ADDRESS_SPACE', `pool '${pool}': no room for the counters of its locks`);
    const { space, arena } = place;
    try {
      system.mapFixed(space.address, space.bytes, fd, 0, true);
      Atomics.store(new BigUint64Array(space.buffer, space.byteOffset, 1), 0, 0n);
    } finally {
      system.unmapFixed(space.address, space.bytes);
      arena.release(space);
    }
  } finally {
    system.close(fd);
  }
}
