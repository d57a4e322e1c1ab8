// What this process has open, so that an exit cleans it up. The runtime's hooks are installed while there is anything to clean.

import { messageOf } from './realm';
import { platform } from './system';

const open = new Set<() => void>();
// What the others need to take their leave by.
const openLast = new Set<() => void>();
// Those for which signals are taken.
const onSignals = new Set<() => void>();
let forgetExit: (() => void) | null = null;
let forgetSignals: (() => void) | null = null;

export interface RegisterOptions {
  /** Behind those of everybody else. */
  readonly last?: boolean;
  /**
   * Whether SIGINT, SIGTERM and SIGHUP are worth taking for it. JavaScript handles them on the event loop, so a program that never returns
   * there could not be ended by Ctrl-C any more.
   */
  readonly signals?: boolean;
}

/** Registers a cleanup that runs at exit. Returns how to take it back, for those that close earlier. */
export function registerOpen(close: () => void, { last = false, signals = true }: RegisterOptions = {}): () => void {
  const set = last ? openLast : open;
  set.add(close);
  forgetExit ??= platform().onExit(closeAll);
  if (signals) {
    onSignals.add(close);
    forgetSignals ??= platform().onSignals(closeAll);
  }
  return () => {
    set.delete(close);
    onSignals.delete(close);
    if (onSignals.size === 0) {
      forgetSignals?.();
      forgetSignals = null;
    }
    if (open.size + openLast.size === 0) {
      forgetExit?.();
      forgetExit = null;
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
