// Named POSIX semaphores, which glibc keeps in /dev/shm as sem.<name>.

import type { Address, Semaphores, TimeBudget } from '../host/runtime/system';
import { optional } from './koffi';
import type { Calls } from './linux';

const O_CREAT = 0o100;
const O_EXCL = 0o200;
const CLOCK_REALTIME = 0;
const CLOCK_MONOTONIC = 1;
/** Waits are made of pieces, of each of which no more is counted than this, however late it ends. */
const PIECE_MS = 100;

type Int = number;

function bind({ koffi }: Calls) {
  const libc = koffi.load('libc.so.6');
  return {
    // Variadic, but integers only: both ABIs treat it like any other function.
    sem_open: libc.func('sem_open', 'uintptr_t', ['str', 'int', 'uint', 'uint']) as (
      name: string,
      flags: Int,
      mode: Int,
      value: Int,
    ) => Address,
    sem_timedwait: libc.func('sem_timedwait', 'int', ['uintptr_t', 'void *']) as (sem: Address, until: Uint8Array) => Int,
    /** Not in every libc: since glibc 2.30. */
    sem_clockwait: optional(libc, 'sem_clockwait', 'int', ['uintptr_t', 'int', 'void *']) as
      | ((sem: Address, clock: Int, until: Uint8Array) => Int)
      | null,
    sem_trywait: libc.func('sem_trywait', 'int', ['uintptr_t']) as (sem: Address) => Int,
    sem_post: libc.func('sem_post', 'int', ['uintptr_t']) as (sem: Address) => Int,
    sem_getvalue: libc.func('sem_getvalue', 'int', ['uintptr_t', 'void *']) as (sem: Address, to: Uint8Array) => Int,
    sem_close: libc.func('sem_close', 'int', ['uintptr_t']) as (sem: Address) => Int,
    sem_unlink: libc.func('sem_unlink', 'int', ['str']) as (name: string) => Int,
    clock_gettime: libc.func('clock_gettime', 'int', ['int', 'void *']) as (clock: Int, to: Uint8Array) => Int,
  };
}

export class PosixSemaphores implements Semaphores {
  readonly #calls: Calls;
  readonly #c: ReturnType<typeof bind>;
  // struct timespec; calls are synchronous, so nobody else sees it in use.
  readonly #time = new Uint8Array(16);
  readonly #timeView = new DataView(this.#time.buffer);

  constructor(calls: Calls) {
    this.#calls = calls;
    this.#c = bind(calls);
  }

  open(name: string, mode: number, value: number): Address {
    for (;;) {
      const created = this.#c.sem_open(name, O_CREAT | O_EXCL, mode, value);
      if (created !== 0) return created;
      if (this.#calls.errnoName() !== 'EEXIST') this.#calls.fail('sem_open', name);
      const existing = this.openExisting(name);
      if (existing !== null) return existing;
    }
  }

  openExisting(name: string): Address | null {
    const existing = this.#c.sem_open(name, 0, 0, 0);
    if (existing !== 0) return existing;
    return this.#calls.errnoName() === 'ENOENT' ? null : this.#calls.fail('sem_open', name);
  }

  wait(semaphore: Address, budget: TimeBudget): boolean {
    if (this.tryWait(semaphore)) return true;
    while (budget.leftMs > 0) {
      const pieceMs = Math.min(budget.leftMs, PIECE_MS);
      const startNs = this.#nowNs(CLOCK_MONOTONIC);
      if (this.#waitPiece(semaphore, pieceMs)) {
        budget.leftMs -= Math.min(Number(this.#nowNs(CLOCK_MONOTONIC) - startNs) / 1e6, pieceMs);
        return true;
      }
      budget.leftMs -= pieceMs;
    }
    return false;
  }

  #nowNs(clock: Int): bigint {
    this.#c.clock_gettime(clock, this.#time);
    return this.#timeView.getBigInt64(0, true) * 1_000_000_000n + this.#timeView.getBigInt64(8, true);
  }

  #waitPiece(semaphore: Address, pieceMs: number): boolean {
    const { sem_clockwait, sem_timedwait } = this.#c;
    const clock = sem_clockwait === null ? CLOCK_REALTIME : CLOCK_MONOTONIC;
    const until = this.#nowNs(clock) + BigInt(Math.ceil(pieceMs * 1e6));
    this.#timeView.setBigInt64(0, until / 1_000_000_000n, true);
    this.#timeView.setBigInt64(8, until % 1_000_000_000n, true);
    for (;;) {
      const result = sem_clockwait === null ? sem_timedwait(semaphore, this.#time) : sem_clockwait(semaphore, clock, this.#time);
      if (result === 0) return true;
      const errno = this.#calls.errnoName();
      if (errno === 'ETIMEDOUT') return false;
      if (errno !== 'EINTR') this.#calls.fail('sem_timedwait', 'semaphore');
    }
  }

  tryWait(semaphore: Address): boolean {
    return this.#c.sem_trywait(semaphore) === 0;
  }

  post(semaphore: Address): void {
    if (this.#c.sem_post(semaphore) < 0) this.#calls.fail('sem_post', 'semaphore');
  }

  value(semaphore: Address): number {
    this.#c.sem_getvalue(semaphore, this.#time);
    return this.#timeView.getInt32(0, true);
  }

  close(semaphore: Address): void {
    this.#c.sem_close(semaphore);
  }

  unlink(name: string): boolean {
    if (this.#c.sem_unlink(name) === 0) return true;
    return this.#calls.errnoName() === 'ENOENT' ? false : this.#calls.fail('sem_unlink', name);
  }
}
