import { TensorIpcError } from '../runtime/errors';
import { arrayOf, carries, type Dtype, dtypeOf, isDtype, itemBytes, type TypedArray } from './dtype';

/**
 * What can be put into a pool: a typed array with a shape, row-major unless strides say otherwise (an `ndarray` fits), or a
 * bare typed array, which is one-dimensional. Strides and offset count elements of `data`.
 */
export type TensorLike<T extends TypedArray = TypedArray> = T | ShapedTensor<T>;

/** A typed array with a shape. */
export interface ShapedTensor<T extends TypedArray = TypedArray> {
  readonly data: T;
  readonly shape: readonly number[];
  readonly dtype?: string;
  readonly strides?: readonly number[];
  /** ndarray's name for strides. */
  readonly stride?: readonly number[];
  readonly offset?: number;
}

/** One tensor of a frame. Element (i, j, …) is `data[offset + i * strides[0] + j * strides[1] + …]`. */
export interface TensorView<T extends TypedArray = TypedArray> {
  readonly data: T;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;
  readonly dtype: Dtype;
  /**
   * Of a window of a field of varying length: how long each frame is, in the window's order. The shape is that of the longest there can be;
   * `at(i)` gives what is there.
   */
  readonly lengths?: readonly number[] | undefined;
}

/** A TensorLike, checked. `dense` means row-major without gaps. */
export interface NormalTensor extends TensorView {
  readonly dense: boolean;
  readonly elements: number;
}

export function elementsOf(shape: readonly number[]): number {
  let elements = 1;
  for (const extent of shape) elements *= extent;
  return elements;
}

/** Row-major strides, in elements. */
export function denseStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= shape[axis] as number;
  }
  return strides;
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let axis = 0; axis < a.length; axis++) if (a[axis] !== b[axis]) return false;
  return true;
}

export function showShape(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}

export function isTypedArray(value: unknown): value is TypedArray {
  // What no DataView has, in whatever realm it was made.
  return ArrayBuffer.isView(value) && 'BYTES_PER_ELEMENT' in value;
}

function isDense(shape: readonly number[], strides: readonly number[]): boolean {
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const extent = shape[axis] as number;
    if (extent !== 1 && strides[axis] !== step) return false;
    step *= extent;
  }
  return true;
}

function checkExtent(extent: unknown, least: number, what: string): void {
  if (!Number.isSafeInteger(extent) || (extent as number) < least) {
    throw new TensorIpcError(
      'INVALID_ARGUMENT',
      `${what}: extents must be whole numbers of at least ${least}, found ${String(extent)}`,
    );
  }
}

/**
 * Checks a shape: whole positive extents, at most 32 axes. A scalar is `[]`.
 *
 * @param mayBeEmpty Whether the first extent may be 0: of a field of varying length.
 */
export function checkShape(shape: unknown, what: string, mayBeEmpty = false): readonly number[] {
  if (!Array.isArray(shape) || shape.length > 32) {
    throw new TensorIpcError('INVALID_ARGUMENT', `${what}: shape must be an array of at most 32 numbers, such as [480, 640, 3]`);
  }
  for (const [axis, extent] of shape.entries()) checkExtent(extent, mayBeEmpty && axis === 0 ? 0 : 1, what);
  return shape as readonly number[];
}

/** Checks a tensor-like and fills in what it leaves out. */
export function normalise(tensor: TensorLike, what = 'tensor', mayBeEmpty = false): NormalTensor {
  if (isTypedArray(tensor)) {
    return {
      data: tensor,
      shape: [tensor.length],
      strides: [1],
      offset: 0,
      dtype: dtypeOf(tensor),
      dense: true,
      elements: tensor.length,
    };
  }
  if (typeof tensor !== 'object' || tensor === null || !isTypedArray(tensor.data)) {
    throw new TensorIpcError(
      'INVALID_ARGUMENT',
      `${what}: expected a typed array or { data: TypedArray, shape: number[], dtype?, strides?, offset? }, found ${describe(tensor)}`,
    );
  }
  const { data, offset = 0 } = tensor;
  const shape = checkShape(tensor.shape, what, mayBeEmpty);
  // ndarray calls the element type of a Uint8Array 'uint8' too; its 'array', 'generic' and 'buffer' carry no such name.
  const dtype = isDtype(tensor.dtype) ? tensor.dtype : dtypeOf(data);
  if (
    tensor.dtype !== undefined &&
    dtype !== tensor.dtype &&
    !['uint8_clamped', 'bigint64', 'biguint64'].includes(tensor.dtype)
  ) {
    throw new TensorIpcError('DTYPE_MISMATCH', `${what}: unknown dtype '${tensor.dtype}'`);
  }
  if (!carries(data, dtype)) {
    throw new TensorIpcError(
      'DTYPE_MISMATCH',
      `${what}: dtype ${dtype} needs a ${arrayOf(dtype).name ?? 'typed array'}, found ${data.constructor.name}`,
    );
  }
  const strides = tensor.strides ?? tensor.stride ?? denseStrides(shape);
  const elements = elementsOf(shape);
  let low = offset;
  let high = offset;
  if (strides.length !== shape.length || !Number.isSafeInteger(offset)) {
    throw new TensorIpcError('INVALID_ARGUMENT', `${what}: strides ${showShape(strides)} do not fit shape ${showShape(shape)}`);
  }
  for (let axis = 0; axis < shape.length; axis++) {
    const reach = ((shape[axis] as number) - 1) * (strides[axis] as number);
    if (!Number.isSafeInteger(strides[axis]) || !Number.isSafeInteger(reach)) {
      throw new TensorIpcError('INVALID_ARGUMENT', `${what}: strides must be whole numbers, found ${showShape(strides)}`);
    }
    if (reach < 0) low += reach;
    else high += reach;
  }
  // Of no elements none lies anywhere.
  if (elements > 0 && (low < 0 || high >= data.length)) {
    throw new TensorIpcError(
      'SHAPE_MISMATCH',
      `${what}: shape ${showShape(shape)} with strides ${showShape(strides)} and offset ${offset} reaches elements ${low} to ${high}, ` +
        `but data has ${data.length}`,
    );
  }
  return { data, shape, strides, offset, dtype, dense: isDense(shape, strides), elements };
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return `an array of ${value.length}: make it a typed one, such as Float32Array.from(array)`;
  if (typeof value === 'object' && 'data' in value && Array.isArray(value.data)) {
    return `data that is an array of ${value.data.length}: make it a typed one, such as Float32Array.from(data)`;
  }
  if (typeof value === 'object') return `an object with keys ${Object.keys(value).slice(0, 8).join(', ') || '(none)'}`;
  return `a ${typeof value}`;
}

/** A view of the same bytes with one element type per element width: gathering moves bits, it does not convert. */
function bitsOf(data: TypedArray): TypedArray {
  switch (data.BYTES_PER_ELEMENT) {
    case 1:
      return new Uint8Array(data.buffer, data.byteOffset, data.length);
    case 2:
      return new Uint16Array(data.buffer, data.byteOffset, data.length);
    case 4:
      return new Uint32Array(data.buffer, data.byteOffset, data.length);
    default:
      return new BigUint64Array(data.buffer, data.byteOffset, data.length);
  }
}

/** Copies a strided tensor into a dense one of the same item width. */
export function gather(from: NormalTensor, to: TypedArray): void {
  const source = bitsOf(from.data) as Uint32Array;
  const target = bitsOf(to) as Uint32Array;
  const { shape, strides } = from;
  const axes = shape.length;
  if (from.elements === 0) return;
  if (axes === 0) {
    target[0] = source[from.offset] as number;
    return;
  }
  const inner = shape[axes - 1] as number;
  const innerStride = strides[axes - 1] as number;
  const index = new Array<number>(axes).fill(0);
  let at = from.offset;
  let out = 0;
  for (;;) {
    for (let i = 0, s = at; i < inner; i++, s += innerStride) target[out++] = source[s] as number;
    let axis = axes - 2;
    for (; axis >= 0; axis--) {
      at += strides[axis] as number;
      index[axis] = (index[axis] as number) + 1;
      if ((index[axis] as number) < (shape[axis] as number)) break;
      at -= (strides[axis] as number) * (shape[axis] as number);
      index[axis] = 0;
    }
    if (axis < 0) return;
  }
}

/** Bytes of a dense tensor. */
export function tensorBytes(shape: readonly number[], dtype: Dtype): number {
  return elementsOf(shape) * itemBytes(dtype);
}
