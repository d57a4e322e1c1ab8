// Named POSIX semaphores, without sem_open: that maps whatever stands under a name, however short it is and whosever. Others open the
// files checked and mapped; here is only what is in them.

import type { Address, Semaphores, TimeBudget } from '../host/runtime/system';
import { optional } from './koffi';
import type { Calls } from './linux';

/** sizeof(sem_t) in glibc and musl on x86-64 and arm64. */
const SEMAPHORE_BYTES = 32;
/** Several processes share it. */
const SHARED = 1;
const CLOCK_REALTIME = 0;
const CLOCK_MONOTONIC = 1;
/** Waits are made of pieces, of each of which no more is counted than this, however late it ends. */
const PIECE_MS = 100;

type Int = number;

function bind({ koffi }: Calls) {
  const libc = koffi.load('libc.so.6');
  return {
    sem_init: libc.func('sem_init', 'int', ['uintptr_t', 'int', 'uint']) as (sem: Address, shared: Int, value: Int) => Int,
    sem_timedwait: libc.func('sem_timedwait', 'int', ['uintptr_t', 'void *']) as (sem: Address, until: Uint8Array) => Int,
    /** Not in every libc: since glibc 2.30. */
    sem_clockwait: optional(libc, 'sem_clockwait', 'int', ['uintptr_t', 'int', 'void *']) as
      | ((sem: Address, clock: Int, until: Uint8Array) => Int)
      | null,
    sem_trywait: libc.func('sem_trywait', 'int', ['uintptr_t']) as (sem: Address) => Int,
    sem_post: libc.func('sem_post', 'int', ['uintptr_t']) as (sem: Address) => Int,
    sem_getvalue: libc.func('sem_getvalue', 'int', ['uintptr_t', 'void *']) as (sem: Address, to: Uint8Array) => Int,
    /** Tells glibc, which keeps semaphores as sem.<name>, from musl, which adds nothing. */
    gnu_get_libc_version: optional(libc, 'gnu_get_libc_version', 'str', []),
    clock_gettime: libc.func('clock_gettime', 'int', ['int', 'void *']) as (clock: Int, to: Uint8Array) => Int,
  };
}

export class PosixSemaphores implements Semaphores {
  readonly bytes = SEMAPHORE_BYTES;
  readonly #calls: Calls;
  readonly #c: ReturnType<typeof bind>;
  // struct timespec; calls are synchronous, so nobody else sees it in use.
  readonly #time = new Uint8Array(16);
  readonly #timeView = new DataView(this.#time.buffer);

  constructor(calls: Calls) {
    this.#calls = calls;
    this.#c = bind(calls);
  }

  fileOf(name: string): string {
    return this.#c.gnu_get_libc_version === null ? name : `/sem.${name.slice(1)}`;
  }

  init(at: Address, value: number): void {
    if (this.#c.sem_init(at, SHARED, value) < 0) this.#calls.fail('sem_init', 'semaphore');
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
}
