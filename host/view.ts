import { HANDLE_TIMESTAMP_NS } from '../assembly/layout';
import type { Connection, PinGuard } from './connection';
import type { Dtype, TypedArray } from './dtype';
import { TensorIpcError } from './errors';
import { frameAt } from './frame';
import type { Window } from './mapping';
import type { TensorView } from './tensor';

/**
 * A frame, or a window of frames, on the shared pages themselves: nothing was copied. The producer does not reuse them until
 * `release()` (or the end of a `using` block). Read only.
 *
 * In memory the frames lie oldest first, one behind the other; strides and offset say how to index them in the order asked for:
 * with `latestFirst` the first stride is negative.
 */
export class View<T extends TypedArray = TypedArray> implements TensorView<T>, Disposable {
  /** Number of the (latest) frame: 0, 1, 2, … */
  readonly sequence: number;
  /** Frames published since the last one that this reader was given, and not given to it. */
  readonly missed: number;
  /** How many of the oldest frames of a window are padding, because less had been published. */
  readonly padded: number;
  readonly #connection: Connection;
  readonly #window: Window;
  readonly #oldest: number;
  readonly #timeLow: number;
  readonly #timeHigh: number;
  // Held, not only read: when this view is forgotten, the guard goes with it, and the pin is dropped.
  #guard: PinGuard | null;

  /** @internal Right after Connection.pin: the handle still holds the frame's timestamp. */
  constructor(connection: Connection, sequence: number, count: number, latestFirst: boolean, missed: number) {
    const { mapping } = connection;
    const { slotCapacity } = mapping.geometry;
    const { u32 } = mapping.arena;
    const times = (mapping.handle + HANDLE_TIMESTAMP_NS) / 4;
    const oldest = sequence - count + 1;
    this.sequence = sequence;
    this.missed = missed;
    this.padded = oldest < 0 ? -oldest : 0;
    this.#connection = connection;
    this.#oldest = oldest;
    this.#window = mapping.window((oldest + slotCapacity) % slotCapacity, count, count > 1 && latestFirst);
    this.#timeLow = u32[times] as number;
    this.#timeHigh = u32[times + 1] as number;
    this.#guard = connection.takePin(oldest);
  }

  #held(): Window {
    if (this.#guard === null)
      throw new TensorIpcError('RELEASED', `the view of frame ${this.sequence} has been released: borrow again`);
    return this.#window;
  }

  /** Elements, on the shared pages. Of frames of several tensors: their raw bytes, with the tensors in `fields`. */
  get data(): T {
    return this.#held().data as T;
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

  /** The tensors by name, for pools whose frames have several. */
  get fields(): Readonly<Record<string, TensorView>> | undefined {
    return this.#held().fields;
  }

  /** Timestamp of the (latest) frame, ns: what the producer gave, or CLOCK_MONOTONIC at its publication. */
  get timestampNs(): bigint {
    return BigInt.asIntN(64, (BigInt(this.#timeHigh) << 32n) | BigInt(this.#timeLow));
  }

  /**
   * Whether the bytes are still those of the frames: false after release, and after a producer with onPinned 'overwrite' has
   * written over them. Look after reading: what was read before a true answer is whole.
   */
  get valid(): boolean {
    return this.#guard !== null && this.#connection.intact(this.#oldest);
  }

  /** Frame `index` of a window, in the window's order: a dense typed array on the shared pages. */
  at(index: number): T {
    this.#held();
    return frameAt<T>(this, index);
  }

  /** Lets the producer reuse the slots. `data` must not be used afterwards. Releasing twice does nothing. */
  release(): void {
    const guard = this.#guard;
    if (guard === null) return;
    this.#guard = null;
    this.#connection.releasePin(guard);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}
