// Frames whose every element tells which frame it belongs to.

import { PoolMetadata, type TensorView, type TypedArray } from 'tensor-ipc';

const HEIGHT = 48;
const WIDTH = 64;

/** A camera's frame: colour, depth and a number. */
export function cameraMetadata(name: string, historyLen: number): PoolMetadata {
  return new PoolMetadata({
    name,
    historyLen,
    fields: [
      { name: 'rgb', dtype: 'uint8', shape: [HEIGHT, WIDTH, 3] },
      { name: 'depth', dtype: 'float32', shape: [HEIGHT, WIDTH] },
      { name: 'number', dtype: 'int64', shape: [] },
    ],
  });
}

const rgbOf = (sequence: number, i: number) => (sequence * 31 + i * 7) & 255;
const depthOf = (sequence: number, i: number) => sequence + i / 16;

/** A tensor as put takes it. */
interface Part {
  readonly data: TypedArray;
  readonly shape: readonly number[];
}

export function cameraFrame(sequence: number): Record<'rgb' | 'depth' | 'number', Part> {
  return {
    rgb: { data: Uint8Array.from({ length: HEIGHT * WIDTH * 3 }, (_, i) => rgbOf(sequence, i)), shape: [HEIGHT, WIDTH, 3] },
    depth: { data: Float32Array.from({ length: HEIGHT * WIDTH }, (_, i) => depthOf(sequence, i)), shape: [HEIGHT, WIDTH] },
    number: { data: BigInt64Array.of(BigInt(sequence) * 1_000_003n), shape: [] },
  };
}

const bytesOf = ({ buffer, byteOffset, byteLength }: TypedArray) => new Uint8Array(buffer, byteOffset, byteLength);

/** Writes frame `sequence` into the fields of a loaned slot. */
export function fillCamera(fields: Readonly<Record<string, TensorView>> | undefined, sequence: number): void {
  for (const [name, { data }] of Object.entries(cameraFrame(sequence))) {
    const target = fields?.[name];
    if (target === undefined) throw new Error(`no field ${name}`);
    bytesOf(target.data).set(bytesOf(data));
  }
}

/** Throws unless the fields are those of frame `sequence`; of a window, at `index`. */
export function checkCamera(fields: Readonly<Record<string, TensorView>> | undefined, sequence: number, index = 0): void {
  const element = (name: string, i: number) => {
    const view = fields?.[name];
    if (view === undefined) throw new Error(`no field ${name}`);
    const windowed = view.shape.length > { rgb: 3, depth: 2, number: 0 }[name as 'rgb' | 'depth' | 'number'];
    return view.data[view.offset + (windowed ? index * (view.strides[0] as number) : 0) + i];
  };
  const expect = (name: string, i: number, value: number | bigint) => {
    const found = element(name, i);
    if (found !== value) throw new Error(`frame ${sequence}, ${name}[${i}]: expected ${value}, found ${found}`);
  };
  for (let i = 0; i < HEIGHT * WIDTH * 3; i++) expect('rgb', i, rgbOf(sequence, i));
  for (let i = 0; i < HEIGHT * WIDTH; i++) expect('depth', i, Math.fround(depthOf(sequence, i)));
  expect('number', 0, BigInt(sequence) * 1_000_003n);
}
