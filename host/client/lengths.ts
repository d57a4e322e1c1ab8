// How long a frame of varying length is said to be.

import type { FrameLength } from '../endpoint/slot';
import type { Lengths } from '../memory/window';
import { TensorIpcError } from '../runtime/errors';
import type { FieldMetadata, PoolMetadata } from '../tensor/metadata';
import type { NormalTensor } from '../tensor/tensor';

function varyingFields({ fields }: PoolMetadata): readonly FieldMetadata[] {
  return fields.filter(({ maxLength }) => maxLength !== undefined);
}

/**
 * The lengths that a caller states; null when none are stated.
 *
 * @throws TensorIpcError INVALID_ARGUMENT, FIELDS_MISMATCH, SHAPE_MISMATCH
 */
export function lengthsOf(metadata: PoolMetadata, length: FrameLength | undefined): Lengths | null {
  if (length === undefined) return null;
  const { name } = metadata;
  const fields = varyingFields(metadata);
  if (fields.length === 0) {
    throw new TensorIpcError(
      'INVALID_ARGUMENT',
      `pool '${name}' has frames of one length: leave length out, or create it with maxLength`,
    );
  }
  if (typeof length === 'object' && length !== null) {
    const names = fields.map((field) => field.name);
    const given = Object.keys(length);
    if (given.length !== names.length || names.some((of) => !given.includes(of))) {
      throw new TensorIpcError(
        'FIELDS_MISMATCH',
        `pool '${name}': expected a length for ${names.join(', ')}, found ${given.join(', ') || '(none)'}`,
      );
    }
    return fields.map((field) => checkLength(name, field, length[field.name]));
  }
  return fields.map((field) => checkLength(name, field, length));
}

function checkLength(pool: string, { name, maxLength = 0 }: FieldMetadata, length: unknown): number {
  if (!Number.isSafeInteger(length) || (length as number) < 0) {
    const found = typeof length === 'number' ? String(length) : typeof length;
    throw new TensorIpcError(
      'INVALID_ARGUMENT',
      `pool '${pool}': length is a whole number of at least 0, or one for each field; found ${found}`,
    );
  }
  if ((length as number) <= maxLength) return length as number;
  throw new TensorIpcError(
    'SHAPE_MISMATCH',
    `pool '${pool}', field ${name}: a frame has at most ${maxLength}, found length ${String(length)}`,
  );
}

/**
 * The lengths of a frame that was written in place.
 *
 * @param loaned What was stated when its slot was lent.
 * @throws TensorIpcError INVALID_ARGUMENT, FIELDS_MISMATCH, SHAPE_MISMATCH
 */
export function committedLengths(
  metadata: PoolMetadata,
  loaned: Lengths | null,
  length: FrameLength | undefined,
): Lengths | null {
  const lengths = lengthsOf(metadata, length) ?? loaned;
  if (lengths === null && metadata.varying) {
    throw new TensorIpcError(
      'INVALID_ARGUMENT',
      `pool '${metadata.name}': how long is the frame? Write commit({ length }), or loan({ length })`,
    );
  }
  const over = loaned?.findIndex((most, i) => (lengths?.[i] ?? 0) > most) ?? -1;
  if (over >= 0) {
    const field = varyingFields(metadata)[over] as FieldMetadata;
    throw new TensorIpcError(
      'SHAPE_MISMATCH',
      `pool '${metadata.name}', field ${field.name}: ${loaned?.[over]} were loaned, found length ${lengths?.[over]}`,
    );
  }
  return lengths;
}

/** The lengths of a frame's tensors, which have been checked. */
export function lengthsOfTensors({ fields }: PoolMetadata, tensors: readonly NormalTensor[]): Lengths {
  return fields.flatMap(({ maxLength }, i) => (maxLength === undefined ? [] : ((tensors[i] as NormalTensor).shape[0] as number)));
}
