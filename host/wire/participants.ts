// Who takes part in a Python pool on this machine: told by who has its object mapped. Its semaphores have no owners.

import type { System } from '../runtime/system';
import { wireObject } from './form';

/** How often each pool's object is open in this thread. */
const own = new Map<string, number>();

/** Counts one that opened the pool in this thread. Returns how to take it back. */
export function countOwn(pool: string): () => void {
  own.set(pool, (own.get(pool) ?? 0) + 1);
  let counted = true;
  return () => {
    if (!counted) return;
    counted = false;
    const left = (own.get(pool) ?? 0) - 1;
    if (left > 0) own.set(pool, left);
    else own.delete(pool);
  };
}

export function ownCount(pool: string): number {
  return own.get(pool) ?? 0;
}

/** Other processes that have the pool's object mapped, of those that this user may look into. */
export function otherProcesses(system: System, pool: string): number[] {
  return (system.mappedObjects().get(wireObject(pool)) ?? []).filter((pid) => pid !== system.pid);
}
