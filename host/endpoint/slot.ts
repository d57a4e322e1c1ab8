import type { Lengths, Window } from '../memory/window';
import { TensorIpcError } from '../runtime/errors';
import { showAs } from '../runtime/inspected';
import { checkOptions, joinNames, optionNames } from '../runtime/options';
import type { FrameForm, SharedData, SharedFields } from '../tensor/form';
import type { TensorView } from '../tensor/tensor';
import { showForm } from './shown';

/** What put and commit say about a frame beside its elements. */
export interface PutOptions {
  /** When the frame was made, ns, on any clock that the consumers know. Default: CLOCK_MONOTONIC at publication. */
  readonly timestampNs?: bigint;
}

/** How long the varying fields of a frame are: one number for all of them, or one for each by name. */
export type FrameLength = number | Readonly<Record<string, number>>;

/** What a loan is of. */
export interface LoanOptions {
  /** For frames of varying length: how long the frame will be, or the most that it may become. Default: all the room there is. */
  readonly length?: FrameLength;
}

/** What commit says about a frame beside its elements. */
export interface CommitOptions extends PutOptions {
  /** For frames of varying length: how long the frame is, at most what was loaned. Default: what was loaned, if that was stated. */
  readonly length?: FrameLength;
}

const LENGTH_OPTIONS = optionNames<LoanOptions>({ length: true });
const PUT_OPTIONS = optionNames<PutOptions>({ timestampNs: true });

/** Names of the options of each way to write. */
export const WRITE_OPTIONS = { put: PUT_OPTIONS, loan: LENGTH_OPTIONS, commit: joinNames(PUT_OPTIONS, LENGTH_OPTIONS) } as const;

/** A user's timestamp, checked: nanoseconds that fit 64 bits. */
export function checkTimestamp(timestampNs: bigint | undefined): bigint | undefined {
  if (timestampNs !== undefined && (typeof timestampNs !== 'bigint' || BigInt.asIntN(64, timestampNs) !== timestampNs)) {
    throw new TensorIpcError(
      'INVALID_ARGUMENT',
      `timestampNs is a bigint of nanoseconds that fits 64 bits, found ${String(timestampNs)}`,
    );
  }
  return timestampNs;
}

/** Told to the producer when a loan is dropped without commit or release. */
interface Abandoned {
  readonly lender: WeakRef<Lender>;
  readonly loan: number;
}

const abandonedLoans = new FinalizationRegistry<Abandoned>(({ lender, loan }) => {
  lender.deref()?.abandonLoan(loan);
});

/** The producer, as its slots see it. */
export interface Lender {
  poolName(): string;
  commitLoan(guard: LoanGuard, refused: boolean, timestampNs: bigint | undefined, lengths: Lengths | null): number;
  /** Lengths as commit takes them: null where frames have none. Throws what commit throws. */
  committedLengths(length: FrameLength | undefined): Lengths | null;
  releaseLoan(guard: LoanGuard): void;
  abandonLoan(loan: number): void;
}

/** Identity of a loan, shared by the slots that come after one another: registering for finalisation is what costs. */
export class LoanGuard {
  constructor(
    lender: Lender,
    readonly loan: number,
  ) {
    abandonedLoans.register(this, { lender: new WeakRef(lender), loan });
  }
}

/**
 * A frame to be written in place, on the shared pages. `commit()` publishes it; released uncommitted (`using`, `release()`) it
 * publishes nothing. Its previous contents are those of an old frame.
 */
export class Slot<F extends FrameForm = FrameForm> implements Disposable {
  /** Number that the frame will have. */
  readonly sequence: number;
  /** True when onPinned 'drop' refused the frame: what is written goes nowhere and commit answers -1. */
  readonly refused: boolean;
  readonly #lender: Lender;
  readonly #tensors: Window;
  // Held, not read: when this slot is forgotten, the guard goes with it, and the producer is told.
  #guard: LoanGuard | null;

  static {
    showAs(Slot, (slot) => {
      const state = slot.#guard === null ? ' (committed or released)' : slot.refused ? ' (refused)' : '';
      return `Slot${state} of '${slot.#lender.poolName()}': ${showForm(slot.#tensors)}, sequence ${slot.sequence}`;
    });
  }

  /** @internal */
  constructor(lender: Lender, tensors: Window, sequence: number, refused: boolean, guard: LoanGuard) {
    this.#lender = lender;
    this.#tensors = tensors;
    this.sequence = sequence;
    this.refused = refused;
    this.#guard = guard;
  }

  #held(): Window {
    if (this.#guard === null)
      throw new TensorIpcError('RELEASED', `slot ${this.sequence} has been committed or released: loan another`);
    return this.#tensors;
  }

  /** Elements of the frame, on the shared pages. Of a frame of several tensors: its raw bytes. */
  get data(): SharedData<F> {
    return this.#held().data as SharedData<F>;
  }

  get shape(): readonly number[] {
    return this.#held().shape;
  }

  get strides(): readonly number[] {
    return this.#held().strides;
  }

  get offset(): number {
    return this.#held().offset;
  }

  get dtype(): TensorView['dtype'] {
    return this.#held().dtype;
  }

  /** The tensors by name, for pools whose frames have several. */
  get fields(): SharedFields<F> {
    return this.#held().fields as SharedFields<F>;
  }

  /**
   * Publishes the frame: its sequence number, or -1 when it had been refused.
   *
   * @throws TensorIpcError RELEASED, INVALID_ARGUMENT, SHAPE_MISMATCH; the slot is still loaned after the last two
   */
  commit(options?: CommitOptions): number {
    // Before the slot is given up: after an error it can still be committed or released.
    if (options !== undefined) checkOptions(options, WRITE_OPTIONS.commit);
    const timestampNs = checkTimestamp(options?.timestampNs);
    if (this.#guard === null) this.#take();
    const lengths = this.#lender.committedLengths(options?.length);
    return this.#lender.commitLoan(this.#take(), this.refused, timestampNs, lengths);
  }

  /** Gives the slot back unpublished. Does nothing after commit. */
  release(): void {
    if (this.#guard !== null) this.#lender.releaseLoan(this.#take());
  }

  #take(): LoanGuard {
    const guard = this.#guard;
    if (guard === null) throw new TensorIpcError('RELEASED', `slot ${this.sequence} has been committed or released already`);
    this.#guard = null;
    return guard;
  }

  [Symbol.dispose](): void {
    this.release();
  }
}
