// From the bytes of a frame to pixels. This is the one place where frames are converted: shared bytes in, a canvas's own RGBA out.

import { type ColourMap, colourTable, NO_VALUE, pack } from './colour';
import { convert, sizeOf } from './encodings';
import type { FieldForm } from './source';
import { type Values, valuesOf } from './values';

export interface Range {
  readonly min: number;
  readonly max: number;
}

export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly image: ImageData;
  /** What the ends of the colour map stand for; null where colours are shown as they are. */
  readonly range: Range | null;
}

interface Layout {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3 | 4;
  readonly planes: boolean;
}

/** Of a range's change, so much is taken over with each frame: a flickering scale is worse than a late one. */
const RANGE_EASE = 0.15;

/** H×W, H×W×1, H×W×3, H×W×4 or 3×H×W; null for what is no picture. */
export function layoutOf(shape: readonly number[]): Layout | null {
  const [a = 0, b = 0, c = 0] = shape;
  if (shape.length === 2 && a > 1 && b > 1) return { height: a, width: b, channels: 1, planes: false };
  if (shape.length !== 3) return null;
  if (c === 1 || c === 3 || c === 4) return { height: a, width: b, channels: c, planes: false };
  return a === 3 ? { height: b, width: c, channels: 3, planes: true } : null;
}

/** Whether a field is drawn as a picture. */
export function isPicture({ shape, encoding }: FieldForm): boolean {
  return encoding === 'jpeg' || encoding === 'png' || (encoding === null ? layoutOf(shape) : sizeOf(encoding, shape)) !== null;
}

/** Draws frames of one field into an image that is kept from frame to frame. */
export class Renderer {
  #image: ImageData | null = null;
  #words: Uint32Array = new Uint32Array(0);
  #range: Range | null = null;
  #map: ColourMap | null = null;
  #table: Uint32Array = new Uint32Array(0);

  /** Forgets the scale: another pool or field. */
  reset(): void {
    this.#range = null;
  }

  /** Null for what is no picture. */
  render(frame: Uint8Array, field: FieldForm, map: ColourMap): Picture | null {
    const converted = field.encoding === null ? null : sizeOf(field.encoding, field.shape);
    const layout = layoutOf(field.shape);
    if (field.encoding !== null && converted === null) return null;
    const size = converted ?? layout;
    if (size === null || size.width < 1 || size.height < 1) return null;
    const { width, height } = size;
    if (this.#image?.width !== width || this.#image.height !== height) {
      this.#image = new ImageData(width, height);
      this.#words = new Uint32Array(this.#image.data.buffer);
    }
    if (map !== this.#map) {
      this.#map = map;
      this.#table = colourTable(map);
    }
    const image = this.#image;
    if (field.encoding !== null && convert(field.encoding, valuesOf(frame, field), size, this.#words)) {
      return { width, height, image, range: null };
    }
    if (layout === null) return null;
    if (field.dtype === 'uint8') {
      const bytes = new Uint8Array(frame.buffer, frame.byteOffset + field.byteOffset, field.bytes);
      copyBytes(bytes, layout, this.#words);
      return { width, height, image, range: null };
    }
    const values = valuesOf(frame, field);
    // In an integer picture of one channel zero means "not measured".
    const holes = layout.channels === 1 && (/^u?int/.test(field.dtype) || field.encoding === 'depth32f');
    this.#range = eased(this.#range, rangeOf(values, holes, field.dtype));
    if (layout.channels === 1) mapScalars(values, this.#range, holes, this.#table, this.#words);
    else scaleColours(values, layout, this.#range, this.#words);
    return { width, height, image, range: this.#range };
  }
}

function copyBytes(from: Uint8Array, { channels, planes }: Layout, to: Uint32Array): void {
  const count = to.length;
  if (channels === 1) {
    for (let i = 0; i < count; i++) to[i] = 0xff000000 | ((from[i] as number) * 0x010101);
  } else if (channels === 4) {
    for (let i = 0, at = 0; i < count; i++, at += 4) {
      to[i] =
        ((from[at + 3] as number) << 24) |
        ((from[at + 2] as number) << 16) |
        ((from[at + 1] as number) << 8) |
        (from[at] as number);
    }
  } else {
    const [step, next] = planes ? [1, count] : [3, 1];
    for (let i = 0, at = 0; i < count; i++, at += step) {
      to[i] = 0xff000000 | ((from[at + 2 * next] as number) << 16) | ((from[at + next] as number) << 8) | (from[at] as number);
    }
  }
}

function mapScalars(values: Values, { min, max }: Range, holes: boolean, table: Uint32Array, to: Uint32Array): void {
  const scale = max > min ? 255 / (max - min) : 0;
  for (let i = 0; i < to.length; i++) {
    const value = values.at(i);
    const none = Number.isNaN(value) || (holes && value === 0);
    to[i] = none ? NO_VALUE : (table[Math.max(0, Math.min(255, Math.round((value - min) * scale)))] as number);
  }
}

function scaleColours(values: Values, { channels, planes }: Layout, { min, max }: Range, to: Uint32Array): void {
  const scale = max > min ? 255 / (max - min) : 0;
  const shade = (index: number) => Math.max(0, Math.min(255, Math.round((values.at(index) - min) * scale))) || 0;
  const [step, next] = planes ? [1, to.length] : [channels, 1];
  for (let i = 0, at = 0; i < to.length; i++, at += step) to[i] = pack(shade(at), shade(at + next), shade(at + 2 * next));
}

function rangeOf(values: Values, holes: boolean, dtype: string): Range {
  if (dtype === 'bool') return { min: 0, max: 1 };
  let min = Infinity;
  let max = -Infinity;
  for (let i = 0; i < values.length; i++) {
    const value = values.at(i);
    if (!Number.isFinite(value) || (holes && value === 0)) continue;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return min <= max ? { min, max } : { min: 0, max: 0 };
}

function eased(before: Range | null, now: Range): Range {
  if (before === null) return now;
  const ease = (a: number, b: number) => a + (b - a) * RANGE_EASE;
  return { min: ease(before.min, now.min), max: ease(before.max, now.max) };
}
