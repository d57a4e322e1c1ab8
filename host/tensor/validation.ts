// The tensors that users hand in: to put, checked before a slot is claimed so that a wrong argument costs no frame, and to copy into.

import { TensorIpcError } from '../runtime/errors';
import { isRecord, type Sample } from './creator';
import { carries, itemBytes, type TypedArray } from './dtype';
import { type FieldMetadata, PLAIN_FIELD, type PoolMetadata, showFieldShape } from './metadata';
import { isTypedArray, type NormalTensor, normalise, sameShape, showShape, type TensorLike } from './tensor';

/** Whether a tensor of this shape can be what a field holds. */
function fitsField(shape: readonly number[], { shape: full, maxLength }: FieldMetadata): boolean {
  if (maxLength === undefined) return sameShape(shape, full);
  return (
    (shape[0] as number) <= maxLength && shape.length === full.length && full.every((n, axis) => axis === 0 || n === shape[axis])
  );
}

/**
 * The elements to copy, when one look tells that the frame is right: same array type as the pool's `like`, same shape, dense.
 * Null when it takes more than that, or is wrong.
 */
export function directData(frame: Sample, field: FieldMetadata, like: TypedArray): TypedArray | null {
  if (typeof frame !== 'object' || frame === null) return null;
  const { shape, dtype } = field;
  if (field.maxLength !== undefined) return null;
  // In the order of what is cheap: of that class, and a view of bytes, which no other object is.
  if (frame.constructor === like.constructor && ArrayBuffer.isView(frame)) {
    return shape.length === 1 && shape[0] === frame.length ? frame : null;
  }
  if (isTypedArray(frame)) return null;
  const tensor = frame as Exclude<TensorLike, TypedArray>;
  const { data } = tensor;
  return data?.constructor === like.constructor &&
    data.length === like.length &&
    (tensor.dtype === undefined || tensor.dtype === dtype) &&
    tensor.strides === undefined &&
    tensor.stride === undefined &&
    !tensor.offset &&
    Array.isArray(tensor.shape) &&
    sameShape(tensor.shape, shape)
    ? data
    : null;
}

/**
 * The tensors of a frame in the order of the pool's fields.
 *
 * @throws TensorIpcError FIELDS_MISMATCH, SHAPE_MISMATCH, DTYPE_MISMATCH, INVALID_ARGUMENT
 */
export function checkedTensors(frame: Sample, metadata: PoolMetadata): NormalTensor[] {
  const { name, fields, plain } = metadata;
  const named = isRecord(frame) ? frame : null;
  const names = named === null ? [PLAIN_FIELD] : Object.keys(named);
  if (names.length !== fields.length || fields.some((field) => !names.includes(field.name))) {
    const expected = plain ? 'one plain tensor' : `fields ${fields.map((field) => field.name).join(', ')}`;
    const found = named === null ? 'one plain tensor' : `fields ${names.join(', ') || '(none)'}`;
    const advice = plain ? 'put one typed array, or { data, shape }' : 'put one record with all fields of the pool';
    throw new TensorIpcError('FIELDS_MISMATCH', `pool '${name}': expected ${expected}, found ${found}: ${advice}`);
  }
  return fields.map((field) => {
    const what = plain ? `pool '${name}'` : `pool '${name}', field ${field.name}`;
    const given = named === null ? (frame as TensorLike) : (named[field.name] as TensorLike);
    const tensor = normalise(given, what, field.maxLength !== undefined);
    if (!fitsField(tensor.shape, field)) {
      throw new TensorIpcError(
        'SHAPE_MISMATCH',
        `${what}: expected shape ${showFieldShape(field)}, found ${showShape(tensor.shape)}`,
      );
    }
    // An array without a stated dtype may carry float16, bfloat16 or bool bits; a stated dtype must be the pool's.
    const stated = isTypedArray(given) ? undefined : given.dtype;
    if (tensor.dtype !== field.dtype && !(stated === undefined && opaque(tensor.dtype, field.dtype))) {
      throw new TensorIpcError('DTYPE_MISMATCH', `${what}: expected dtype ${field.dtype}, found ${tensor.dtype}`);
    }
    return tensor;
  });
}

/**
 * Where a caller wants a copy of `count` frames: a dense array of the pool's dtype (bytes for records) and the right length.
 *
 * @throws TensorIpcError SHAPE_MISMATCH, DTYPE_MISMATCH, INVALID_ARGUMENT
 */
export function checkInto(metadata: PoolMetadata, count: number, into: TensorLike): TypedArray {
  const tensor = normalise(into, 'into');
  const dtype = metadata.plain ? metadata.dtype : 'uint8';
  const elements = (count * metadata.frameBytes) / itemBytes(dtype);
  if (!tensor.dense || tensor.elements !== elements) {
    const frames = count === 1 ? 'a frame' : `${count} frames`;
    throw new TensorIpcError(
      'SHAPE_MISMATCH',
      `into must be dense and hold ${elements} elements of ${dtype} (${frames} of pool '${metadata.name}'), found ${tensor.elements}`,
    );
  }
  if (!carries(tensor.data, dtype)) throw new TensorIpcError('DTYPE_MISMATCH', `into must hold ${dtype}, found ${tensor.dtype}`);
  const exact = tensor.offset === 0 && tensor.data.length === elements;
  return exact ? tensor.data : tensor.data.subarray(tensor.offset, tensor.offset + elements);
}

/** @throws TensorIpcError INVALID_ARGUMENT */
export function checkWholeCount(count: number): number {
  if (Number.isSafeInteger(count) && count >= 1) return count;
  throw new TensorIpcError('INVALID_ARGUMENT', `historyLen is a whole number of at least 1, found ${String(count)}`);
}

/**
 * How many frames of history are asked for.
 *
 * @throws TensorIpcError INVALID_ARGUMENT, HISTORY_TOO_LONG
 */
export function checkCount({ name, historyLen }: PoolMetadata, count: number): number {
  checkWholeCount(count);
  if (count > historyLen) {
    throw new TensorIpcError(
      'HISTORY_TOO_LONG',
      `pool '${name}' keeps ${historyLen} frames, but ${count} were asked for: create the producer with { historyLen: ${count} }`,
    );
  }
  return count;
}

/** Whether an unlabelled array of one dtype stands for another's bits. */
function opaque(own: string, dtype: string): boolean {
  return (
    (own === 'uint16' && (dtype === 'float16' || dtype === 'bfloat16')) ||
    ((own === 'uint8' || own === 'int8') && dtype === 'bool')
  );
}
