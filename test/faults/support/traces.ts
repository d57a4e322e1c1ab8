// What a failed call could leave behind: files, descriptors, locks, and what the arenas have given out.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { LOCK_CONSUMERS, MAX_CONSUMERS } from '../../../assembly/layout';
import { anyArena, arenaUsage } from '../../../host/memory/arena';
import type { System } from '../../../host/runtime/system';

/** What this process has, and what lies in /dev/shm. */
export interface Traces {
  readonly files: readonly string[];
  readonly descriptors: readonly string[];
  readonly locks: number;
  readonly handles: number;
  readonly freeBytes: number;
}

export function tracesNow(system: System): Traces {
  return { files: readdirSync('/dev/shm').sort(), descriptors: descriptors(), locks: locks(system), ...arenaUsage() };
}

/** What each descriptor leads to. Sockets and pipes of the event loop have numbers, which do not matter. */
function descriptors(): string[] {
  return readdirSync('/proc/self/fd')
    .flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/self/fd/${fd}`).replace(/\d+/g, '')];
      } catch {
        // The one that the directory was read through.
        return [];
      }
    })
    .sort();
}

/** Locks on the pools in /dev/shm, whoever holds them. Asked for one by one: what /proc/locks lists changes under its reader. */
export function locks(system: System): number {
  let held = 0;
  for (const file of readdirSync('/dev/shm').filter((name) => name.startsWith('tensoripc.'))) {
    const fd = system.openObjectToRead(`/${file}`);
    if (fd === null) continue;
    for (let byte = 0; byte <= LOCK_CONSUMERS + MAX_CONSUMERS; byte++) if (system.isLocked(fd, byte)) held += 1;
    system.close(fd);
  }
  return held;
}

/** Addresses of the arena that nothing is mapped at: somebody else's memory could come to lie there. */
export function holes(system: System): string[] {
  const { address, buffer } = anyArena(system);
  const end = address + buffer.byteLength;
  const found: string[] = [];
  let at = address;
  for (const line of readFileSync('/proc/self/maps', 'latin1').split('\n')) {
    const [from = 0, to = 0] = (/^([0-9a-f]+)-([0-9a-f]+) /.exec(line) ?? []).slice(1).map((hex) => Number.parseInt(hex, 16));
    if (to <= at || from >= end) continue;
    if (from > at) found.push(`${from - at} bytes at offset ${at - address}`);
    at = to;
  }
  if (at < end) found.push(`${end - at} bytes at offset ${at - address}`);
  return found;
}

/** What is there now that was not there before, and the other way round. */
export function difference(before: Traces, after: Traces): string[] {
  const more = (what: string, was: readonly string[], is: readonly string[]) => {
    const left = [...is];
    const gone = was.filter((name) => {
      const index = left.indexOf(name);
      if (index >= 0) left.splice(index, 1);
      return index < 0;
    });
    return [...left.map((name) => `${what} left: ${name}`), ...gone.map((name) => `${what} gone: ${name}`)];
  };
  const number = (what: 'locks' | 'handles' | 'freeBytes') =>
    before[what] === after[what] ? [] : [`${what}: ${before[what]} before, ${after[what]} after`];
  return [
    ...more('file', before.files, after.files),
    ...more('descriptor', before.descriptors, after.descriptors),
    ...number('locks'),
    ...number('handles'),
    ...number('freeBytes'),
  ];
}
