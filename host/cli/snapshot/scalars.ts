// Elements as numbers, whatever their dtype.

import type { Dtype, TypedArray } from '../../entry/main';

/** A function that gives element `index` of the data as a number. */
export function scalarReader(data: TypedArray, dtype: Dtype): (index: number) => number {
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return (index) => Number(data[index]);
  // Where the engine has Float16Array it decodes by itself; elsewhere the bits come as Uint16Array.
  if (dtype === 'float16' && data instanceof Uint16Array) return (index) => decodeFloat16(data[index] as number);
  if (dtype === 'bfloat16') {
    const word = new Uint32Array(1);
    const float = new Float32Array(word.buffer);
    return (index) => {
      word[0] = (data[index] as number) << 16;
      return float[0] as number;
    };
  }
  return (index) => data[index] as number;
}

/** IEEE 754 binary16: a sign, five bits of exponent, ten of fraction. */
function decodeFloat16(bits: number): number {
  const sign = (bits & 0x8000) === 0 ? 1 : -1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

const LARGEST: Readonly<Partial<Record<Dtype, number>>> = {
  bool: 1,
  int8: 0x7f,
  uint8: 0xff,
  int16: 0x7fff,
  uint16: 0xffff,
  int32: 0x7fffffff,
  uint32: 0xffffffff,
  int64: 2 ** 63,
  uint64: 2 ** 64,
};

/** The value that stands for "opaque" in a channel of this dtype: the largest integer, or 1 for floats. */
export function fullScale(dtype: Dtype): number {
  return LARGEST[dtype] ?? 1;
}
