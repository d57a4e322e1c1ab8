// Tensors as .npy, which numpy.load reads: format 1.0, C order.

import type { Dtype, TensorView } from '../../entry/main';
import { CliError } from '../command';
import { elementsOf } from '../read/field';

const DESCRIPTIONS: Readonly<Record<Dtype, string | null>> = {
  bool: '|b1',
  int8: '|i1',
  uint8: '|u1',
  int16: '<i2',
  uint16: '<u2',
  int32: '<i4',
  uint32: '<u4',
  int64: '<i8',
  uint64: '<u8',
  float16: '<f2',
  bfloat16: null,
  float32: '<f4',
  float64: '<f8',
};

/** The data of a file begins at a multiple of this. */
const ALIGNMENT = 64;
/** Magic, version and the length of the header. */
const PREFIX_BYTES = 10;

export function encodeNpy(tensor: TensorView): Uint8Array {
  const description = DESCRIPTIONS[tensor.dtype];
  if (description === null) throw new CliError(`.npy has no ${tensor.dtype}: write raw frames with "tensor-ipc sub"`);
  const shape = tensor.shape.length === 1 ? `${tensor.shape[0]},` : tensor.shape.join(', ');
  const text = `{'descr': '${description}', 'fortran_order': False, 'shape': (${shape}), }`;
  const padded = Math.ceil((PREFIX_BYTES + text.length + 1) / ALIGNMENT) * ALIGNMENT - PREFIX_BYTES;
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.write('\u0093NUMPY\u0001\u0000', 'latin1');
  prefix.writeUInt16LE(padded, 8);
  const { buffer, byteOffset, byteLength } = elementsOf(tensor);
  return Buffer.concat([
    prefix,
    Buffer.from(`${text.padEnd(padded - 1)}\n`, 'latin1'),
    Buffer.from(buffer, byteOffset, byteLength),
  ]);
}
