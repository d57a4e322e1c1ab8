import type { Window } from '../memory/mapping';
import { arrayOf, type Dtype, type TypedArray } from '../tensor/dtype';
import type { TensorView } from '../tensor/tensor';

/**
 * One frame, or a window of frames, copied out of a pool. It is the caller's own: nothing overwrites it, until the caller hands
 * the memory back with `release()` (or `using`), which makes the next copy cheaper.
 */
export class Frame<T extends TypedArray = TypedArray> implements TensorView<T>, Disposable {
  /** Elements. Of a frame of several tensors: its raw bytes, with the tensors in `fields`. */
  readonly data: T;
  /** Shape of the frame, or `[historyLen, ...shape]` of a window. */
  readonly shape: readonly number[];
  /** In elements of `data`. */
  readonly strides: readonly number[];
  /** Index in `data` of the first element. */
  readonly offset: number;
  readonly dtype: Dtype;
  /** The tensors by name, for pools whose frames have several. */
  readonly fields: Readonly<Record<string, TensorView>> | undefined;
  /** Number of the (latest) frame: 0, 1, 2, … */
  readonly sequence: number;
  /** Frames published since the last one that this reader was given, and not given to it. */
  readonly missed: number;
  /** How many of the oldest frames of a window are padding, because less had been published. */
  readonly padded: number;
  readonly #timestampNs: bigint;
  #recycle: ((frame: Frame) => void) | null;

  /** @internal */
  constructor(
    window: Window,
    sequence: number,
    count: number,
    timestampNs: bigint,
    missed: number,
    recycle: ((frame: Frame) => void) | null,
  ) {
    this.data = window.data as T;
    this.shape = window.shape;
    this.strides = window.strides;
    this.offset = window.offset;
    this.dtype = window.dtype;
    this.fields = window.fields;
    this.sequence = sequence;
    this.missed = missed;
    this.padded = Math.max(0, count - 1 - sequence);
    this.#timestampNs = timestampNs;
    this.#recycle = recycle;
  }

  /** Timestamp of the (latest) frame, ns: what the producer gave, or CLOCK_MONOTONIC at its publication. */
  get timestampNs(): bigint {
    return this.#timestampNs;
  }

  /** Frame `index` of a window, in the window's order: a dense typed array on the same memory. */
  at(index: number): T {
    return frameAt<T>(this, index);
  }

  /** Hands the memory back to the consumer for its next copy. `data` must not be used afterwards. */
  release(): void {
    const recycle = this.#recycle;
    this.#recycle = null;
    if (recycle !== null) recycle(this);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/** Frame `index` along the first axis of a window, as a dense typed array on the same memory. */
export function frameAt<T extends TypedArray>(window: TensorView, index: number): T {
  const count = window.shape[0] ?? 1;
  if (!Number.isSafeInteger(index) || index < 0 || index >= count) {
    throw new RangeError(`frame ${index} of a window of ${count}`);
  }
  const step = window.strides[0] ?? 1;
  let elements = 1;
  for (let axis = 1; axis < window.shape.length; axis++) elements *= window.shape[axis] as number;
  const { data } = window;
  const start = window.offset + index * step;
  const View = arrayOf(window.dtype);
  const array = data.BYTES_PER_ELEMENT === View.BYTES_PER_ELEMENT ? View : (data.constructor as typeof View);
  return new array(data.buffer, data.byteOffset + start * data.BYTES_PER_ELEMENT, elements) as T;
}
