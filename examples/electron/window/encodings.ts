// Pixels of encodings that are no plain RGB, straight into the words of a canvas. What is left as it is (rgb8, mono8, depth) is render.ts's.

import { pack } from './colour';
import type { Values } from './values';

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Luma, U and V of the pixel (x, y): where they lie. */
type Chroma = (x: number, y: number, size: Size) => readonly [luma: number, u: number, v: number];

const halves: (first: 0 | 1) => Chroma =
  (first) =>
  (x, y, { width, height }) => {
    const at = (height + (y >> 1)) * width + (x & ~1);
    return [y * width + x, at + first, at + 1 - first];
  };

const CHROMA: Readonly<Record<string, Chroma>> = {
  nv12: halves(0),
  nv21: halves(1),
  i420: (x, y, { width, height }) => {
    const at = width * height + ((y >> 1) * width) / 2 + (x >> 1);
    return [y * width + x, at, at + (width * height) / 4];
  },
  yuyv: (x, y, { width }) => {
    const at = (y * width + (x & ~1)) * 2;
    return [(y * width + x) * 2, at + 1, at + 3];
  },
  uyvy: (x, y, { width }) => {
    const at = (y * width + (x & ~1)) * 2;
    return [(y * width + x) * 2 + 1, at, at + 2];
  },
};

const COLOURS: Readonly<Record<string, number>> = { rgb8: 3, bgr8: 3, rgba8: 4, bgra8: 4, rgb16: 3, rgba16: 4 };
const BAYER = /^bayer_([rgb]{4})(8|16)$/;

/** The size of the picture that a tensor of this encoding and shape is; null where it is none. */
export function sizeOf(encoding: string, shape: readonly number[]): Size | null {
  const [height = 0, width = 0] = shape;
  if (COLOURS[encoding] !== undefined) return shape.length === 3 ? { width, height } : null;
  if (CHROMA[encoding] !== undefined) return { width, height: shape.length === 2 ? (height * 2) / 3 : height };
  return /^(mono|depth|bayer_)/.test(encoding) ? { width, height } : null;
}

/** Draws it. False where the values are colours or shades as they are. */
export function convert(encoding: string, values: Values, size: Size, to: Uint32Array): boolean {
  const chroma = CHROMA[encoding];
  const bayer = BAYER.exec(encoding);
  if (chroma !== undefined) drawChroma(chroma, values, size, to);
  else if (bayer !== null) drawBayer(bayer[1] as string, bayer[2] === '16' ? 8 : 0, values, size, to);
  else if (encoding === 'bgr8' || encoding === 'bgra8') drawBgr(COLOURS[encoding] as number, values, to);
  else return false;
  return true;
}

/** BT.601 of limited range, as cameras have it. */
function drawChroma(chroma: Chroma, values: Values, size: Size, to: Uint32Array): void {
  for (let y = 0, out = 0; y < size.height; y++) {
    for (let x = 0; x < size.width; x++, out++) {
      const [at, atU, atV] = chroma(x, y, size);
      const luma = (255 / 219) * (values.at(at) - 16);
      const u = (255 / 224) * (values.at(atU) - 128);
      const v = (255 / 224) * (values.at(atV) - 128);
      to[out] = pack(byte(luma + 1.402 * v), byte(luma - 0.344136 * u - 0.714136 * v), byte(luma + 1.772 * u));
    }
  }
}

function drawBgr(channels: number, values: Values, to: Uint32Array): void {
  for (let i = 0, at = 0; i < to.length; i++, at += channels) {
    const alpha = channels === 4 ? values.at(at + 3) : 255;
    to[i] = ((alpha << 24) | (values.at(at) << 16) | (values.at(at + 1) << 8) | values.at(at + 2)) >>> 0;
  }
}

/** Bilinear: what a site did not measure is the mean of those around it that did. */
function drawBayer(pattern: string, shift: number, values: Values, { width, height }: Size, to: Uint32Array): void {
  const sites = [...pattern].map((letter) => 'rgb'.indexOf(letter));
  const sums = [0, 0, 0];
  const counts = [0, 0, 0];
  for (let y = 0, out = 0; y < height; y++) {
    for (let x = 0; x < width; x++, out++) {
      sums.fill(0);
      counts.fill(0);
      const own = sites[(y & 1) * 2 + (x & 1)] as number;
      for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
        for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
          const channel = sites[(v & 1) * 2 + (u & 1)] as number;
          // Of its own colour a site has the value itself.
          if (channel === own && (u !== x || v !== y)) continue;
          sums[channel] = (sums[channel] as number) + (values.at(v * width + u) >> shift);
          counts[channel] = (counts[channel] as number) + 1;
        }
      }
      const mean = (channel: number) => Math.round((sums[channel] as number) / Math.max(1, counts[channel] as number));
      to[out] = pack(mean(0), mean(1), mean(2));
    }
  }
}

function byte(value: number): number {
  return Math.max(0, Math.min(255, Math.round(value)));
}
