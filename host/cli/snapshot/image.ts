// From a tensor to a picture.

import type { Dtype, TensorView } from '../../entry/main';
import { type ColorMap, TURBO_TABLE } from './colors';
import type { Image } from './png';
import { fullScale, scalarReader } from './scalars';

export const SHOWABLE_SHAPES = 'H×W, H×W×1, H×W×3 (RGB), H×W×4 (RGBA) or 3×H×W (RGB planes)';

/** Which axis of a tensor is which in a picture. */
interface Layout {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3 | 4;
  /** Axes of rows, columns and channels; no channel axis in H×W. */
  readonly axes: readonly [row: number, column: number, channel: number | null];
}

/** How a tensor of this shape is shown, or null if it cannot be. Channels last wins where both would do. */
export function layoutOf(shape: readonly number[]): Layout | null {
  const [first = 0, second = 0, third = 0] = shape;
  if (shape.length === 2) return { height: first, width: second, channels: 1, axes: [0, 1, null] };
  if (shape.length !== 3) return null;
  if (third === 1 || third === 3 || third === 4) return { height: first, width: second, channels: third, axes: [0, 1, 2] };
  return first === 3 ? { height: second, width: third, channels: 3, axes: [1, 2, 0] } : null;
}

/** Finite values of the shown channels (alpha is not one); null if there is none. */
export interface ValueRange {
  readonly min: number;
  readonly max: number;
}

/** A picture before its values are shades: rows first, channels last. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3 | 4;
  readonly values: Float64Array;
  readonly dtype: Dtype;
}

/** What is shown as black and as white, where that is not left to the values; and whether zero is no value, as in depth. */
export interface Limits {
  readonly min?: number;
  readonly max?: number;
  readonly holes?: boolean;
  /** Colours for pictures of one channel. Default gray. */
  readonly colorMap?: ColorMap;
}

export interface Rendered {
  readonly image: Image;
  readonly range: ValueRange | null;
  /** What is shown as black and as white, where values were scaled. */
  readonly scale: ValueRange | null;
}

/**
 * Draws pixels. uint8 is shown as it is and bool as black and white, unless limits are given; everything else is scaled between its own
 * smallest and largest finite value, or the limits. NaN is black, infinities are the ends.
 */
export function render({ width, height, channels, values, dtype }: Pixels, limits: Limits): Rendered {
  const range = rangeOf(values, channels, limits.holes === true);
  const direct = (dtype === 'uint8' || dtype === 'bool') && limits.min === undefined && limits.max === undefined;
  const scale = direct ? null : { min: limits.min ?? range?.min ?? 0, max: limits.max ?? range?.max ?? 0 };
  const shade = scale === null ? directShade(dtype) : scaledShade(scale);
  const opaque = fullScale(dtype);
  const pixels = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    const alpha = channels === 4 && i % 4 === 3;
    pixels[i] = alpha ? toByte(value / opaque) : shade(value);
  }
  const image = { width, height, channels, pixels };
  return { image: limits.colorMap === 'turbo' && channels === 1 ? coloured(image, values, limits) : image, range, scale };
}

/** Shades as colours. What is no number, or was not measured, stays black. */
function coloured({ width, height, pixels }: Image, values: Float64Array, { holes }: Limits): Image {
  const colours = new Uint8Array(pixels.length * 3);
  for (let i = 0; i < pixels.length; i++) {
    const value = values[i] as number;
    if (Number.isNaN(value) || (holes === true && value === 0)) continue;
    const at = (pixels[i] as number) * 3;
    for (let c = 0; c < 3; c++) colours[i * 3 + c] = TURBO_TABLE[at + c] as number;
  }
  return { width, height, channels: 3, pixels: colours };
}

/** All elements as numbers. */
export function pixelsIn(tensor: TensorView, { width, height, channels, axes }: Layout): Pixels {
  const at = scalarReader(tensor.data, tensor.dtype);
  const [rowStride, columnStride, channelStride] = axes.map((axis) => (axis === null ? 0 : (tensor.strides[axis] as number)));
  const values = new Float64Array(width * height * channels);
  let out = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const pixel = tensor.offset + y * (rowStride as number) + x * (columnStride as number);
      for (let c = 0; c < channels; c++) values[out++] = at(pixel + c * (channelStride as number));
    }
  }
  return { width, height, channels, values, dtype: tensor.dtype };
}

function rangeOf(values: Float64Array, channels: number, holes: boolean): ValueRange | null {
  let min = Infinity;
  let max = -Infinity;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if ((channels === 4 && i % 4 === 3) || !Number.isFinite(value) || (holes && value === 0)) continue;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return min <= max ? { min, max } : null;
}

function directShade(dtype: Dtype): (value: number) => number {
  return dtype === 'bool' ? (value) => (value === 0 ? 0 : 255) : (value) => value;
}

function scaledShade({ min, max }: ValueRange): (value: number) => number {
  const span = max - min;
  // A constant picture has nothing to tell apart.
  if (!(span > 0)) return () => 0;
  return (value) => toByte((value - min) / span);
}

/** 0 to 1 as a byte, clamped; NaN is 0. */
function toByte(fraction: number): number {
  return fraction >= 1 ? 255 : fraction > 0 ? Math.round(fraction * 255) : 0;
}
