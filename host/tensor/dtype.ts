import { TensorIpcError } from '../runtime/errors';
import type { TypedArray } from './arrays';

export type { TypedArray } from './arrays';

/** Element types. float16 and bfloat16 travel as their bits; bool is one byte, 0 or 1, as in NumPy. */
export type Dtype =
  | 'bool'
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'float16'
  | 'bfloat16'
  | 'float32'
  | 'float64';

/** Constructor of the typed array that holds a dtype. */
export interface TypedArrayConstructor {
  new (length: number): TypedArray;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): TypedArray;
  readonly BYTES_PER_ELEMENT: number;
}

interface DtypeInfo {
  readonly itemBytes: number;
  readonly array: TypedArrayConstructor;
}

// Float16Array exists in Node 24, Deno and Bun; elsewhere the bits are handed out as Uint16Array.
const float16Array = (globalThis as { Float16Array?: TypedArrayConstructor }).Float16Array;

const DTYPES: Readonly<Record<Dtype, DtypeInfo>> = {
  bool: { itemBytes: 1, array: Uint8Array },
  int8: { itemBytes: 1, array: Int8Array },
  uint8: { itemBytes: 1, array: Uint8Array },
  int16: { itemBytes: 2, array: Int16Array },
  uint16: { itemBytes: 2, array: Uint16Array },
  int32: { itemBytes: 4, array: Int32Array },
  uint32: { itemBytes: 4, array: Uint32Array },
  int64: { itemBytes: 8, array: BigInt64Array },
  uint64: { itemBytes: 8, array: BigUint64Array },
  float16: { itemBytes: 2, array: float16Array ?? Uint16Array },
  bfloat16: { itemBytes: 2, array: Uint16Array },
  float32: { itemBytes: 4, array: Float32Array },
  float64: { itemBytes: 8, array: Float64Array },
};

export const DTYPE_NAMES = Object.keys(DTYPES) as readonly Dtype[];

export function isDtype(value: unknown): value is Dtype {
  return typeof value === 'string' && Object.hasOwn(DTYPES, value);
}

export function itemBytes(dtype: Dtype): number {
  return DTYPES[dtype].itemBytes;
}

/** The typed array in which a dtype is handed out. */
export function arrayOf(dtype: Dtype): TypedArrayConstructor {
  return DTYPES[dtype].array;
}

/** The dtype that a typed array has when none is stated. */
export function dtypeOf(data: TypedArray): Dtype {
  switch (data[Symbol.toStringTag] as string) {
    case 'Int8Array':
      return 'int8';
    case 'Uint8Array':
    case 'Uint8ClampedArray':
      return 'uint8';
    case 'Int16Array':
      return 'int16';
    case 'Uint16Array':
      return 'uint16';
    case 'Int32Array':
      return 'int32';
    case 'Uint32Array':
      return 'uint32';
    case 'BigInt64Array':
      return 'int64';
    case 'BigUint64Array':
      return 'uint64';
    case 'Float16Array':
      return 'float16';
    case 'Float32Array':
      return 'float32';
    case 'Float64Array':
      return 'float64';
    default:
      throw new TensorIpcError(
        'INVALID_ARGUMENT',
        `data must be a typed array such as Float32Array, found ${Object.prototype.toString.call(data)}`,
      );
  }
}

/** Whether a typed array of one dtype may carry another's bits: the same, or the same width where the bits are opaque. */
export function carries(data: TypedArray, dtype: Dtype): boolean {
  const own = dtypeOf(data);
  if (own === dtype) return true;
  if (dtype === 'bool') return own === 'uint8' || own === 'int8';
  if (dtype === 'float16' || dtype === 'bfloat16') return own === 'uint16';
  return false;
}
