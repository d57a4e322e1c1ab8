// Pixels of the encodings that are no plain RGB: channels in another order, luma and chroma, the mosaic of a Bayer sensor.

import type { Encoding, TensorView } from '../../entry/main';
import { layoutOf, type Pixels, pixelsIn } from './image';

/** What is done to show an encoding, where that is more than to show the values. */
export function conversionOf(encoding: Encoding | undefined): string {
  if (encoding === undefined) return '';
  if (encoding.startsWith('bayer_')) return `, ${encoding} (bilinear demosaic)`;
  if (encoding in CHROMA) return `, ${encoding} (BT.601, limited range)`;
  return `, ${encoding}`;
}

/** Whether zero means that nothing was measured. */
export function hasHoles(encoding: Encoding | undefined): boolean {
  return encoding === 'depth16u' || encoding === 'depth32f';
}

/** A tensor as a picture; null where it is none. */
export function pixelsOf(tensor: TensorView, encoding: Encoding | undefined): Pixels | null {
  const { shape } = tensor;
  if (encoding === undefined) {
    const layout = layoutOf(shape);
    return layout === null ? null : pixelsIn(tensor, layout);
  }
  const chroma = CHROMA[encoding];
  if (chroma !== undefined) return fromChroma(tensor, chroma);
  const gray = shape.length === 2 || (shape.length === 3 && shape[2] === 1);
  const colours = /^(rgb|bgr)a?(8|16)$/.exec(encoding);
  const mosaic = /^bayer_([rgb]{4})(8|16)$/.exec(encoding);
  // Colours of points are no picture.
  if (colours === null ? !gray || !/^(mono|depth|bayer_)/.test(encoding) : shape.length !== 3) return null;
  const [height = 0, width = 0, channels = 1] = shape;
  const axes = [0, 1, shape.length === 3 ? 2 : null] as const;
  const pixels = pixelsIn(tensor, { height, width, channels: channels as 1 | 3 | 4, axes });
  if (colours?.[1] === 'bgr') swapRedAndBlue(pixels);
  return mosaic === null ? pixels : demosaiced(pixels, mosaic[1] as string);
}

function swapRedAndBlue({ values, channels }: Pixels): void {
  for (let at = 0; at < values.length; at += channels) {
    const first = values[at] as number;
    values[at] = values[at + 2] as number;
    values[at + 2] = first;
  }
}

/** Colours of the rows' even and odd sites, as indices of a pixel's channels. */
const CHANNEL: Readonly<Record<string, number>> = { r: 0, g: 1, b: 2 };

/** Bilinear: what a site did not measure is the mean of those around it that did. */
function demosaiced({ width, height, values, dtype }: Pixels, pattern: string): Pixels {
  const sites = [...pattern].map((letter) => CHANNEL[letter] as number);
  const channelAt = (x: number, y: number) => sites[(y & 1) * 2 + (x & 1)] as number;
  const out = new Float64Array(width * height * 3);
  const sums = [0, 0, 0];
  const counts = [0, 0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      sums.fill(0);
      counts.fill(0);
      for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
        for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
          const channel = channelAt(u, v);
          sums[channel] = (sums[channel] as number) + (values[v * width + u] as number);
          counts[channel] = (counts[channel] as number) + 1;
        }
      }
      const own = channelAt(x, y);
      for (let c = 0; c < 3; c++) {
        const mean = (sums[c] as number) / Math.max(1, counts[c] as number);
        out[(y * width + x) * 3 + c] = c === own ? (values[y * width + x] as number) : Math.round(mean);
      }
    }
  }
  return { width, height, channels: 3, values: out, dtype };
}

/** Where luma and chroma of a pixel lie in the bytes of a picture. */
interface Chroma {
  /** Rows of the picture, of the rows of the tensor. */
  readonly rows: (tensorRows: number) => number;
  readonly luma: (x: number, y: number, width: number, height: number) => number;
  readonly u: (x: number, y: number, width: number, height: number) => number;
  readonly v: (x: number, y: number, width: number, height: number) => number;
}

const twoThirds = (rows: number) => (rows * 2) / 3;
const plane = (x: number, y: number, width: number) => y * width + x;
const pair = (x: number, y: number, width: number) => (y * width + (x & ~1)) * 2;
/** Of interleaved chroma, a pair for each square of four pixels. */
const square = (x: number, y: number, width: number, height: number) => (height + (y >> 1)) * width + (x & ~1);
/** Of planar chroma, a byte for each square. */
const quarter = (x: number, y: number, width: number) => ((y >> 1) * width) / 2 + (x >> 1);

const CHROMA: Readonly<Partial<Record<Encoding, Chroma>>> = {
  nv12: { rows: twoThirds, luma: plane, u: square, v: (x, y, w, h) => square(x, y, w, h) + 1 },
  nv21: { rows: twoThirds, luma: plane, u: (x, y, w, h) => square(x, y, w, h) + 1, v: square },
  i420: {
    rows: twoThirds,
    luma: plane,
    u: (x, y, w, h) => h * w + quarter(x, y, w),
    v: (x, y, w, h) => (h * w * 5) / 4 + quarter(x, y, w),
  },
  yuyv: {
    rows: (rows) => rows,
    luma: (x, y, w) => (y * w + x) * 2,
    u: (x, y, w) => pair(x, y, w) + 1,
    v: (x, y, w) => pair(x, y, w) + 3,
  },
  uyvy: {
    rows: (rows) => rows,
    luma: (x, y, w) => (y * w + x) * 2 + 1,
    u: pair,
    v: (x, y, w) => pair(x, y, w) + 2,
  },
};

/** BT.601 of limited range, as cameras have it and ffmpeg takes it where nothing is said; chroma is repeated, not smoothed. */
function fromChroma({ data, shape, offset }: TensorView, chroma: Chroma): Pixels {
  const [tensorRows = 0, width = 0] = shape;
  const height = chroma.rows(tensorRows);
  const values = new Float64Array(width * height * 3);
  const byte = (at: number) => Number(data[offset + at]);
  for (let y = 0, out = 0; y < height; y++) {
    for (let x = 0; x < width; x++, out += 3) {
      const luma = (255 / 219) * (byte(chroma.luma(x, y, width, height)) - 16);
      const u = (255 / 224) * (byte(chroma.u(x, y, width, height)) - 128);
      const v = (255 / 224) * (byte(chroma.v(x, y, width, height)) - 128);
      values[out] = clamped(luma + 1.402 * v);
      values[out + 1] = clamped(luma - 0.344136 * u - 0.714136 * v);
      values[out + 2] = clamped(luma + 1.772 * u);
    }
  }
  return { width, height, channels: 3, values, dtype: 'uint8' };
}

function clamped(value: number): number {
  return Math.max(0, Math.min(255, Math.round(value)));
}
