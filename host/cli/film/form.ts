// What a field is as a film: the size of its pictures, and how their bytes are made.

import { type Encoding, encodings, type FieldMeaning, type TensorView } from '../../entry/main';
import { CliError } from '../command';
import { elementsOf } from '../read/field';
import { pixelsOf } from '../snapshot/encoded';
import { type Limits, render } from '../snapshot/image';

/** Encodings whose bytes are passed on as they are. */
const DIRECT = /^(rgb8|bgr8|rgba8|bgra8|mono8|nv12|nv21|i420|yuyv|uyvy)$/;
/** Packets, and how ffmpeg calls a stream of them. */
const PACKETS: Readonly<Partial<Record<Encoding, string>>> = { jpeg: 'mjpeg', png: 'png_pipe', h264: 'h264', h265: 'hevc' };

export interface FilmForm {
  /** What the bytes of a picture are. Pictures of other encodings are drawn as rgb8 or mono8. */
  readonly encoding: Encoding;
  /** 0 of packets, which say it themselves. */
  readonly width: number;
  readonly height: number;
  /** Of packets: ffmpeg's name of their stream. */
  readonly packets: string | null;
  /** The bytes of a picture, valid until the next one. */
  bytes(tensor: TensorView): Uint8Array;
}

/** @throws CliError when it is nothing that moves */
export function filmForm(tensor: TensorView, meaning: FieldMeaning, limits: Limits, what: string): FilmForm {
  const { dtype, shape } = tensor;
  const [rows = 0, columns = 0, channels = 1] = shape;
  const encoding = meaning.encoding ?? (dtype === 'uint8' ? plainEncoding(shape) : undefined);
  const raw = (view: TensorView) => {
    const { buffer, byteOffset, byteLength } = elementsOf(view);
    return new Uint8Array(buffer, byteOffset, byteLength);
  };
  if (encoding !== undefined && PACKETS[encoding] !== undefined) {
    return { encoding, width: 0, height: 0, packets: PACKETS[encoding] ?? null, bytes: raw };
  }
  const scaled = limits.min !== undefined || limits.max !== undefined || limits.colorMap === 'turbo';
  if (encoding !== undefined && DIRECT.test(encoding) && !scaled && shape.length >= 2 && (shape.length === 2 || channels <= 4)) {
    const height = encodings[encoding].rule.kind === 'yuv420' ? (rows * 2) / 3 : rows;
    return { encoding, width: columns, height, packets: null, bytes: raw };
  }
  const draw = (view: TensorView) => {
    const pixels = pixelsOf(view, meaning.encoding);
    return pixels === null || pixels.width === 0 || pixels.height === 0 ? null : render(pixels, limits).image;
  };
  const first = draw(tensor);
  if (first === null) {
    throw new CliError(`${what}: ${dtype} [${shape.join(', ')}]${encoding === undefined ? '' : ` of ${encoding}`} is no picture`);
  }
  const { width, height } = first;
  const drawn = ({ 1: 'mono8', 3: 'rgb8', 4: 'rgba8' } as const)[first.channels];
  return { encoding: drawn, width, height, packets: null, bytes: (view) => draw(view)?.pixels ?? new Uint8Array(0) };
}

function plainEncoding(shape: readonly number[]): Encoding | undefined {
  if (shape.length === 2 || (shape.length === 3 && shape[2] === 1)) return 'mono8';
  if (shape.length !== 3) return undefined;
  return shape[2] === 3 ? 'rgb8' : shape[2] === 4 ? 'rgba8' : undefined;
}
