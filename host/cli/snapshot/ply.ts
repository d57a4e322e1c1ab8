// Point clouds as PLY (binary, little-endian), which MeshLab, CloudCompare, Blender and Open3D read.

import type { Encoding, TensorView } from '../../entry/main';
import type { ValueRange } from './image';

/** How the axes of a point are called, by encoding. */
const PROPERTIES: Readonly<Partial<Record<Encoding, readonly string[]>>> = {
  xyz: ['x', 'y', 'z'],
  xyzi: ['x', 'y', 'z', 'intensity'],
};

export function isCloud(encoding: Encoding | undefined): boolean {
  return encoding !== undefined && encoding in PROPERTIES;
}

export interface Cloud {
  readonly points: number;
  readonly bytes: Uint8Array;
  /** Finite values of x, y and z; null where there are none. */
  readonly ranges: readonly (ValueRange | null)[];
}

/** The points of a dense tensor. */
export function encodePly({ data, dtype, shape }: TensorView, encoding: Encoding, comment: string): Cloud {
  const properties = PROPERTIES[encoding] ?? [];
  const type = dtype === 'float64' ? 'double' : 'float';
  const points = shape.slice(0, -1).reduce((product, extent) => product * extent, 1);
  const head = [
    'ply',
    'format binary_little_endian 1.0',
    `comment ${comment}`,
    `element vertex ${points}`,
    ...properties.map((name) => `property ${type} ${name}`),
    'end_header\n',
  ];
  const body = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const ranges = [0, 1, 2].map((axis) => rangeOf(data as Float32Array | Float64Array, axis, properties.length));
  return { points, bytes: Buffer.concat([Buffer.from(head.join('\n')), body]), ranges };
}

function rangeOf(data: Float32Array | Float64Array, axis: number, step: number): ValueRange | null {
  let min = Infinity;
  let max = -Infinity;
  for (let at = axis; at < data.length; at += step) {
    const value = data[at] as number;
    if (!Number.isFinite(value)) continue;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return min <= max ? { min, max } : null;
}
