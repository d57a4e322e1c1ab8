// Frames that can be told apart, the same in TypeScript, Python (python/tipc_peer/frames.py) and C (c/wire_frames.c).
//
//   integers  byte i of the frame is (31 * seed + 7 * i) & 255
//   floats    element e is ((31 * seed + 7 * e) & 255) - 128, little-endian
//   bool      element e is bit (e & 7) of the seed, flipped where e >> 3 is odd
//
// All of them repeat after 256 elements, and the seed can be had back modulo 256 (of a bool frame with eight elements or more).

/** What the Python wire knows; torch has no uint16. */
export const WIRE_DTYPES = ['float32', 'float64', 'int32', 'int64', 'uint8', 'int8', 'uint16', 'int16', 'bool'] as const;
export type WireDtype = (typeof WIRE_DTYPES)[number];

const ITEM_BYTES: Record<WireDtype, number> = {
  float32: 4,
  float64: 8,
  int32: 4,
  int64: 8,
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  bool: 1,
};
const PERIOD = 256;
const INVERSE_OF_31 = 223;

export function itemBytes(dtype: WireDtype): number {
  return ITEM_BYTES[dtype];
}

export function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

function period(seed: number, dtype: WireDtype): Uint8Array {
  const bytes = new Uint8Array(PERIOD * ITEM_BYTES[dtype]);
  const view = new DataView(bytes.buffer);
  for (let element = 0; element < PERIOD; element++) {
    const small = ((31 * seed + 7 * element) & 255) - 128;
    if (dtype === 'float32') view.setFloat32(4 * element, small, true);
    else if (dtype === 'float64') view.setFloat64(8 * element, small, true);
    else if (dtype === 'bool') bytes[element] = ((seed >> (element & 7)) & 1) ^ ((element >> 3) & 1);
  }
  if (dtype.includes('int')) for (let index = 0; index < bytes.length; index++) bytes[index] = (31 * seed + 7 * index) & 255;
  return bytes;
}

/** The bytes of frame `seed`. */
export function frameOf(seed: number, shape: readonly number[], dtype: WireDtype): Uint8Array {
  const frame = new Uint8Array(elementsOf(shape) * ITEM_BYTES[dtype]);
  const pattern = period(seed, dtype);
  for (let at = 0; at < frame.length; at += pattern.length) frame.set(pattern.subarray(0, frame.length - at), at);
  return frame;
}

/** What a frame is: its seed modulo 256, or all zeros, or a mixture. */
export function seedOf(frame: Uint8Array, dtype: WireDtype): number | 'zero' | 'torn' {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const whole = (value: number) => (value >= -128 && value < 128 ? ((value + 128) * INVERSE_OF_31) & 255 : 0);
  let seed = ((frame[0] ?? 0) * INVERSE_OF_31) & 255;
  if (dtype === 'float32') seed = whole(view.getFloat32(0, true));
  else if (dtype === 'float64') seed = whole(view.getFloat64(0, true));
  else if (dtype === 'bool') seed = frame.subarray(0, 8).reduce((bits, element, place) => bits | ((element & 1) << place), 0);
  if (Buffer.compare(frame, frameOf(seed, [frame.length / ITEM_BYTES[dtype]], dtype)) === 0) return seed;
  return frame.some((byte) => byte !== 0) ? 'torn' : 'zero';
}
