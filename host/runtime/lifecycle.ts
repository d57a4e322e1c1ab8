// What this process has open, so that an exit cleans it up. The runtime's hooks are installed while there is anything to clean.

import { messageOf } from './realm';
import { platform } from './system';

const open = new Set<() => void>();
// What the others need to take their leave by.
const openLast = new Set<() => void>();
let uninstall: (() => void) | null = null;

/**
 * Registers a cleanup that runs at exit, `last` behind those of everybody else. Returns how to take it back, for those that close earlier.
 */
export function registerOpen(close: () => void, { last = false } = {}): () => void {
  const set = last ? openLast : open;
  set.add(close);
  uninstall ??= platform().onExit(closeAll);
  return () => {
    set.delete(close);
    if (open.size + openLast.size === 0 && uninstall !== null) {
      uninstall();
      uninstall = null;
    }
  };
}

function closeAll(): void {
  for (const close of [...open, ...openLast]) {
    try {
      close();
    } catch (error) {
      // Going on matters more than this one: the others still hold memory that outlives the process.
      platform().warn(`cleanup at exit failed: ${messageOf(error)}`);
    }
  }
}
