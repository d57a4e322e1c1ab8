// Who is in the way, for messages: the number of a process and what its program is called.

import { TensorIpcError } from './errors';
import type { System } from './system';

/** Processes that a message names. */
const MOST_NAMED = 3;

/**
 * "pid 4711 (node viewer.mjs)", "this process", or null where the number is nobody's that has the object open: of another namespace of
 * processes, or of one that has ended.
 */
export function nameProcess(system: System, pid: number, object: string): string | null {
  if (pid === system.pid) return 'this process';
  if (pid === 0) return null;
  try {
    const { maps, program } = system.lookAtProcess(pid, object);
    if (maps === false) return null;
    return maps === true && program !== null ? `pid ${pid} (${program})` : `pid ${pid}`;
  } catch (error) {
    // It is for a message of another error, which goes first.
    if (error instanceof TensorIpcError) return `pid ${pid}`;
    throw error;
  }
}

/** "pid 4711 (node viewer.mjs), pid 4712 (python3 policy.py) and 2 more" of those that have an object open; null where none can be seen. */
export function nameOthers(system: System, object: string): string | null {
  let pids: readonly number[];
  try {
    pids = (system.mappedObjects().get(object) ?? []).filter((pid) => pid !== system.pid);
  } catch (error) {
    if (error instanceof TensorIpcError) return null;
    throw error;
  }
  const named = pids.slice(0, MOST_NAMED).flatMap((pid) => nameProcess(system, pid, object) ?? []);
  if (named.length === 0) return null;
  const more = pids.length - named.length;
  return `${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
