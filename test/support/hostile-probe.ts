// What must not change whatever an object says: memory beside its mapping, the private handles, other files, open descriptors.

import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { constants } from 'node:fs';
import { HANDLE_BYTES } from '../../assembly/layout';
import { type Arena, anyArena, type Space } from '../../host/memory/arena';
import type { System } from '../../host/runtime/system';
import { DECOY_DOORBELLS } from './hostile-mutate';

const SHM = '/dev/shm';
const GUARD_BYTE = 0xa5;
const GUARD_PAGES = 4;

/** Pools that a child has mapped at a time, and more. */
const GAPS = 16;

/** Gaps of `gapBytes`, into which pools will be mapped, with known bytes right before and right behind each. */
export class Fences {
  readonly arena: Arena;
  readonly #guards: Buffer[] = [];
  readonly #pattern: Buffer;
  readonly #handle: number;
  readonly #gapBytes: number;
  // Gaps that were free when last looked at.
  #found = GAPS;

  constructor(system: System, gapBytes: number) {
    this.arena = anyArena(system);
    this.#gapBytes = gapBytes;
    const guardBytes = GUARD_PAGES * system.pageBytes;
    this.#pattern = Buffer.alloc(guardBytes, GUARD_BYTE);
    const take = (bytes: number): Space => {
      const space = this.arena.reserve(bytes, 'any');
      if (space === null) throw new Error('no room in the arena');
      return space;
    };
    const guard = () => {
      const bytes = Buffer.from(this.arena.buffer, take(guardBytes).byteOffset, guardBytes);
      bytes.fill(GUARD_BYTE);
      this.#guards.push(bytes);
    };
    const gaps: Space[] = [];
    guard();
    for (let i = 0; i < GAPS; i++) {
      gaps.push(take(gapBytes));
      guard();
    }
    // All else is taken, so that pools are mapped there.
    while (this.arena.freeBytes > 0) take(this.arena.freeBytes);
    for (const gap of gaps) this.arena.release(gap);
    // And again and again: where address space is limited, the range of a pool that has ended is not kept apart for long.
    Object.defineProperty(system, 'addressSpace', { value: () => ({ limitBytes: 2 ** 46, usedBytes: 0 }) });
    // A private handle that nobody uses: the core must leave its neighbours alone.
    this.#handle = this.arena.allocateHandle();
    this.arena.u32.fill(0xa5a5a5a5, this.#handle / 4, (this.#handle + HANDLE_BYTES) / 4);
  }

  /** What has changed outside of the pools' mappings, or null. `idle`: no pool is mapped now. */
  broken(idle: boolean): string | null {
    for (const guard of this.#guards) {
      if (Buffer.compare(guard, this.#pattern) === 0) continue;
      guard.fill(GUARD_BYTE);
      return 'memory before or behind a mapping was written';
    }
    for (let at = this.#handle / 4; at < (this.#handle + HANDLE_BYTES) / 4; at++) {
      if (this.arena.u32[at] !== 0xa5a5a5a5) return "another's private handle was written";
    }
    if (!idle) return null;
    const gaps: Space[] = [];
    for (let gap = this.arena.reserve(this.#gapBytes, 'any'); gap !== null; gap = this.arena.reserve(this.#gapBytes, 'any'))
      gaps.push(gap);
    for (const gap of gaps) this.arena.release(gap);
    const before = this.#found;
    // Once: the next run is not to blame.
    this.#found = gaps.length;
    return gaps.length < before ? 'a mapping was not given back' : null;
  }

  /** Whether bytes that a reader was given may come from a guard. */
  static leaked(bytes: Uint8Array): boolean {
    return bytes.includes(GUARD_BYTE);
  }
}

/** The lowest free descriptor: rises when one was not closed. */
export function lowestDescriptor(): number {
  const fd = fs.openSync('/dev/null', 'r');
  fs.closeSync(fd);
  return fd;
}

/** Files whose names resemble the pool's, and FIFOs of other pools: none of them may be touched. */
export class Bystanders {
  readonly #files: { readonly path: string; readonly identity: string }[] = [];
  readonly #fifo: number;
  readonly #pool: string;
  readonly #hangUp: number[] = [];

  constructor(pool: string) {
    this.#pool = pool;
    const id = '0000000000000001';
    const regular = [`tensoripc.${pool}.other`, `tensoripc.${pool}-`, `tensoripc-bell.${pool}`, `tensoripc-bell.${pool}.`];
    for (const name of regular) fs.writeFileSync(`${SHM}/${name}`, 'a bystander', { mode: 0o600 });
    const fifos = [`tensoripc-bell.${pool}.other.${id}`, `tensoripc-bell.${pool}-.${id}`];
    for (const name of fifos) makeFifo(`${SHM}/${name}`);
    for (const name of [...regular, ...fifos]) this.#files.push({ path: `${SHM}/${name}`, identity: identity(`${SHM}/${name}`) });
    this.#fifo = fs.openSync(`${SHM}/${fifos[0]}`, constants.O_RDWR | constants.O_NONBLOCK);
    this.decoys();
  }

  /** The pool whose object symbolic links lead to. */
  get victim(): string {
    return this.#files[0]?.path as string;
  }

  /** Puts something under each of the names at which hostile entries point: file, link, directory, FIFO. One is left free. */
  decoys(): void {
    const path = (i: number) =>
      `${SHM}/tensoripc-bell.${this.#pool}.${(DECOY_DOORBELLS[i] as bigint).toString(16).padStart(16, '0')}`;
    const absent = (i: number) => fs.lstatSync(path(i), { throwIfNoEntry: false }) === undefined;
    if (absent(0)) fs.writeFileSync(path(0), 'no FIFO');
    if (absent(1)) fs.symlinkSync(this.victim, path(1));
    if (absent(2)) fs.mkdirSync(path(2));
    if (absent(3)) {
      for (const fd of this.#hangUp.splice(0)) fs.closeSync(fd);
      makeFifo(path(3));
      // Somebody listens here, and never reads: the FIFO fills.
      this.#hangUp.push(fs.openSync(path(3), constants.O_RDWR | constants.O_NONBLOCK));
    }
  }

  /** What has been touched, or null. */
  touched(): string | null {
    for (const { path, identity: before } of this.#files) {
      const now = identity(path);
      if (now !== before) return `${path} was touched: ${before} is now ${now}`;
    }
    try {
      const count = fs.readSync(this.#fifo, new Uint8Array(8));
      if (count > 0) return 'the FIFO of another pool was rung';
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
    return null;
  }

  close(): void {
    fs.closeSync(this.#fifo);
    for (const fd of this.#hangUp) fs.closeSync(fd);
    for (const { path } of this.#files) fs.rmSync(path, { force: true });
    for (const name of fs.readdirSync(SHM)) {
      if (name.startsWith(`tensoripc-bell.${this.#pool}.`)) fs.rmSync(`${SHM}/${name}`, { force: true, recursive: true });
    }
  }
}

function identity(path: string): string {
  const status = fs.lstatSync(path, { throwIfNoEntry: false });
  return status === undefined ? 'gone' : `${status.ino} ${status.mode} ${status.size} ${status.isFIFO() ? '' : status.mtimeMs}`;
}

function makeFifo(path: string): void {
  execFileSync('mkfifo', ['-m', '600', path]);
}
