import type { Window } from '../memory/window';
import { TensorIpcError } from '../runtime/errors';
import { showAs } from '../runtime/inspected';
import type { SharedTypedArray } from '../tensor/arrays';
import type { Dtype, TypedArray } from '../tensor/dtype';
import type { FieldName, FrameForm, SharedData, SharedField, SharedFields } from '../tensor/form';
import type { PoolMetadata } from '../tensor/metadata';
import type { TensorView } from '../tensor/tensor';
import { frameAt } from './frame';
import { type FrameJson, receivedAsJson, showReceived } from './shown';
import { ageOf, wholeOf } from './times';

/** Identity of what holds the frames of a view. Views that follow one another share it: registering for finalisation is what costs. */
export class PinGuard {
  constructor(readonly index: number) {}
}

/** Who holds the frames for a view. */
export interface Holder {
  readonly metadata: PoolMetadata;
  /** Whether the window that starts with frame `oldest` is as it was lent. */
  intact(oldest: number): boolean;
  releasePin(guard: PinGuard): void;
}

/**
 * A frame, or a window of frames, on the shared pages themselves: nothing was copied. The producer does not reuse them until
 * `release()` (or the end of a `using` block). Read only.
 *
 * In memory the frames lie oldest first, one behind the other; strides and offset say how to index them in the order asked for:
 * with `latestFirst` the first stride is negative.
 */
export class View<F extends FrameForm = FrameForm> implements TensorView<SharedData<F>>, Disposable {
  /** Number of the (latest) frame: 0, 1, 2, … */
  readonly sequence: number;
  /** Frames published since the last one that this reader was given, and not given to it. */
  readonly missed: number;
  /** How many of the oldest frames of a window are padding, because less had been published. */
  readonly padded: number;
  readonly #holder: Holder;
  readonly #window: Window;
  readonly #oldest: number;
  readonly #timeLow: number;
  readonly #timeHigh: number;
  readonly #publishedLow: number;
  readonly #publishedHigh: number;
  /** Which of the pool's producers published the (latest) frame: 1 for the first, one more with each that took over. */
  readonly epoch: number;
  // Held, not only read: when this view is forgotten, the guard goes with it, and the pin is dropped.
  #guard: PinGuard | null;

  static {
    showAs(View, (view) => {
      const state = view.#guard === null ? ' (released)' : view.valid ? '' : ' (overwritten)';
      return showReceived(`View${state}`, view.#holder.metadata.name, view.#window, view);
    });
  }

  /**
   * @internal
   * @param oldest Number of the oldest frame of the window; below 0 where it is padding. Times come in halves of 32 bits, signed: a bigint,
   * or a number of more bits, is an object of its own.
   */
  constructor(
    holder: Holder,
    guard: PinGuard,
    window: Window,
    sequence: number,
    oldest: number,
    timeLow: number,
    timeHigh: number,
    missed: number,
    publishedLow: number,
    publishedHigh: number,
    epoch: number,
  ) {
    this.sequence = sequence;
    this.missed = missed;
    this.padded = oldest < 0 ? -oldest : 0;
    this.#holder = holder;
    this.#oldest = oldest;
    this.#window = window;
    this.#timeLow = timeLow;
    this.#timeHigh = timeHigh;
    this.#publishedLow = publishedLow;
    this.#publishedHigh = publishedHigh;
    this.epoch = epoch;
    this.#guard = guard;
  }

  #held(): Window {
    if (this.#guard === null)
      throw new TensorIpcError('RELEASED', `the view of frame ${this.sequence} has been released: borrow again`);
    return this.#window;
  }

  /** Elements, on the shared pages. Of frames of several tensors: their raw bytes, with the tensors in `fields`. */
  get data(): SharedData<F> {
    return this.#held().data as SharedData<F>;
  }

  get shape(): readonly number[] {
    return this.#window.shape;
  }

  get strides(): readonly number[] {
    return this.#window.strides;
  }

  get offset(): number {
    return this.#window.offset;
  }

  get dtype(): Dtype {
    return this.#window.dtype;
  }

  /** Of a window of a plain pool of varying length: how long each frame is, in the window's order. */
  get lengths(): readonly number[] | undefined {
    return this.#window.lengths;
  }

  /** The tensors by name, for pools whose frames have several. */
  get fields(): SharedFields<F> {
    return this.#held().fields as SharedFields<F>;
  }

  /** Timestamp of the (latest) frame, ns: what the producer gave, or CLOCK_MONOTONIC at its publication. */
  get timestampNs(): bigint {
    return wholeOf(this.#timeLow, this.#timeHigh);
  }

  /** How long ago the (latest) frame was published, ms. */
  ageMs(): number {
    return ageOf(Number(wholeOf(this.#publishedLow, this.#publishedHigh)));
  }

  /**
   * Whether the bytes are still those of the frames: false after release, and after a producer with onPinned 'overwrite' has
   * written over them. Look after reading: what was read before a true answer is whole.
   */
  get valid(): boolean {
    return this.#guard !== null && this.#holder.intact(this.#oldest);
  }

  /** Frame `index` of a window, in the window's order: a dense typed array on the shared pages, of a field's own length. */
  at(index: number): SharedData<F>;
  /** The same of one field of a record. */
  at<R extends FrameForm, K extends FieldName<R>>(this: View<R>, index: number, field: K): SharedField<R, K>;
  /** The same where copies and views are handled alike. */
  at(index: number, field: FieldName<F>): SharedTypedArray;
  at(index: number, field?: string): TypedArray {
    return frameAt(this.#held(), index, field);
  }

  /** Lets the producer reuse the slots. `data` must not be used afterwards. Releasing twice does nothing. */
  release(): void {
    const guard = this.#guard;
    if (guard === null) return;
    this.#guard = null;
    this.#holder.releasePin(guard);
  }

  /** What it is, without its elements; also of one that is released. */
  toJSON(): FrameJson {
    return receivedAsJson(this.#window, this);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}
