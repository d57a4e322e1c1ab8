// Which files of /dev/shm belong to which Python pool. Their names alone do not tell: the counter of slot 0 of pool `x` is called like
// the object of a pool `x_f0_cnt`.

export const LOCK_KINDS = ['mutex', 'wrt', 'readtry'] as const;
export type LockKind = (typeof LOCK_KINDS)[number];

/** What there is of one slot's locks. */
export interface SlotFiles {
  readonly semaphores: Set<LockKind>;
  counter: boolean;
}

/** What there is of one pool. */
export interface PoolFiles {
  readonly pool: string;
  object: boolean;
  readonly slots: Map<number, SlotFiles>;
}

const OBJECT_PREFIX = 'tensoripc_';
const SEMAPHORE = /^sem\.tensoripc_(.+)_f(0|[1-9]\d{0,6})_(mutex|wrt|readtry)$/s;
const COUNTER = /^tensoripc_(.+)_f(0|[1-9]\d{0,6})_cnt$/s;
const COUNTER_BYTES = 8;

/** A file's size, and whether a process has it mapped: asked for where the name does not decide. */
export interface FileFacts {
  bytes(file: string): number;
  mapped(file: string): boolean;
}

/** A byte that is not UTF-8 in a file's name. The package's names are topics of DDS, where there is none. */
const ILL_FORMED = /\p{Cs}/u;

/** Sorts the names of /dev/shm by the Python pool that they are of. What is of none is left out. */
export function groupFiles(all: readonly string[], facts: FileFacts): PoolFiles[] {
  const files = all.filter((file) => !ILL_FORMED.test(file));
  const pools = new Map<string, PoolFiles>();
  const poolOf = (pool: string): PoolFiles => {
    const known = pools.get(pool) ?? { pool, object: false, slots: new Map<number, SlotFiles>() };
    pools.set(pool, known);
    return known;
  };
  const slotOf = (pool: string, slot: number): SlotFiles => {
    const { slots } = poolOf(pool);
    const known = slots.get(slot) ?? { semaphores: new Set<LockKind>(), counter: false };
    slots.set(slot, known);
    return known;
  };
  // First those whose names are beyond doubt.
  for (const file of files) {
    const [, pool, slot, kind] = SEMAPHORE.exec(file) ?? [];
    if (pool !== undefined && kind !== undefined) slotOf(pool, Number(slot)).semaphores.add(kind as LockKind);
  }
  const locked = new Set(pools.keys());
  const names = new Set(files);
  const isCounter = (file: string, pool: string, slot: number): boolean => {
    const bytes = facts.bytes(file);
    if (bytes !== COUNTER_BYTES && bytes !== 0) return false;
    // The semaphores of a slot are made before its counter, and those of a pool before its first frame.
    if (pools.get(pool)?.slots.has(slot)) return true;
    if (locked.has(file.slice(OBJECT_PREFIX.length))) return false;
    return names.has(`${OBJECT_PREFIX}${pool}`) || !facts.mapped(file);
  };
  for (const file of files) {
    if (!file.startsWith(OBJECT_PREFIX) || file.length === OBJECT_PREFIX.length) continue;
    const [, pool, slot] = COUNTER.exec(file) ?? [];
    if (pool !== undefined && isCounter(file, pool, Number(slot))) slotOf(pool, Number(slot)).counter = true;
    else poolOf(file.slice(OBJECT_PREFIX.length)).object = true;
  }
  return [...pools.values()].sort((a, b) => (a.pool < b.pool ? -1 : 1));
}

/** Names in /dev/shm of a pool's locks, slot by slot. */
export function lockFiles({ pool, slots }: PoolFiles): string[] {
  return [...slots]
    .sort(([a], [b]) => a - b)
    .flatMap(([slot, { semaphores, counter }]) => [
      ...LOCK_KINDS.filter((kind) => semaphores.has(kind)).map((kind) => `sem.${OBJECT_PREFIX}${pool}_f${slot}_${kind}`),
      ...(counter ? [`${OBJECT_PREFIX}${pool}_f${slot}_cnt`] : []),
    ]);
}
