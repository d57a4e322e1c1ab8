import { PoolAnnouncer } from '../dds/discovery';
import { checkTurnOptions } from '../endpoint/requests';
import type { Sink } from '../endpoint/sink';
import { checkTimestamp, type Lender, LoanGuard, type LoanOptions, type PutOptions, Slot, WRITE_OPTIONS } from '../endpoint/slot';
import { copyToShared } from '../memory/copy';
import type { SharedPool } from '../memory/share';
import type { Lengths, Window } from '../memory/window';
import type { OpenedPool } from '../native/pool';
import { giveUp, NativeSink, openPool as openObject } from '../native/sink';
import { whenDropped } from '../runtime/dropped';
import { TensorIpcError } from '../runtime/errors';
import { checkOptions, pickOptions } from '../runtime/options';
import { InTurns, type TurnOptions } from '../runtime/pieces';
import { runSteps } from '../runtime/steps';
import { platform, type System } from '../runtime/system';
import { MetadataCreator, SAMPLE_OPTIONS, type Sample, type SampleOptions } from '../tensor/creator';
import type { TypedArray } from '../tensor/dtype';
import type { FormOf, FrameForm, FrameOf } from '../tensor/form';
import { type FieldMetadata, ownMetadata, type PoolMetadata } from '../tensor/metadata';
import { gather, type NormalTensor, type TensorView } from '../tensor/tensor';
import { checkedTensors, directData } from '../tensor/validation';
import { WireSink } from '../wire/sink';
import { committedLengths, lengthsOf, lengthsOfTensors } from './lengths';
import { OpenPool } from './open-pool';
import {
  type CheckedOptions,
  CREATE_FROM_SAMPLE_OPTIONS,
  CREATE_OPTIONS,
  type CreateOptions,
  checkProducerOptions,
  PRODUCER_FROM_SAMPLE_OPTIONS,
  PRODUCER_OPTIONS,
  type ProducerOptions,
  wireOptions,
} from './producer-options';
import { showProducers } from './shown';
import { noMetadata } from './wanted-pool';

/** Counters of a pool. */
export interface ProducerStats {
  /** Frames published by all producers of this object so far. */
  readonly framesPublished: number;
  /** Frames that onPinned 'drop' refused. */
  readonly framesRefused: number;
  /** Frames that onPinned 'overwrite' wrote over lent views. */
  readonly framesOverrun: number;
  /** Times that a frame had to wait for a reader. */
  readonly waits: number;
}

/** The one writer of a pool. Creates the pool, or takes it over from a producer that died. */
export class TensorProducer<F extends FrameForm = FrameForm> implements Disposable {
  readonly metadata: PoolMetadata<F>;
  readonly #system: System;
  readonly #sink: Sink;
  readonly #pool: OpenPool;
  readonly #keep: () => void;
  readonly #field: FieldMetadata;
  readonly #plain: boolean;
  // Any frame's data: what a plain frame's array has to be like.
  readonly #like: TypedArray;
  // Settled when every putAsync before the next one is over.
  #lastPut: Promise<void> = Promise.resolve();
  #lastLoan = 0;
  #guard: LoanGuard | null = null;
  #refusedBuffer: SharedArrayBuffer | null = null;
  // What was stated of the loan that is out.
  #loanLengths: Lengths | null = null;
  readonly #lender: Lender = {
    poolName: () => this.metadata.name,
    committedLengths: (length) => committedLengths(this.metadata, this.#loanLengths, length),
    commitLoan: (guard, refused, timestampNs, lengths) => {
      this.#pool.loan = 0;
      this.#guard = guard;
      if (this.#pool.closed) throw this.#closedError();
      return refused ? -1 : this.#sink.publish(this.#pool.loanSlot, timestampNs, lengths);
    },
    releaseLoan: (guard) => {
      this.#guard = guard;
      this.#pool.abandonLoan();
    },
    abandonLoan: (loan) => {
      if (this.#pool.loan !== loan) return;
      this.#pool.abandonLoan();
      platform().warn(
        `pool '${this.name}': a loaned slot was dropped without commit() or release(); write "using slot = producer.loan()"`,
      );
    },
  };

  /**
   * @throws TensorIpcError PRODUCER_EXISTS, SHM_FULL, PERMISSION_DENIED, FOREIGN_OBJECT, TRUNCATED_OBJECT, VERSION_MISMATCH,
   * CORRUPT_OBJECT, INVALID_ARGUMENT, UNSUPPORTED_PLATFORM, MISSING_DEPENDENCY, DDS
   */
  constructor(metadata: PoolMetadata<F> | PoolMetadata, options?: ProducerOptions);
  /** @internal */
  constructor(metadata: PoolMetadata<F> | PoolMetadata, options?: ProducerOptions, made?: Made);
  constructor(metadata: PoolMetadata<F> | PoolMetadata, options: ProducerOptions = {}, made: Made | null = null) {
    const own = ownMetadata(metadata);
    if (own === null) throw noMetadata(metadata, USE_SAMPLE);
    const checked = made?.checked ?? checkProducerOptions(options, new.target === TensorProducer ? PRODUCER_OPTIONS : null);
    this.metadata = own as PoolMetadata<F>;
    this.#system = platform().system();
    this.#field = own.fields[0] as FieldMetadata;
    this.#plain = own.plain;
    const pool = made?.pool ?? openPool(checked);
    this.#pool = pool;
    try {
      this.#sink =
        checked.wire === 'native' ? new NativeSink(own, checked, made?.opened ?? null) : new WireSink(own, wireOptions(checked));
      pool.sink = this.#sink;
      // A frame may be longer than this runtime's typed arrays.
      this.#like = this.#sink.window(0).data;
      pool.announce(own, checked.periodNs);
    } catch (error) {
      runSteps([() => pool.close()]);
      throw error;
    }
    this.#keep = whenDropped(this, closing(own.name, pool));
  }

  /**
   * The constructor, or fromSample, for large pools: their pages are reserved and prefaulted piece by piece, and the event loop turns in
   * between. While that goes on the name is taken, and the pool is not there yet. Ended by the signal, it leaves nothing.
   *
   * @throws as the constructor, and the signal's reason, by rejection
   */
  static create<const S extends Sample>(
    name: string,
    sample: S,
    options?: SampleOptions & CreateOptions,
  ): Promise<TensorProducer<FormOf<S>>>;
  static create<F extends FrameForm>(metadata: PoolMetadata<F>, options?: CreateOptions): Promise<TensorProducer<F>>;
  static async create<F extends FrameForm>(
    pool: string | PoolMetadata<F>,
    second: Sample | CreateOptions = {},
    third: SampleOptions & CreateOptions = {},
  ): Promise<TensorProducer<F>> {
    const named = typeof pool === 'string';
    const given: SampleOptions & CreateOptions = named
      ? checkOptions(third, CREATE_FROM_SAMPLE_OPTIONS)
      : checkOptions(second as CreateOptions, CREATE_OPTIONS);
    const { signal, onProgress } = given;
    const options = pickOptions<ProducerOptions>(given, PRODUCER_OPTIONS);
    const metadata = named
      ? MetadataCreator.fromSample(pool, second as Sample, pickOptions<SampleOptions>(given, SAMPLE_OPTIONS))
      : ownMetadata(pool);
    if (metadata === null) throw noMetadata(pool, USE_SAMPLE);
    checkTurnOptions({ signal, onProgress });
    signal?.throwIfAborted();
    return new TensorProducer<F>(
      metadata,
      options,
      await make(metadata, checkProducerOptions(options, PRODUCER_OPTIONS), { signal, onProgress }),
    );
  }

  /** A producer for frames like the sample; only the sample's shape and dtype are used. */
  static fromSample<const S extends Sample>(
    name: string,
    sample: S,
    options: SampleOptions & ProducerOptions = {},
  ): TensorProducer<FormOf<S>> {
    checkOptions(options, PRODUCER_FROM_SAMPLE_OPTIONS);
    const metadata = MetadataCreator.fromSample(name, sample, pickOptions<SampleOptions>(options, SAMPLE_OPTIONS));
    return new TensorProducer(metadata, pickOptions<ProducerOptions>(options, PRODUCER_OPTIONS));
  }

  get name(): string {
    return this.metadata.name;
  }

  get closed(): boolean {
    return this.#pool.closed;
  }

  /** Number that the next frame will have. */
  get nextSequence(): number {
    return this.#sink.nextSequence;
  }

  /**
   * Publishes a copy of a frame: a tensor-like, or a record of tensor-likes for pools of several fields.
   *
   * @returns its sequence number, or -1 when onPinned 'drop' refused it.
   * @throws TensorIpcError SHAPE_MISMATCH, DTYPE_MISMATCH, FIELDS_MISMATCH, PIN_TIMEOUT, LOAN_OUTSTANDING, CLOSED; on the Python wire
   * LOCK_TIMEOUT, and PRODUCER_EXISTS when another producer has taken the name. A frame that is refused by an error takes no sequence
   * number and changes nothing.
   */
  put(frame: FrameOf<F>, options?: PutOptions): number {
    this.#assertReady();
    if (options !== undefined) checkOptions(options, WRITE_OPTIONS.put);
    // Everything is checked before the slot is claimed: a wrong argument costs no frame.
    const direct = this.#direct(frame as Sample);
    const tensors = direct === null ? checkedTensors(frame as Sample, this.metadata) : null;
    const timestampNs = checkTimestamp(options?.timestampNs);
    const slot = this.#sink.claim();
    return slot < 0 ? -1 : this.#fill(slot, direct, tensors, timestampNs);
  }

  /**
   * put for event loops: where put would block its thread until a reader lets go, this waits without. The frame must not change before
   * the promise is settled. Calls keep their order.
   *
   * @throws as put, by rejection
   */
  putAsync(frame: FrameOf<F>, options?: PutOptions): Promise<number> {
    const turn = this.#lastPut.then(async () => {
      this.#assertReady();
      if (options !== undefined) checkOptions(options, WRITE_OPTIONS.put);
      const direct = this.#direct(frame as Sample);
      const tensors = direct === null ? checkedTensors(frame as Sample, this.metadata) : null;
      const timestampNs = checkTimestamp(options?.timestampNs);
      return this.#sink.claimAsync(
        () => this.#assertReady(),
        (slot) => (slot < 0 ? -1 : this.#fill(slot, direct, tensors, timestampNs)),
      );
    });
    this.#lastPut = turn.then(
      () => undefined,
      () => undefined,
    );
    return turn;
  }

  /**
   * Lends the next slot to be written in place. One at a time: commit or release it before the next put or loan.
   *
   * @throws TensorIpcError PIN_TIMEOUT, LOAN_OUTSTANDING, CLOSED, INVALID_ARGUMENT, SHAPE_MISMATCH
   */
  loan(options?: LoanOptions): Slot<F> {
    this.#assertReady();
    const lengths = options === undefined ? null : lengthsOf(this.metadata, checkOptions(options, WRITE_OPTIONS.loan).length);
    const slot = this.#sink.claim();
    const refused = slot < 0;
    const window = refused ? this.#scratchWindow(lengths) : this.#sink.window(slot, lengths);
    this.#loanLengths = lengths;
    let guard = this.#guard;
    if (guard === null) {
      this.#lastLoan += 1;
      guard = new LoanGuard(this.#lender, this.#lastLoan);
    }
    // While the loan is out only the slot holds the guard.
    this.#guard = null;
    this.#pool.loan = guard.loan;
    this.#pool.loanSlot = slot;
    return new Slot<F>(this.#lender, window, this.#sink.nextSequence, refused, guard);
  }

  stats(): ProducerStats {
    this.#assertOpen();
    return { framesPublished: this.#sink.nextSequence, ...this.#sink.counters() };
  }

  /**
   * The pool for another thread of this process, which reads the same mapped pages: post it, and open it there with
   * TensorConsumer.fromShared. Each call is for one reader.
   */
  share(): SharedPool {
    this.#assertOpen();
    return this.#sink.share();
  }

  /** Closes the pool: consumers disconnect, the name is free. Also at exit, by SIGINT, SIGTERM, and on uncaught exceptions. */
  cleanup(): void {
    this.#keep();
    this.#pool.close();
  }

  /** The same as cleanup. */
  close(): void {
    this.cleanup();
  }

  [Symbol.dispose](): void {
    this.cleanup();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cleanup();
  }

  #closedError(): TensorIpcError {
    return new TensorIpcError('CLOSED', `the producer of pool '${this.name}' has been closed: create another`);
  }

  #assertOpen(): void {
    if (this.#pool.closed) throw this.#closedError();
  }

  #assertReady(): void {
    if (this.#pool.closed) throw this.#closedError();
    if (this.#pool.loan !== 0) {
      throw new TensorIpcError(
        'LOAN_OUTSTANDING',
        `pool '${this.name}': slot ${this.nextSequence} is still loaned: commit() or release() it first`,
      );
    }
  }

  #copyTensors(tensors: readonly NormalTensor[], slot: number): void {
    const window = this.#sink.window(slot);
    for (const [i, field] of this.metadata.fields.entries()) {
      const tensor = tensors[i] as NormalTensor;
      const target = window.fields === undefined ? window : (window.fields[field.name] as TensorView);
      if (tensor.dense) {
        const { data, offset, elements } = tensor;
        const exact = offset === 0 && data.length === elements ? data : data.subarray(offset, offset + elements);
        copyToShared(this.#system, target.data, this.#sink.address(slot) + field.byteOffset, exact);
      } else {
        gather(tensor, target.data);
      }
    }
  }

  /** The elements of a frame that is right at one look. */
  #direct(frame: Sample): TypedArray | null {
    return this.#plain ? directData(frame, this.#field, this.#like) : null;
  }

  #fill(
    slot: number,
    direct: TypedArray | null,
    tensors: readonly NormalTensor[] | null,
    timestampNs: bigint | undefined,
  ): number {
    if (direct !== null) this.#sink.copyIn(slot, direct);
    else this.#copyTensors(tensors as NormalTensor[], slot);
    const lengths = this.metadata.varying ? lengthsOfTensors(this.metadata, tensors as NormalTensor[]) : null;
    return this.#sink.publish(slot, timestampNs, lengths);
  }

  #scratchWindow(lengths: Lengths | null): Window {
    // Shared as the pages of a pool are: a slot's arrays are of one type.
    this.#refusedBuffer ??= new SharedArrayBuffer(this.metadata.frameBytes);
    const { windows } = this.#sink;
    return lengths === null ? windows.build(this.#refusedBuffer, 0, 1, false) : windows.sized(this.#refusedBuffer, 0, lengths);
  }
}

showProducers(TensorProducer);

/** What of a producer was made before it. */
interface Made {
  readonly checked: CheckedOptions;
  readonly pool: OpenPool;
  readonly opened: OpenedPool | null;
}

/** Before there is an object: where DDS cannot be had, no pool is made, and none taken over from a dead producer. */
function openPool({ discovery, domainId }: CheckedOptions): OpenPool {
  const pool = new OpenPool();
  try {
    if (discovery === 'dds') pool.announcer = new PoolAnnouncer(domainId);
    return pool;
  } catch (error) {
    runSteps([() => pool.close()]);
    throw error;
  }
}

async function make(metadata: PoolMetadata, checked: CheckedOptions, options: TurnOptions): Promise<Made> {
  const pool = openPool(checked);
  // The Python package's way to make a pool has no pieces.
  if (checked.wire !== 'native') return { checked, pool, opened: null };
  try {
    const opening = new InTurns(openObject(metadata, checked));
    pool.opening = opening;
    const opened = await opening.finish(options);
    pool.opening = null;
    if (options.signal?.aborted) {
      runSteps([() => giveUp(opened)]);
      throw options.signal.reason;
    }
    return { checked, pool, opened };
  } catch (error) {
    pool.opening = null;
    runSteps([() => pool.close()]);
    throw error;
  }
}

const USE_SAMPLE = ': with a name and a sample frame, call TensorProducer.fromSample(name, sample)';

/** How a dropped producer's pool is closed. Not within its constructor, whose closures would hold it. */
function closing(name: string, pool: OpenPool) {
  return {
    what: `pool '${name}': its producer`,
    cure: 'hold the producer for as long as others are to find the pool, and close it (or write "using producer = …")',
    free: () => pool.close(),
  };
}
