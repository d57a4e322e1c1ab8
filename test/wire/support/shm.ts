// What a pool of the Python wire has in /dev/shm, seen from outside.

import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

const SHM = '/dev/shm';
export type Lock = 'mutex' | 'wrt' | 'readtry';

let count = 0;

/** A pool name of this test alone. Names of topics have letters, digits and _ only, and so have names of pools. */
export function wireName(label: string): string {
  count += 1;
  return `tw_${label}_${process.pid}_${count}`;
}

/** The names of a pool's objects, sorted: the pool itself, semaphores and counters. */
export function wireObjects(pool: string): string[] {
  const own = new RegExp(`^(sem\\.)?tensoripc_${pool}(_f\\d+_(mutex|wrt|readtry|cnt))?$`);
  return readdirSync(SHM)
    .filter((name) => own.test(name))
    .sort();
}

/** Removes everything of a pool: the peers leave their semaphores behind, as the original does. */
export function removeWireObjects(pool: string): void {
  for (const name of wireObjects(pool)) rmSync(join(SHM, name), { force: true });
}

/** The bytes of one slot, read without any lock. */
export function slotBytes(pool: string, slot: number, frameBytes: number): Uint8Array {
  return readFileSync(join(SHM, `tensoripc_${pool}`)).subarray(slot * frameBytes, (slot + 1) * frameBytes);
}

export function objectStat(name: string) {
  return statSync(join(SHM, name));
}

/** The value of a slot's semaphore: 0 is held. glibc keeps it in the low half of the first word, the waiters in the high one. */
export function semaphoreValue(pool: string, slot: number, lock: Lock): number {
  return readFileSync(join(SHM, `sem.tensoripc_${pool}_f${slot}_${lock}`)).readUInt32LE(0);
}

/** How many readers a slot has, by its counter. */
export function readerCount(pool: string, slot: number): number {
  return Number(readFileSync(join(SHM, `tensoripc_${pool}_f${slot}_cnt`)).readBigUInt64LE(0));
}
