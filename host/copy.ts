// The one place that chooses how bytes are copied.

import type { TypedArray } from './dtype';
import type { Address, System } from './system';

/**
 * From here on libc's memcpy through koffi is cheaper than TypedArray.set, which copies shared memory word by word: 40 against
 * 46 ns at 1 KiB, 150 against 66 ns at 4 KiB, 192 against 117 µs at 6 MB (docs/design/0003-copies.md).
 */
const MEMCPY_FROM_BYTES = 1024;

/** Copies all of `from` onto the shared pages at `address`, of which `view` is a view of the same element type and length. */
export function copyToShared(system: System, view: TypedArray, address: Address, from: TypedArray): void {
  const bytes = from.byteLength;
  if (bytes < MEMCPY_FROM_BYTES) (view as Uint8Array).set(from as Uint8Array);
  else system.copyIn(address, from, bytes);
}

/** Copies `bytes` bytes from the shared pages into `to`; `view` is a view of them with the element type of `to`. */
export function copyFromShared(system: System, to: TypedArray, view: TypedArray, address: Address, bytes: number): void {
  if (bytes < MEMCPY_FROM_BYTES) (to as Uint8Array).set(view as Uint8Array);
  else system.copyOut(to, address, bytes);
}
