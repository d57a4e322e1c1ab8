// The elements of a frame's field as numbers, whatever its dtype.

import type { FieldForm } from './source';

export interface Values {
  readonly length: number;
  at(index: number): number;
}

/** Reads a field where it lies. */
export function valuesOf(frame: Uint8Array, { dtype, byteOffset, bytes }: FieldForm): Values {
  const { buffer } = frame;
  const offset = frame.byteOffset + byteOffset;
  const direct = (array: { readonly length: number; [index: number]: number }): Values => ({
    length: array.length,
    at: (index) => array[index] as number,
  });
  const big = (array: BigInt64Array | BigUint64Array): Values => ({ length: array.length, at: (i) => Number(array[i]) });
  switch (dtype) {
    case 'bool':
    case 'uint8':
      return direct(new Uint8Array(buffer, offset, bytes));
    case 'int8':
      return direct(new Int8Array(buffer, offset, bytes));
    case 'uint16':
      return direct(new Uint16Array(buffer, offset, bytes / 2));
    case 'int16':
      return direct(new Int16Array(buffer, offset, bytes / 2));
    case 'uint32':
      return direct(new Uint32Array(buffer, offset, bytes / 4));
    case 'int32':
      return direct(new Int32Array(buffer, offset, bytes / 4));
    case 'float32':
      return direct(new Float32Array(buffer, offset, bytes / 4));
    case 'float64':
      return direct(new Float64Array(buffer, offset, bytes / 8));
    case 'int64':
      return big(new BigInt64Array(buffer, offset, bytes / 8));
    case 'uint64':
      return big(new BigUint64Array(buffer, offset, bytes / 8));
    case 'float16':
    case 'bfloat16': {
      const bits = new Uint16Array(buffer, offset, bytes / 2);
      const decode = dtype === 'float16' ? fromHalf : fromBfloat;
      return { length: bits.length, at: (index) => decode(bits[index] as number) };
    }
    default:
      throw new Error(`dtype ${dtype} is not known to this window`);
  }
}

const scratch = new DataView(new ArrayBuffer(4));

function fromBfloat(bits: number): number {
  scratch.setUint32(0, bits << 16);
  return scratch.getFloat32(0);
}

function fromHalf(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const size =
    exponent === 0
      ? fraction * 2 ** -24
      : exponent === 31
        ? fraction
          ? NaN
          : Infinity
        : (1024 + fraction) * 2 ** (exponent - 25);
  return bits & 0x8000 ? -size : size;
}
