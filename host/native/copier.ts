// Copies frames out of a pool: those of one length in one go, those of varying length field by field, as much as is there.

import { BufferPool } from '../memory/buffer-pool';
import { copyFromShared, MEMCPY_FROM_BYTES } from '../memory/copy';
import type { Mapping } from '../memory/mapping';
import { copyVarying, orderedLengths, type SpanReader } from '../memory/varying';
import type { Lengths, Window } from '../memory/window';
import type { System } from '../runtime/system';
import type { TypedArray } from '../tensor/dtype';
import { SlotLengths } from './lengths';

export class Copier {
  readonly #system: System;
  readonly #mapping: Mapping;
  readonly #buffers: BufferPool;
  // Null where all frames are of one length.
  readonly #lengths: SlotLengths | null;
  readonly #readSpan: SpanReader;

  constructor(mapping: Mapping) {
    this.#system = mapping.system;
    this.#mapping = mapping;
    this.#buffers = new BufferPool(mapping.metadata);
    this.#lengths = mapping.metadata.varying ? new SlotLengths(mapping) : null;
    this.#readSpan = (slot, from, to) => {
      const { byteLength } = to;
      if (byteLength >= MEMCPY_FROM_BYTES) mapping.system.copyOut(to, mapping.slotAddress(slot) + from, byteLength);
      else to.set(mapping.bytesOf(slot, from, byteLength));
    };
  }

  /**
   * Copies `count` frames, the oldest in `slot`, into `into` or into memory of their own, dense and in the order asked for. Null when the
   * lengths of one cannot be.
   *
   * @param target What an attempt before this one copied to: it is used again where it fits.
   */
  copy(slot: number, count: number, latestFirst: boolean, into: TypedArray | null, target: Window | null): Window | null {
    if (this.#lengths !== null) return this.#copyVarying(this.#lengths, slot, count, latestFirst, into);
    const window = target ?? this.#buffers.target(count, into);
    this.#copyFrames(slot, count, latestFirst, window.data);
    return window;
  }

  /** The tensors of `count` frames on the shared pages. Null when the lengths of one cannot be. */
  view(slot: number, count: number, latestFirst: boolean): Window | null {
    if (this.#lengths === null) return this.#mapping.window(slot, count, latestFirst);
    const lengths = this.#lengths.readAll(slot, count);
    if (lengths === null) return null;
    if (count === 1) return this.#mapping.sizedWindow(slot, lengths[0] as Lengths);
    return this.#mapping.windows.withLengths(
      this.#mapping.window(slot, count, latestFirst),
      orderedLengths(lengths, latestFirst),
    );
  }

  /** Takes a result's memory back for the next copy. */
  recycle(data: TypedArray): void {
    this.#buffers.recycle(data);
  }

  close(): void {
    this.#buffers.close();
  }

  #copyFrames(slot: number, count: number, latestFirst: boolean, to: TypedArray): void {
    const mapping = this.#mapping;
    const { frameBytes, frameStride, slotCapacity } = mapping.geometry;
    const address = mapping.slotAddress(slot);
    if (count === 1 || (!latestFirst && frameStride === frameBytes)) {
      const bytes = count * frameBytes;
      if (bytes >= MEMCPY_FROM_BYTES) this.#system.copyOut(to, address, bytes);
      else copyFromShared(this.#system, to, mapping.window(slot, count, false).data, address, bytes);
      return;
    }
    const elements = to.length / count;
    const target = frameBytes < MEMCPY_FROM_BYTES ? 0 : this.#system.addressOf(to);
    for (let i = 0; i < count; i++) {
      const step = latestFirst ? count - 1 - i : i;
      if (target !== 0) {
        this.#system.copy(target + i * frameBytes, address + step * frameStride, frameBytes);
      } else {
        const { data } = mapping.window((slot + step) % slotCapacity, 1, false);
        copyFromShared(this.#system, to.subarray(i * elements, (i + 1) * elements), data, 0, frameBytes);
      }
    }
  }

  #copyVarying(from: SlotLengths, slot: number, count: number, latestFirst: boolean, into: TypedArray | null): Window | null {
    const lengths = from.readAll(slot, count);
    if (lengths === null) return null;
    return copyVarying(this.#mapping.windows, this.#buffers, { slot, lengths, latestFirst, into }, this.#readSpan);
  }
}
