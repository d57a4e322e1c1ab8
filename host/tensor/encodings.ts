// What the elements of a field mean: one list of encodings, what shape each has, and what others call it.

import { TensorIpcError } from '../runtime/errors';
import { quoted } from '../runtime/printable';
import type { Dtype } from './dtype';
import { showShape } from './tensor';

/** How the extents of an encoding look: an image of so many channels, planes below one another, or rows of a varying number. */
type Rule =
  /** `[height, width]`, or `[height, width, 1]`. */
  | { readonly kind: 'gray' }
  /** `[…, channels]`: an image, or one colour a point. */
  | { readonly kind: 'channels'; readonly channels: number }
  /** `[height × 3 / 2, width]`: a plane of luma and half as many rows of chroma. */
  | { readonly kind: 'yuv420' }
  /** `[height, width, 2]`: two bytes a pixel, chroma shared by pairs of pixels. */
  | { readonly kind: 'yuv422' }
  /** `[bytes]`: a compressed image or packet, of varying length as a rule. */
  | { readonly kind: 'packet' };

/** What is known of an encoding. Names are null where the others have none. */
export interface EncodingInfo {
  readonly dtypes: readonly Dtype[];
  readonly rule: Rule;
  /**
   * `encoding` of sensor_msgs/Image (image_encodings.hpp), in the form that every distribution still knows: 'yuv422_yuy2' and not 'yuyv';
   * for packets `format` of CompressedImage or foxglove's CompressedVideo.
   */
  readonly ros: string | null;
  /** Pixel format (`ffmpeg -pix_fmts`); for packets the codec (`-codecs`), for sound the raw format (`-formats`). */
  readonly ffmpeg: string | null;
  /** Format of video/x-raw, video/x-bayer or audio/x-raw; for packets the media type. */
  readonly gstreamer: string | null;
}

const GRAY = { kind: 'gray' } as const;
const PACKET = { kind: 'packet' } as const;
const YUV420 = { kind: 'yuv420' } as const;
const YUV422 = { kind: 'yuv422' } as const;

function channels(count: number) {
  return { kind: 'channels', channels: count } as const;
}

function info<D extends Dtype>(
  dtypes: readonly D[],
  rule: Rule,
  ros: string | null,
  ffmpeg: string | null,
  gstreamer: string | null,
): EncodingInfo {
  return Object.freeze({ dtypes: Object.freeze([...dtypes]), rule: Object.freeze(rule), ros, ffmpeg, gstreamer });
}

const ENCODINGS = {
  rgb8: info(['uint8'], channels(3), 'rgb8', 'rgb24', 'RGB'),
  bgr8: info(['uint8'], channels(3), 'bgr8', 'bgr24', 'BGR'),
  rgba8: info(['uint8'], channels(4), 'rgba8', 'rgba', 'RGBA'),
  bgra8: info(['uint8'], channels(4), 'bgra8', 'bgra', 'BGRA'),
  rgb16: info(['uint16'], channels(3), 'rgb16', 'rgb48le', null),
  rgba16: info(['uint16'], channels(4), 'rgba16', 'rgba64le', 'RGBA64_LE'),
  mono8: info(['uint8'], GRAY, 'mono8', 'gray', 'GRAY8'),
  mono16: info(['uint16'], GRAY, 'mono16', 'gray16le', 'GRAY16_LE'),
  bayer_rggb8: info(['uint8'], GRAY, 'bayer_rggb8', 'bayer_rggb8', 'rggb'),
  bayer_bggr8: info(['uint8'], GRAY, 'bayer_bggr8', 'bayer_bggr8', 'bggr'),
  bayer_gbrg8: info(['uint8'], GRAY, 'bayer_gbrg8', 'bayer_gbrg8', 'gbrg'),
  bayer_grbg8: info(['uint8'], GRAY, 'bayer_grbg8', 'bayer_grbg8', 'grbg'),
  bayer_rggb16: info(['uint16'], GRAY, 'bayer_rggb16', 'bayer_rggb16le', 'rggb16le'),
  bayer_bggr16: info(['uint16'], GRAY, 'bayer_bggr16', 'bayer_bggr16le', 'bggr16le'),
  bayer_gbrg16: info(['uint16'], GRAY, 'bayer_gbrg16', 'bayer_gbrg16le', 'gbrg16le'),
  bayer_grbg16: info(['uint16'], GRAY, 'bayer_grbg16', 'bayer_grbg16le', 'grbg16le'),
  nv12: info(['uint8'], YUV420, 'nv12', 'nv12', 'NV12'),
  nv21: info(['uint8'], YUV420, 'nv21', 'nv21', 'NV21'),
  i420: info(['uint8'], YUV420, null, 'yuv420p', 'I420'),
  yuyv: info(['uint8'], YUV422, 'yuv422_yuy2', 'yuyv422', 'YUY2'),
  uyvy: info(['uint8'], YUV422, 'yuv422', 'uyvy422', 'UYVY'),
  jpeg: info(['uint8'], PACKET, 'jpeg', 'mjpeg', 'image/jpeg'),
  png: info(['uint8'], PACKET, 'png', 'png', 'image/png'),
  h264: info(['uint8'], PACKET, 'h264', 'h264', 'video/x-h264'),
  h265: info(['uint8'], PACKET, 'h265', 'hevc', 'video/x-h265'),
  /** Metres. */
  depth32f: info(['float32'], GRAY, '32FC1', 'grayf32le', null),
  /** Millimetres. */
  depth16u: info(['uint16'], GRAY, '16UC1', 'gray16le', 'GRAY16_LE'),
  /** Points: x, y, z in metres. */
  xyz: info(['float32', 'float64'], channels(3), null, null, null),
  /** Points: x, y, z in metres, and how strong the return was. */
  xyzi: info(['float32', 'float64'], channels(4), null, null, null),
  /** Samples of sound: `[…, channels]`. */
  pcm_s16: info(['int16'], { kind: 'channels', channels: 0 }, null, 's16le', 'S16LE'),
  pcm_f32: info(['float32'], { kind: 'channels', channels: 0 }, null, 'f32le', 'F32LE'),
} as const satisfies Record<string, EncodingInfo>;

/** What the elements of a field mean. */
export type Encoding = keyof typeof ENCODINGS;

/** All encodings, by name: dtypes and what ROS, ffmpeg and GStreamer call them. */
export const encodings: Readonly<Record<Encoding, EncodingInfo>> = Object.freeze(ENCODINGS);

export function isEncoding(value: unknown): value is Encoding {
  return typeof value === 'string' && Object.hasOwn(ENCODINGS, value);
}

/** What a shape has to look like, for a message and for the table in docs/pool-format.md. */
export function shapeOf(rule: Rule): string {
  switch (rule.kind) {
    case 'gray':
      return '[height, width] or [height, width, 1]';
    case 'channels':
      return rule.channels === 0 ? '[samples, channels]' : `[…, ${rule.channels}]`;
    case 'yuv420':
      return '[height * 3 / 2, width], of even height and width';
    case 'yuv422':
      return '[height, width, 2], of even width';
    case 'packet':
      return '[bytes]';
  }
}

function fits(rule: Rule, shape: readonly number[]): boolean {
  const [height = 0, width = 0] = shape;
  switch (rule.kind) {
    case 'gray':
      return shape.length === 2 || (shape.length === 3 && shape[2] === 1);
    case 'channels':
      return shape.length >= 2 && (rule.channels === 0 || shape.at(-1) === rule.channels);
    case 'yuv420':
      return shape.length === 2 && height % 3 === 0 && width % 2 === 0;
    case 'yuv422':
      return shape.length === 3 && shape[2] === 2 && width % 2 === 0;
    case 'packet':
      return shape.length === 1;
  }
}

/**
 * Checks that a field can be what it is said to be.
 *
 * @throws TensorIpcError INVALID_ARGUMENT, DTYPE_MISMATCH, SHAPE_MISMATCH
 */
export function checkEncoding(encoding: unknown, dtype: Dtype, shape: readonly number[], what: string): Encoding {
  if (!isEncoding(encoding)) {
    const found = typeof encoding === 'string' ? quoted(encoding.slice(0, 80)) : typeof encoding;
    throw new TensorIpcError(
      'INVALID_ARGUMENT',
      `${what}: encoding must be one of ${Object.keys(ENCODINGS).join(' ')}, found ${found}`,
    );
  }
  const { dtypes, rule } = encodings[encoding];
  if (!dtypes.includes(dtype)) {
    throw new TensorIpcError('DTYPE_MISMATCH', `${what}: ${encoding} is ${dtypes.join(' or ')}, found ${dtype}`);
  }
  if (!fits(rule, shape)) {
    throw new TensorIpcError('SHAPE_MISMATCH', `${what}: ${encoding} has shape ${shapeOf(rule)}, found ${showShape(shape)}`);
  }
  return encoding;
}
