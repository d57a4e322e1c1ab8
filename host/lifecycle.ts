// What this process has open, so that an exit cleans it up. The runtime's hooks are installed while there is anything to clean.

import { platform } from './system';

const open = new Set<() => void>();
let uninstall: (() => void) | null = null;

/** Registers a cleanup that runs at exit. Returns how to take it back, for those that close earlier. */
export function registerOpen(close: () => void): () => void {
  open.add(close);
  uninstall ??= platform().onExit(closeAll);
  return () => {
    open.delete(close);
    if (open.size === 0 && uninstall !== null) {
      uninstall();
      uninstall = null;
    }
  };
}

function closeAll(): void {
  for (const close of [...open]) {
    try {
      close();
    } catch (error) {
      // Going on matters more than this one: the others still hold memory that outlives the process.
      platform().warn(`cleanup at exit failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
