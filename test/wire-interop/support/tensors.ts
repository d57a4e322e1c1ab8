// The peers' frames (test/wire/support/frames.ts) as this library's tensors, and back.

import { MetadataCreator, type PoolMetadata, type TensorLike, type TypedArray } from 'tensor-ipc';
import { elementsOf, frameOf, itemBytes, seedOf, type WireDtype } from '../../wire/support/frames';
import type { Seen, WirePool } from '../../wire/support/peers';

type ArrayOf = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => TypedArray;

const ARRAYS: Readonly<Record<WireDtype, ArrayOf>> = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  bool: Uint8Array,
};

export function historyOf({ history_len = 1 }: WirePool): number {
  return history_len;
}

export function frameBytesOf({ shape, dtype }: WirePool): number {
  return elementsOf(shape) * itemBytes(dtype);
}

/** Frame `seed` of a pool, as what is put. */
export function tensorOf({ shape, dtype }: Omit<WirePool, 'name'>, seed: number): TensorLike {
  const bytes = frameOf(seed, shape, dtype);
  const data = new ARRAYS[dtype](bytes.buffer, bytes.byteOffset, elementsOf(shape));
  return { data, shape, dtype };
}

export function metadataOf(what: WirePool): PoolMetadata {
  const { name, backend = 'numpy' } = what;
  const options = { historyLen: historyOf(what) };
  const sample = tensorOf(what, 0);
  return backend === 'torch'
    ? MetadataCreator.fromTorchSample(name, sample, options)
    : MetadataCreator.fromNumpySample(name, sample, options);
}

export function bytesOf(data: TypedArray): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** What the frames of a dense window are, in its order. */
export function seenIn({ data }: { readonly data: TypedArray }, what: WirePool): Seen[] {
  const bytes = bytesOf(data);
  const each = frameBytesOf(what);
  return Array.from({ length: bytes.length / each }, (_, index) =>
    seedOf(bytes.subarray(index * each, (index + 1) * each), what.dtype),
  );
}

/** The newest `count` frames when `newest` was put last, as peers say it: newest first unless told, zeros before the first. */
export function windowOf(newest: number, count: number, latestFirst = true): Seen[] {
  const seeds = Array.from({ length: count }, (_, index) => (newest - index >= 1 ? (newest - index) % 256 : 'zero'));
  return latestFirst ? seeds : seeds.reverse();
}
