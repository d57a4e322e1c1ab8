// What a producer has open. It knows nothing of the producer, so that this can be dropped, and is closed with it then, and at exit.

import type { PoolAnnouncer } from '../dds/discovery';
import type { Sink } from '../endpoint/sink';
import { TensorIpcError } from '../runtime/errors';
import { registerOpen } from '../runtime/lifecycle';
import { everyStep } from '../runtime/steps';
import type { PoolMetadata } from '../tensor/metadata';

function closedWhileOpening(): TensorIpcError {
  return new TensorIpcError('CLOSED', 'the process ends while a producer is being created');
}

export class OpenPool {
  sink: Sink | null = null;
  announcer: PoolAnnouncer | null = null;
  /** The making of its sink, while that goes on in turns: ended with it. */
  opening: { end(error: unknown): void } | null = null;
  /** Identity of the loan that is out, or 0, and its slot. */
  loan = 0;
  loanSlot = -1;
  #closed = false;
  readonly #unregister: () => void;

  /** Before there is an object: without the hook a signal that comes now would end the process and leave it. */
  constructor() {
    this.#unregister = registerOpen(() => this.close());
  }

  get closed(): boolean {
    return this.#closed;
  }

  announce(metadata: PoolMetadata, periodNs: bigint): void {
    this.announcer?.announce(metadata, periodNs === 0n ? null : Number(periodNs) / 1e6, () => this.sink?.nextSequence ?? 0);
  }

  /** A loan that ends unpublished. */
  abandonLoan(): void {
    if (this.loan === 0) return;
    this.loan = 0;
    if (this.loanSlot >= 0) this.sink?.abandon(this.loanSlot);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    everyStep([
      () => this.opening?.end(closedWhileOpening()),
      () => this.abandonLoan(),
      () => this.sink?.close(),
      // Behind the pool: who hears that it is closed finds it so.
      () => this.announcer?.close(),
      // Not before: without the hook a signal that comes now would end the process and leave the object.
      () => this.#unregister(),
    ]);
  }
}
