// The processes that started this one: a server that nobody can end any more would go on for ever.

import { readFileSync } from 'node:fs';

const LOOK_EVERY_MS = 500;

interface Process {
  readonly parent: number;
  readonly session: number;
}

/** Null when there is no such process any more. */
function processOf(pid: number): Process | null {
  try {
    // "pid (name) state ppid pgrp session …": a name may hold spaces and parentheses.
    const [, parent, , session] = readFileSync(`/proc/${pid}/stat`, 'latin1').split(/.*\) /s)[1]?.split(' ') ?? [];
    return { parent: Number(parent), session: Number(session) };
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')) return null;
    throw error;
  }
}

/** Parent, its parent and so on, up to the process that leads the session: the shell of a terminal. */
function parents(): string {
  const found: number[] = [];
  for (let pid = process.pid; ; ) {
    const { parent, session } = processOf(pid) ?? { parent: 0, session: pid };
    if (pid === session || parent <= 1) return found.join();
    found.push(parent);
    pid = parent;
  }
}

/** Calls `ended` once one of the processes that started this one has ended. Keeps no process alive. */
export function whenParentEnds(ended: () => void): void {
  const before = parents();
  const timer = setInterval(() => {
    if (parents() === before) return;
    clearInterval(timer);
    ended();
  }, LOOK_EVERY_MS);
  timer.unref();
}
