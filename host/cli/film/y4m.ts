// YUV4MPEG2: a header, and before each picture a line; the planes of a picture follow one another. Read and written by ffmpeg, mpv, x264.

import type { Encoding } from '../../entry/main';

/** The planes that a picture is written as, and how they are made of its bytes. */
interface Planes {
  /** The header's C: chroma. */
  readonly chroma: string;
  /** Bytes of a picture of this many pixels. */
  readonly bytes: (pixels: number) => number;
  readonly convert: (from: Uint8Array, to: Uint8Array, pixels: number) => void;
}

const copy = (from: Uint8Array, to: Uint8Array) => to.set(from);

const PLANES: Readonly<Partial<Record<Encoding, Planes>>> = {
  mono8: { chroma: 'mono', bytes: (pixels) => pixels, convert: copy },
  i420: { chroma: '420', bytes: (pixels) => (pixels * 3) / 2, convert: copy },
  nv12: { chroma: '420', bytes: (pixels) => (pixels * 3) / 2, convert: (from, to, pixels) => split(from, to, pixels, 0) },
  nv21: { chroma: '420', bytes: (pixels) => (pixels * 3) / 2, convert: (from, to, pixels) => split(from, to, pixels, 1) },
  yuyv: { chroma: '422', bytes: (pixels) => pixels * 2, convert: (from, to, pixels) => unpack(from, to, pixels, 0) },
  uyvy: { chroma: '422', bytes: (pixels) => pixels * 2, convert: (from, to, pixels) => unpack(from, to, pixels, 1) },
  rgb8: { chroma: '444', bytes: (pixels) => pixels * 3, convert: (from, to, pixels) => toYuv(from, to, pixels, 3, 0, 2) },
  bgr8: { chroma: '444', bytes: (pixels) => pixels * 3, convert: (from, to, pixels) => toYuv(from, to, pixels, 3, 2, 0) },
  rgba8: { chroma: '444', bytes: (pixels) => pixels * 3, convert: (from, to, pixels) => toYuv(from, to, pixels, 4, 0, 2) },
  bgra8: { chroma: '444', bytes: (pixels) => pixels * 3, convert: (from, to, pixels) => toYuv(from, to, pixels, 4, 2, 0) },
};

/** Interleaved chroma apart; `first` is 0 where U comes first. */
function split(from: Uint8Array, to: Uint8Array, pixels: number, first: 0 | 1): void {
  to.set(from.subarray(0, pixels));
  const quarter = pixels / 4;
  const [u, v] = [pixels + first, pixels + 1 - first];
  for (let i = 0; i < quarter; i++) {
    to[pixels + i] = from[u + 2 * i] as number;
    to[pixels + quarter + i] = from[v + 2 * i] as number;
  }
}

/** Packed 4:2:2 apart; `luma` is where the first luma of a pair of pixels lies: 0 in YUYV, 1 in UYVY. */
function unpack(from: Uint8Array, to: Uint8Array, pixels: number, luma: 0 | 1): void {
  const half = pixels / 2;
  for (let i = 0; i < half; i++) {
    to[2 * i] = from[4 * i + luma] as number;
    to[2 * i + 1] = from[4 * i + luma + 2] as number;
    to[pixels + i] = from[4 * i + 1 - luma] as number;
    to[pixels + half + i] = from[4 * i + 3 - luma] as number;
  }
}

/** BT.601 of limited range, in 16 bits of fraction. Alpha is left out. */
function toYuv(from: Uint8Array, to: Uint8Array, pixels: number, step: number, red: number, blue: number): void {
  for (let i = 0, at = 0; i < pixels; i++, at += step) {
    const r = from[at + red] as number;
    const g = from[at + 1] as number;
    const b = from[at + blue] as number;
    to[i] = (16829 * r + 33039 * g + 6416 * b + 1081344) >> 16;
    to[pixels + i] = (-9714 * r - 19071 * g + 28785 * b + 8421376) >> 16;
    to[2 * pixels + i] = (28785 * r - 24103 * g - 4682 * b + 8421376) >> 16;
  }
}

const FRAME_LINE = Buffer.from('FRAME\n');

/** Makes the bytes of such a stream. */
export class Y4mWriter {
  readonly header: Uint8Array;
  readonly #planes: Planes;
  readonly #pixels: number;
  readonly #frame: Buffer;

  /** @param fps frames a second, as a fraction */
  constructor(planes: Planes, width: number, height: number, [frames, seconds]: readonly [number, number]) {
    this.#planes = planes;
    this.#pixels = width * height;
    // Range and matrix are no fields of the format: ffmpeg reads the range where it is stated like this.
    const stated = planes.chroma === 'mono' ? 'XCOLORRANGE=FULL' : 'XCOLORRANGE=LIMITED XMATRIX=BT601';
    this.header = Buffer.from(`YUV4MPEG2 W${width} H${height} F${frames}:${seconds} Ip A1:1 C${planes.chroma} ${stated}\n`);
    this.#frame = Buffer.alloc(FRAME_LINE.length + planes.bytes(this.#pixels));
    this.#frame.set(FRAME_LINE);
  }

  /** A picture with its line, valid until the next one. */
  frame(bytes: Uint8Array): Uint8Array {
    this.#planes.convert(bytes, this.#frame.subarray(FRAME_LINE.length), this.#pixels);
    return this.#frame;
  }
}

/** How pictures of an encoding are written; null where they cannot be. */
export function planesOf(encoding: Encoding): Planes | null {
  return PLANES[encoding] ?? null;
}

/** A rate as a fraction: 30 as 30:1, 29.97 as 30000:1001. */
export function fractionOf(fps: number): [number, number] {
  for (const scale of [1, 1.001]) {
    const whole = Math.round(fps * scale);
    if (whole >= 1 && Math.abs(whole / scale - fps) < 0.0005) return scale === 1 ? [whole, 1] : [whole * 1000, 1001];
  }
  return [Math.round(fps * 1000), 1000];
}
