// The tensors of a frame by name, with what is said of them.

import type { FieldMeaning, Frame, PoolMetadata, TensorView, TypedArray } from '../../entry/main';
import { CliError } from '../command';

export const FIELD_OPTION = {
  type: 'string',
  value: 'NAME',
  help: 'The tensor to take, of a frame that has several.',
} as const;

export interface Field {
  readonly name: string;
  readonly tensor: TensorView;
  readonly meaning: FieldMeaning;
  /** For messages: ", field NAME" if the frame has several. */
  readonly label: string;
}

/** All tensors of a frame, or the one that is asked for. */
export function fieldsOf(frame: Frame, metadata: PoolMetadata, wanted: string | undefined): Field[] {
  checkField(metadata, wanted);
  const { fields } = frame;
  return metadata.fields.flatMap((meaning) => {
    const { name } = meaning;
    if (fields === undefined) return [{ name, tensor: frame, meaning, label: '' }];
    const tensor = fields[name];
    if (tensor === undefined || (wanted !== undefined && wanted !== name)) return [];
    return [{ name, tensor, meaning, label: `, field ${name}` }];
  });
}

/** Whether the pool has the field that is asked for. */
export function checkField({ name, plain, fields }: PoolMetadata, wanted: string | undefined): void {
  const names = fields.map((field) => field.name);
  if (wanted === undefined || names.includes(wanted)) return;
  throw new CliError(
    plain
      ? `pool '${name}' has no field '${wanted}': its frames are one plain tensor; leave --field out`
      : `pool '${name}' has no such field: expected one of ${names.join(', ')}, found '${wanted}'`,
  );
}

/** Elements of a tensor of a single frame, in row-major order. (Only windows of several frames have gaps.) */
export function elementsOf({ data, shape, offset }: TensorView): TypedArray {
  return data.subarray(offset, offset + shape.reduce((product, extent) => product * extent, 1));
}

/** How many bytes the elements of a tensor take. */
export function bytesOf({ data, shape }: TensorView): number {
  return shape.reduce((product, extent) => product * extent, data.BYTES_PER_ELEMENT);
}
