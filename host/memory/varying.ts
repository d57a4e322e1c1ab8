// Copies of frames of varying length: field by field, as much as is there.

import type { TypedArray } from '../tensor/dtype';
import type { BufferPool } from './buffer-pool';
import { type FieldSpan, type Lengths, packedBytes, type Window, type WindowBuilder } from './window';

/** Reads bytes of a slot, from an offset in it on, until `to` is full. */
export type SpanReader = (slot: number, from: number, to: Uint8Array) => void;

/** What to copy: frames from a slot on, the oldest first, of these lengths. */
export interface VaryingRequest {
  readonly slot: number;
  readonly lengths: readonly Lengths[];
  readonly latestFirst: boolean;
  readonly into: TypedArray | null;
}

/** Copies them: one without room for more, several as they lie in their slots, with zeros behind what is there. */
export function copyVarying(windows: WindowBuilder, buffers: BufferPool, request: VaryingRequest, read: SpanReader): Window {
  const { slot, lengths, latestFirst, into } = request;
  if (lengths.length === 1) {
    const only = lengths[0] as Lengths;
    const window = buffers.packed(only, into);
    copySpans(slot, windows.spans(only), bytesOf(window.data), read);
    return window;
  }
  const window = buffers.target(lengths.length, into);
  const all = bytesOf(window.data);
  const frameBytes = all.byteLength / lengths.length;
  for (const [step, of] of lengths.entries()) {
    const at = (latestFirst ? lengths.length - 1 - step : step) * frameBytes;
    const to = all.subarray(at, at + frameBytes);
    const spans = windows.spans(of).map(({ from, bytes }) => ({ from, to: from, bytes }));
    copySpans(slot + step, spans, to, read);
    to.fill(0, packedBytes(spans));
  }
  return windows.withLengths(window, orderedLengths(lengths, latestFirst));
}

/** Copies fields of a slot; what lies between them becomes zeros. */
function copySpans(slot: number, spans: readonly FieldSpan[], to: Uint8Array, read: SpanReader): void {
  let end = 0;
  for (const { from, to: at, bytes } of spans) {
    to.fill(0, end, at);
    read(slot, from, to.subarray(at, at + bytes));
    end = at + bytes;
  }
}

export function bytesOf({ buffer, byteOffset, byteLength }: TypedArray): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

export function orderedLengths(lengths: readonly Lengths[], latestFirst: boolean): readonly Lengths[] {
  return latestFirst ? [...lengths].reverse() : lengths;
}
