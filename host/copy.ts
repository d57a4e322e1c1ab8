// The one place that chooses how bytes are copied: by TypedArray.set or by libc's memcpy.

import type { TypedArray } from './dtype';
import type { Address, System } from './system';

/**
 * From here on libc's memcpy pays for its call through koffi: TypedArray.set copies shared memory word by word, several times
 * slower (docs/design/0003-copies.md has the measurements).
 */
export const MEMCPY_FROM_BYTES = 1024;

/** Copies all of `from` onto the shared pages at `address`, of which `view` is a view of the same element type and length. */
export function copyToShared(system: System, view: TypedArray, address: Address, from: TypedArray): void {
  const bytes = from.byteLength;
  if (bytes < MEMCPY_FROM_BYTES) (view as Uint8Array).set(from as Uint8Array);
  else system.copyIn(address, from, bytes);
}

/** Copies the `bytes` bytes of `view`, which lies on the shared pages at `address`, to the front of `to`, of the same element type. */
export function copyFromShared(system: System, to: TypedArray, view: TypedArray, address: Address, bytes: number): void {
  if (bytes < MEMCPY_FROM_BYTES) (to as Uint8Array).set(view as Uint8Array);
  else system.copyOut(to, address, bytes);
}
