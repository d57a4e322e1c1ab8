// The memory that copies go to: the caller's array, memory that was handed back, or fresh memory.

import { TensorIpcError } from '../runtime/errors';
import { isSharedBuffer } from '../runtime/realm';
import { showSize } from '../runtime/sizes';
import { platform } from '../runtime/system';
import type { TypedArray } from '../tensor/dtype';
import type { PoolMetadata } from '../tensor/metadata';
import { isRangeError } from './arena';
import { MEMCPY_FROM_BYTES } from './copy';
import { type Lengths, packedBytes, type Window, WindowBuilder } from './window';

/** Result buffers that were handed back and wait for their next use. */
const MAX_SPARES = 4;

export class BufferPool {
  readonly #windows: WindowBuilder;
  readonly #frameBytes: number;
  readonly #spares: ArrayBuffer[] = [];
  #closed = false;

  constructor(metadata: PoolMetadata) {
    this.#frameBytes = metadata.frameBytes;
    this.#windows = new WindowBuilder(metadata, metadata.frameBytes);
  }

  /** Where a copy of `count` frames goes. */
  target(count: number, into: TypedArray | null): Window {
    if (into !== null) return this.#windows.around(into, count);
    const bytes = count * this.#frameBytes;
    if (bytes < MEMCPY_FROM_BYTES) return this.#windows.fresh(count, bytes);
    return this.#windows.build(this.#spare(bytes) ?? this.#fresh(bytes), 0, count, false);
  }

  /** Where a copy of one frame of these lengths goes: with no room for more, unless it is the caller's. */
  packed(lengths: Lengths, into: TypedArray | null): Window {
    if (into !== null) return this.#windows.packed(into.buffer, into.byteOffset, lengths);
    const bytes = packedBytes(this.#windows.spans(lengths));
    const memory = bytes < MEMCPY_FROM_BYTES ? new ArrayBuffer(bytes) : (this.#spare(bytes, bytes * 2) ?? this.#fresh(bytes));
    return this.#windows.packed(memory, 0, lengths);
  }

  #fresh(bytes: number): ArrayBuffer {
    try {
      return platform().allocate(bytes);
    } catch (error) {
      if (!isRangeError(error)) throw error;
      throw new TensorIpcError(
        'INVALID_ARGUMENT',
        `a copy takes ${showSize(bytes)}, for which this runtime has no ArrayBuffer: ask for fewer frames, or borrow() them`,
        { cause: error },
      );
    }
  }

  /** One of at least so many bytes, that would not be wasted on them. */
  #spare(bytes: number, most = bytes): ArrayBuffer | null {
    const index = this.#spares.findIndex(({ byteLength }) => byteLength >= bytes && byteLength <= most);
    return index < 0 ? null : (this.#spares.splice(index, 1)[0] as ArrayBuffer);
  }

  /** Takes a result's memory back for the next copy. */
  recycle(data: TypedArray): void {
    // Small ones are not worth it: to ask an engine for the buffer of an array in its heap costs more than a new one.
    if (this.#closed || data.byteLength < MEMCPY_FROM_BYTES) return;
    const { buffer } = data;
    if (isSharedBuffer(buffer)) return;
    if (this.#spares.length === MAX_SPARES) this.#spares.shift();
    this.#spares.push(buffer);
  }

  close(): void {
    this.#closed = true;
    this.#spares.length = 0;
  }
}
