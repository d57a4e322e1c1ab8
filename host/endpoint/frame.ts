import type { Window } from '../memory/window';
import { showAs } from '../runtime/inspected';
import type { OwnTypedArray } from '../tensor/arrays';
import { arrayOf, type Dtype, type TypedArray } from '../tensor/dtype';
import type { FieldName, FrameForm, OwnData, OwnField, OwnFields } from '../tensor/form';
import type { TensorView } from '../tensor/tensor';
import { type FrameJson, receivedAsJson, showReceived } from './shown';
import { ageOf, type Times } from './times';

/**
 * One frame, or a window of frames, copied out of a pool. It is the caller's own: nothing overwrites it, until the caller hands
 * the memory back with `release()` (or `using`), which makes the next copy cheaper.
 */
export class Frame<F extends FrameForm = FrameForm> implements TensorView<OwnData<F>>, Disposable {
  /** Elements. Of a frame of several tensors: its raw bytes, with the tensors in `fields`. */
  readonly data: OwnData<F>;
  /** Shape of the frame, or `[historyLen, ...shape]` of a window. */
  readonly shape: readonly number[];
  /** In elements of `data`. */
  readonly strides: readonly number[];
  /** Index in `data` of the first element. */
  readonly offset: number;
  readonly dtype: Dtype;
  /** Of a window of a plain pool of varying length: how long each frame is, in the window's order. */
  readonly lengths: readonly number[] | undefined;
  /** The tensors by name, for pools whose frames have several. */
  readonly fields: OwnFields<F>;
  /** Number of the (latest) frame: 0, 1, 2, … */
  readonly sequence: number;
  /** Frames published since the last one that this reader was given, and not given to it. */
  readonly missed: number;
  /** How many of the oldest frames of a window are padding, because less had been published. */
  readonly padded: number;
  readonly #times: Times;
  readonly #pool: string;
  // Undefined once the memory has been handed back.
  #recycle: ((frame: Frame) => void) | null | undefined;

  static {
    showAs(Frame, (frame) =>
      showReceived(frame.#recycle === undefined ? 'Frame (released)' : 'Frame', frame.#pool, frame, frame),
    );
  }

  /** @internal */
  constructor(
    window: Window,
    sequence: number,
    count: number,
    times: Times,
    missed: number,
    recycle: ((frame: Frame) => void) | null,
    pool: string,
  ) {
    this.data = window.data as OwnData<F>;
    this.shape = window.shape;
    this.strides = window.strides;
    this.offset = window.offset;
    this.dtype = window.dtype;
    this.fields = window.fields as OwnFields<F>;
    this.lengths = window.lengths;
    this.sequence = sequence;
    this.missed = missed;
    this.padded = Math.max(0, count - 1 - sequence);
    this.#times = times;
    this.#recycle = recycle;
    this.#pool = pool;
  }

  /** Timestamp of the (latest) frame, ns: what the producer gave, or CLOCK_MONOTONIC at its publication. */
  get timestampNs(): bigint {
    return this.#times.timestampNs;
  }

  /** Which of the pool's producers published the (latest) frame: 1 for the first, one more with each that took over. */
  get epoch(): number {
    return this.#times.epoch;
  }

  /** How long ago the (latest) frame was published, ms. */
  ageMs(): number {
    return ageOf(this.#times.publishedNs);
  }

  /** Frame `index` of a window, in the window's order: a dense typed array on the same memory, of a field's own length. */
  at(index: number): OwnData<F>;
  /** The same of one field of a record. */
  at<R extends FrameForm, K extends FieldName<R>>(this: Frame<R>, index: number, field: K): OwnField<R, K>;
  /** The same where copies and views are handled alike. */
  at(index: number, field: FieldName<F>): OwnTypedArray;
  at(index: number, field?: string): TypedArray {
    return frameAt(this, index, field);
  }

  /** Hands the memory back to the consumer for its next copy. `data` must not be used afterwards. */
  release(): void {
    const recycle = this.#recycle;
    this.#recycle = undefined;
    if (recycle) recycle(this);
  }

  /** What it is, without its elements. */
  toJSON(): FrameJson {
    return receivedAsJson(this, this);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/** Frame `index` along the first axis of a window, or one field of it, as a dense typed array on the same memory. */
export function frameAt(frame: Window, index: number, field: string | undefined): TypedArray {
  const window = field === undefined ? frame : frame.fields?.[field];
  if (window === undefined) {
    const names = Object.keys(frame.fields ?? {});
    throw new RangeError(
      `no field ${String(field)}${names.length === 0 ? ': the frames are plain tensors' : `: there are ${names.join(', ')}`}`,
    );
  }
  const count = window.shape[0] ?? 1;
  if (!Number.isSafeInteger(index) || index < 0 || index >= count) {
    throw new RangeError(`frame ${index} of a window of ${count}`);
  }
  const step = window.strides[0] ?? 1;
  let elements = 1;
  // Of varying length: as long as this one is.
  const inner = window.lengths === undefined ? 1 : 2;
  for (let axis = inner; axis < window.shape.length; axis++) elements *= window.shape[axis] as number;
  elements *= window.lengths?.[index] ?? 1;
  const { data } = window;
  const start = window.offset + index * step;
  const View = arrayOf(window.dtype);
  const array = data.BYTES_PER_ELEMENT === View.BYTES_PER_ELEMENT ? View : (data.constructor as typeof View);
  return new array(data.buffer, data.byteOffset + start * data.BYTES_PER_ELEMENT, elements);
}
