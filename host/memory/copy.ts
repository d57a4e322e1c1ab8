// The one place that chooses how bytes are copied: by TypedArray.set or by libc's memcpy.

import type { Address, System } from '../runtime/system';
import type { TypedArray } from '../tensor/dtype';

/**
 * From here on libc's memcpy pays for its call through koffi: TypedArray.set copies shared memory word by word, several times
 * slower (docs/design/0003-copies.md has the measurements).
 */
export const MEMCPY_FROM_BYTES = 1024;

/** Up to here a loop over integers beats the call of TypedArray.set. */
const LOOP_ELEMENTS = 16;

const Float16 = (globalThis as { Float16Array?: unknown }).Float16Array;

/**
 * Whether reading an element makes a floating-point number of it. That does not keep the bits: processors set the quiet bit of a NaN
 * when they change its width, JavaScriptCore has one NaN only, and an engine does either in one of its tiers and not in the next.
 */
function isFloat(array: TypedArray): boolean {
  const type: unknown = array.constructor;
  return type === Float32Array || type === Float64Array || type === Float16;
}

/** Between arrays of one type. TypedArray.set moves bytes then, whatever they hold (ECMAScript, SetTypedArrayFromTypedArray). */
function copySmall(to: TypedArray, from: TypedArray): void {
  const { length } = from;
  if (length > LOOP_ELEMENTS || isFloat(from)) (to as Uint8Array).set(from as Uint8Array);
  else for (let i = 0; i < length; i++) to[i] = from[i] as number;
}

/** Frames up to here are copied word by word where that can be: the call of TypedArray.set costs as much as the rest of a put. */
export const WORDS_UP_TO_BYTES = 128;

/**
 * The words of an array that is put again and again, as control loops do with the state of a robot. To make them costs more than one copy, so
 * that is done when the array comes for the second time. The last array is kept until the next one comes.
 */
export class RepeatedArray {
  #array: TypedArray | null = null;
  #words: Uint32Array | null = null;

  /** Null where the array has come for the first time, or where its words are not aligned. */
  wordsOf(array: TypedArray): Uint32Array | null {
    if (array !== this.#array) {
      this.#array = array;
      this.#words = null;
      return null;
    }
    const { byteOffset, byteLength } = array;
    if (this.#words === null && byteOffset % 4 === 0) this.#words = new Uint32Array(array.buffer, byteOffset, byteLength / 4);
    return this.#words;
  }
}

/** The bytes of a view: what is copied between arrays of different types is bits, not numbers (float16 in a Uint16Array). */
function bytesOf(view: TypedArray): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** Copies all of `from` onto the shared pages at `address`, of which `view` is a view of the same number of bytes. */
export function copyToShared(system: System, view: TypedArray, address: Address, from: TypedArray): void {
  const bytes = from.byteLength;
  if (bytes >= MEMCPY_FROM_BYTES) system.copyIn(address, from, bytes);
  else if (view.constructor === from.constructor) copySmall(view, from);
  else bytesOf(view).set(bytesOf(from));
}

/** Copies the `bytes` bytes of `view`, which lies on the shared pages at `address`, to the front of `to`. */
export function copyFromShared(system: System, to: TypedArray, view: TypedArray, address: Address, bytes: number): void {
  if (bytes >= MEMCPY_FROM_BYTES) system.copyOut(to, address, bytes);
  else if (view.constructor === to.constructor) copySmall(to, view);
  else bytesOf(to).set(bytesOf(view));
}
