// Copies frames out of a pool: those of one length in one go, those of varying length field by field, as much as is there.

import { BufferPool } from '../memory/buffer-pool';
import { copyFromShared, MEMCPY_FROM_BYTES } from '../memory/copy';
import type { Mapping } from '../memory/mapping';
import { type FieldSpan, type Lengths, packedBytes, type Window } from '../memory/window';
import type { System } from '../runtime/system';
import type { TypedArray } from '../tensor/dtype';
import { SlotLengths } from './lengths';

export class Copier {
  readonly #system: System;
  readonly #mapping: Mapping;
  readonly #buffers: BufferPool;
  // Null where all frames are of one length.
  readonly #lengths: SlotLengths | null;

  constructor(mapping: Mapping) {
    this.#system = mapping.system;
    this.#mapping = mapping;
    this.#buffers = new BufferPool(mapping.metadata);
    this.#lengths = mapping.metadata.varying ? new SlotLengths(mapping) : null;
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
    return this.#mapping.windows.withLengths(this.#mapping.window(slot, count, latestFirst), ordered(lengths, latestFirst));
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
    const { windows } = this.#mapping;
    if (count === 1) {
      const only = lengths[0] as Lengths;
      const window = this.#buffers.packed(only, into);
      this.#copySpans(slot, windows.spans(only), bytesOf(window.data));
      return window;
    }
    const { frameBytes } = this.#mapping.geometry;
    const window = this.#buffers.target(count, into);
    for (const [step, of] of lengths.entries()) {
      const at = (latestFirst ? count - 1 - step : step) * frameBytes;
      // As it lies in the slot: what is beyond a frame's length is padding, of zeros.
      const to = bytesOf(window.data).subarray(at, at + frameBytes);
      const spans = windows.spans(of).map(({ from, bytes }) => ({ from, to: from, bytes }));
      this.#copySpans(slot + step, spans, to);
      to.fill(0, packedBytes(spans));
    }
    return windows.withLengths(window, ordered(lengths, latestFirst));
  }

  /** Copies fields of a slot; what lies between them becomes zeros. */
  #copySpans(slot: number, spans: readonly FieldSpan[], to: Uint8Array): void {
    const address = this.#mapping.slotAddress(slot);
    let end = 0;
    for (const { from, to: at, bytes } of spans) {
      to.fill(0, end, at);
      const target = to.subarray(at, at + bytes);
      if (bytes >= MEMCPY_FROM_BYTES) this.#system.copyOut(target, address + from, bytes);
      else target.set(this.#mapping.bytesOf(slot, from, bytes));
      end = at + bytes;
    }
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: TypedArray): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function ordered(lengths: readonly Lengths[], latestFirst: boolean): readonly Lengths[] {
  return latestFirst ? [...lengths].reverse() : lengths;
}
