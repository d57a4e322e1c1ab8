import { HANDLE_TIMESTAMP_NS, LOCK_PRODUCER } from '../assembly/layout';
import { OK } from '../assembly/status';
import { Ringer, ringNewcomers, unlinkDeadBells } from './bell';
import { Claims, type OnPinned, POLICIES } from './claims';
import { copyToShared } from './copy';
import { poolError } from './core';
import { readProducerCounters } from './counters';
import type { TypedArray } from './dtype';
import { TensorIpcError } from './errors';
import { checkedTensors, directData } from './intake';
import { registerOpen } from './lifecycle';
import { type Mapping, type Window, WindowBuilder } from './mapping';
import { type FieldMetadata, type HistoryPad, MetadataCreator, PoolMetadata, type Sample, type SampleOptions } from './metadata';
import { openForProducer, translate } from './pool';
import { type SharedPool, shareMapping } from './share';
import { checkTimestamp, type Lender, LoanGuard, type PutOptions, Slot } from './slot';
import { type Platform, platform, type System } from './system';
import { gather, type NormalTensor, type TensorLike, type TensorView } from './tensor';
import { objectName } from './trust';

/** How a producer treats its pool. */
export interface ProducerOptions {
  /** What history shows before it is full: zeros (default), or copies of the first frame. */
  readonly historyPad?: HistoryPad;
  /**
   * When a view is in the way: 'wait' for its release, at most waitTimeoutMs (default); 'drop' the new frame, which put answers
   * with -1; or 'overwrite' it, which makes the view's `valid` false.
   */
  readonly onPinned?: OnPinned;
  /** Milliseconds that put and loan wait for a view's release before they throw PIN_TIMEOUT. Default 1000. */
  readonly waitTimeoutMs?: number;
  /** Permission bits of the object. Default 0o600: this user only. 0o660 lets the group take part. */
  readonly mode?: number;
}

const DEFAULT_WAIT_TIMEOUT_MS = 1000;

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
export class TensorProducer<T extends TypedArray = TypedArray> implements Disposable {
  readonly metadata: PoolMetadata;
  readonly #platform: Platform;
  readonly #system: System;
  readonly #mapping: Mapping;
  readonly #ringer: Ringer;
  readonly #claims: Claims;
  readonly #pad: HistoryPad;
  readonly #unregister: () => void;
  readonly #field: FieldMetadata;
  readonly #plain: boolean;
  // Any frame's data: what a plain frame's array has to be like.
  readonly #like: TypedArray;
  #sequence: number;
  #closed = false;
  // Settled when every putAsync before the next one is over.
  #lastPut: Promise<void> = Promise.resolve();
  // Identity of the loan that is out, or 0.
  #loan = 0;
  #lastLoan = 0;
  #guard: LoanGuard | null = null;
  #refusedBuffer: ArrayBuffer | null = null;
  readonly #lender: Lender = {
    commitLoan: (guard, refused, timestampNs) => {
      this.#lender.releaseLoan(guard);
      if (this.#closed) throw this.#closedError();
      return refused ? -1 : this.#publish(this.#sequence % this.#mapping.geometry.slotCapacity, timestampNs);
    },
    // Nothing to undo in the pool: the slot keeps its WRITING stamp, and the next frame is written over it.
    releaseLoan: (guard) => {
      this.#loan = 0;
      this.#guard = guard;
    },
    abandonLoan: (loan) => {
      if (this.#loan !== loan) return;
      this.#loan = 0;
      platform().warn(
        `pool '${this.name}': a loaned slot was dropped without commit() or release(); write "using slot = producer.loan()"`,
      );
    },
  };

  /**
   * @throws TensorIpcError PRODUCER_EXISTS, SHM_FULL, PERMISSION_DENIED, FOREIGN_OBJECT, TRUNCATED_OBJECT, VERSION_MISMATCH,
   * CORRUPT_OBJECT, INVALID_ARGUMENT, UNSUPPORTED_PLATFORM, MISSING_DEPENDENCY
   */
  constructor(metadata: PoolMetadata, options: ProducerOptions = {}) {
    if (!(metadata instanceof PoolMetadata)) {
      throw new TensorIpcError('INVALID_ARGUMENT', 'metadata must be a PoolMetadata, as MetadataCreator.fromSample makes it');
    }
    const { historyPad = 'zero', onPinned = 'wait', waitTimeoutMs = DEFAULT_WAIT_TIMEOUT_MS, mode = 0o600 } = options;
    if (historyPad !== 'zero' && historyPad !== 'fill') {
      throw new TensorIpcError('INVALID_ARGUMENT', `historyPad is 'zero' or 'fill', found ${JSON.stringify(historyPad)}`);
    }
    if (!Object.hasOwn(POLICIES, onPinned)) {
      throw new TensorIpcError(
        'INVALID_ARGUMENT',
        `onPinned is 'wait', 'drop' or 'overwrite', found ${JSON.stringify(onPinned)}`,
      );
    }
    if (!(waitTimeoutMs >= 0)) {
      throw new TensorIpcError(
        'INVALID_ARGUMENT',
        `waitTimeoutMs is a number of milliseconds of at least 0, found ${String(waitTimeoutMs)}`,
      );
    }
    if (!Number.isInteger(mode) || (mode & ~0o666) !== 0 || (mode & 0o600) !== 0o600) {
      throw new TensorIpcError(
        'INVALID_ARGUMENT',
        'mode is read and write permission for the owner and perhaps others, such as 0o600 or 0o660',
      );
    }
    this.metadata = metadata;
    this.#platform = platform();
    this.#system = this.#platform.system();
    this.#pad = historyPad;
    this.#field = metadata.fields[0] as FieldMetadata;
    this.#plain = metadata.plain;
    const trust = (mode & 0o002) !== 0 ? 'any' : (mode & 0o020) !== 0 ? 'group' : 'owner';
    // Before there is an object: without the hook a signal that comes now would end the process and leave it.
    this.#unregister = registerOpen(() => this.cleanup());
    try {
      this.#mapping = openForProducer(this.#system, { metadata, historyPad }, { mode, trust });
    } catch (error) {
      this.#unregister();
      throw translate(metadata.name, error);
    }
    const { core, handle } = this.#mapping;
    this.#mapping.setClock(this.#platform.monotonicNs());
    const code = core.writerOpen(handle, this.#system.pid, POLICIES[onPinned]);
    if (code !== OK) {
      this.#unregister();
      this.#mapping.close();
      throw poolError(metadata.name, code);
    }
    this.#sequence = core.writerSequence(handle);
    this.#claims = new Claims(this.#mapping, onPinned, waitTimeoutMs);
    this.#like = this.#mapping.window(0, 1, false).data;
    this.#ringer = new Ringer(this.#mapping);
    ringNewcomers(this.#system, metadata.name);
  }

  /** A producer for frames like the sample; only the sample's shape and dtype are used. */
  static fromSample<T extends TypedArray>(
    name: string,
    sample: TensorLike<T>,
    options?: SampleOptions & ProducerOptions,
  ): TensorProducer<T>;
  static fromSample(name: string, sample: Sample, options?: SampleOptions & ProducerOptions): TensorProducer;
  static fromSample(name: string, sample: Sample, options: SampleOptions & ProducerOptions = {}): TensorProducer {
    return new TensorProducer(MetadataCreator.fromSample(name, sample, options), options);
  }

  get name(): string {
    return this.metadata.name;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Number that the next frame will have. */
  get nextSequence(): number {
    return this.#sequence;
  }

  /**
   * Publishes a copy of a frame: a tensor-like, or a record of tensor-likes for pools of several fields.
   *
   * @returns its sequence number, or -1 when onPinned 'drop' refused it.
   * @throws TensorIpcError SHAPE_MISMATCH, DTYPE_MISMATCH, FIELDS_MISMATCH, PIN_TIMEOUT, LOAN_OUTSTANDING, CLOSED. A frame that is
   * refused by an error takes no sequence number and changes nothing.
   */
  put(frame: Sample, options?: PutOptions): number {
    this.#assertReady();
    // Everything is checked before the slot is claimed: a wrong argument costs no frame.
    const direct = this.#direct(frame);
    const tensors = direct === null ? checkedTensors(frame, this.metadata) : null;
    const timestampNs = checkTimestamp(options?.timestampNs);
    const slot = this.#claims.claim();
    return slot < 0 ? -1 : this.#fill(slot, direct, tensors, timestampNs);
  }

  /**
   * put for event loops: where put would block its thread until a reader lets go, this waits without. The frame must not change before
   * the promise is settled. Calls keep their order.
   *
   * @throws as put, by rejection
   */
  putAsync(frame: Sample, options?: PutOptions): Promise<number> {
    const turn = this.#lastPut.then(async () => {
      this.#assertReady();
      const direct = this.#direct(frame);
      const tensors = direct === null ? checkedTensors(frame, this.metadata) : null;
      const timestampNs = checkTimestamp(options?.timestampNs);
      const slot = await this.#claims.claimAsync(() => this.#assertReady());
      return slot < 0 ? -1 : this.#fill(slot, direct, tensors, timestampNs);
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
   * @throws TensorIpcError PIN_TIMEOUT, LOAN_OUTSTANDING, CLOSED
   */
  loan(): Slot<T> {
    this.#assertReady();
    const slot = this.#claims.claim();
    const refused = slot < 0;
    const window = refused ? this.#scratchWindow() : this.#mapping.window(slot, 1, false);
    let guard = this.#guard;
    if (guard === null) {
      this.#lastLoan += 1;
      guard = new LoanGuard(this.#lender, this.#lastLoan);
    }
    // While the loan is out only the slot holds the guard.
    this.#guard = null;
    this.#loan = guard.loan;
    return new Slot<T>(this.#lender, window, this.#sequence, refused, guard);
  }

  stats(): ProducerStats {
    this.#assertOpen();
    const counters = readProducerCounters(this.#mapping);
    return { framesPublished: this.#sequence, ...counters };
  }

  /**
   * The pool for another thread of this process, which reads the same mapped pages: post it, and open it there with
   * TensorConsumer.fromShared. Each call is for one reader.
   */
  share(): SharedPool {
    this.#assertOpen();
    return shareMapping(this.#mapping);
  }

  /** Closes the pool: consumers disconnect, the name is free. Also at exit, by SIGINT, SIGTERM, and on uncaught exceptions. */
  cleanup(): void {
    if (this.#closed) return;
    this.#closed = true;
    const { core, handle, fd } = this.#mapping;
    try {
      core.writerClose(handle);
      this.#ringer.ring();
      this.#ringer.close();
      unlinkDeadBells(this.#mapping);
      const name = objectName(this.name);
      // Somebody may have removed the object by hand, and another may stand there now.
      if (this.#system.statObject(name)?.identity === this.#system.statDescriptor(fd).identity) this.#system.unlinkObject(name);
    } finally {
      // Not before: without the hook a signal that comes now would end the process and leave the object.
      this.#unregister();
      this.#system.unlock(fd, LOCK_PRODUCER);
      this.#mapping.close();
    }
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
    if (this.#closed) throw this.#closedError();
  }

  #assertReady(): void {
    if (this.#closed) throw this.#closedError();
    if (this.#loan !== 0) {
      throw new TensorIpcError(
        'LOAN_OUTSTANDING',
        `pool '${this.name}': slot ${this.#sequence} is still loaned: commit() or release() it first`,
      );
    }
  }

  #copyTensors(tensors: readonly NormalTensor[], slot: number): void {
    const mapping = this.#mapping;
    const window = mapping.window(slot, 1, false);
    for (const [i, field] of this.metadata.fields.entries()) {
      const tensor = tensors[i] as NormalTensor;
      const target = window.fields === undefined ? window : (window.fields[field.name] as TensorView);
      if (tensor.dense) {
        const { data, offset, elements } = tensor;
        const exact = offset === 0 && data.length === elements ? data : data.subarray(offset, offset + elements);
        copyToShared(this.#system, target.data, mapping.slotAddress(slot) + field.byteOffset, exact);
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
    const mapping = this.#mapping;
    if (direct !== null) copyToShared(this.#system, mapping.window(slot, 1, false).data, mapping.slotAddress(slot), direct);
    else this.#copyTensors(tensors as NormalTensor[], slot);
    return this.#publish(slot, timestampNs);
  }

  #publish(slot: number, timestampNs: bigint | undefined): number {
    const mapping = this.#mapping;
    const { core, handle } = mapping;
    const sequence = this.#sequence;
    if (sequence === 0 && this.#pad === 'fill') this.#fillHistory(slot);
    if (timestampNs !== undefined) mapping.arena.i64[(handle + HANDLE_TIMESTAMP_NS) / 8] = timestampNs;
    mapping.setClock(this.#platform.monotonicNs());
    const waiting = core.writerCommit(handle, timestampNs === undefined ? 0 : 1);
    this.#sequence = sequence + 1;
    if (waiting !== 0) this.#ringer.ring();
    return sequence;
  }

  /** Copies the first frame into the padding before it. Nobody reads any of it until the head moves. */
  #fillHistory(slot: number): void {
    const { geometry, system } = this.#mapping;
    for (let back = 1; back < this.metadata.historyLen; back++) {
      const to = (slot + geometry.slotCapacity - back) % geometry.slotCapacity;
      system.copy(this.#mapping.slotAddress(to), this.#mapping.slotAddress(slot), geometry.frameBytes);
    }
  }

  #scratchWindow(): Window {
    this.#refusedBuffer ??= new ArrayBuffer(this.metadata.frameBytes);
    return new WindowBuilder(this.metadata, this.#mapping.geometry.frameStride).build(this.#refusedBuffer, 0, 1, false);
  }
}
