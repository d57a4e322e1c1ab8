// What a producer accepts: checked before a slot is claimed, so that a wrong argument costs no frame.

import type { TypedArray } from './dtype';
import { TensorIpcError } from './errors';
import { type FieldMetadata, isRecord, PLAIN_FIELD, type PoolMetadata, type Sample } from './metadata';
import { isTypedArray, type NormalTensor, normalise, sameShape, showShape, type TensorLike } from './tensor';

/**
 * The elements to copy, when one look tells that the frame is right: same array type as the pool's `like`, same shape, dense.
 * Null when it takes more than that, or is wrong.
 */
export function directData(frame: Sample, field: FieldMetadata, like: TypedArray): TypedArray | null {
  if (typeof frame !== 'object' || frame === null) return null;
  const { shape, dtype } = field;
  if (isTypedArray(frame)) {
    return frame.constructor === like.constructor && shape.length === 1 && shape[0] === frame.length ? frame : null;
  }
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
    throw new TensorIpcError('FIELDS_MISMATCH', `pool '${name}': expected ${expected}, found ${found}`);
  }
  return fields.map((field) => {
    const what = plain ? `pool '${name}'` : `pool '${name}', field ${field.name}`;
    const given = named === null ? (frame as TensorLike) : (named[field.name] as TensorLike);
    const tensor = normalise(given, what);
    if (!sameShape(tensor.shape, field.shape)) {
      throw new TensorIpcError(
        'SHAPE_MISMATCH',
        `${what}: expected shape ${showShape(field.shape)}, found ${showShape(tensor.shape)}`,
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

/** Whether an unlabelled array of one dtype stands for another's bits. */
function opaque(own: string, dtype: string): boolean {
  return (
    (own === 'uint16' && (dtype === 'float16' || dtype === 'bfloat16')) ||
    ((own === 'uint8' || own === 'int8') && dtype === 'bool')
  );
}
