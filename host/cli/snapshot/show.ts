// What a tensor looks like as a file, by its encoding: a picture, a packet as it is, or a point cloud.

import type { Encoding, FieldMeaning, TensorView } from '../../entry/main';
import { showBytes, showValue } from '../format';
import { conversionOf, hasHoles, pixelsOf } from './encoded';
import { type Limits, layoutOf, type Rendered, render, type ValueRange } from './image';
import { encodePly, isCloud } from './ply';
import { encodePng, type Image } from './png';

export interface Shown {
  readonly bytes: Uint8Array;
  /** Endings of a file's name that go with it, the usual one first. */
  readonly endings: readonly string[];
  readonly what: string;
  /** What there is to say of the values: empty, or with a comma in front. */
  readonly values: string;
  /** The picture, of what is one and no packet. */
  readonly image: Image | null;
}

/** Packets that are files of their own, and how those end. */
const PACKETS: Readonly<Partial<Record<Encoding, readonly string[]>>> = {
  jpeg: ['jpg', 'jpeg'],
  png: ['png'],
  h264: ['h264', '264'],
  h265: ['h265', '265', 'hevc'],
};

/** Units that encodings have of themselves. */
const UNITS: Readonly<Partial<Record<Encoding, string>>> = { depth32f: 'm', depth16u: 'mm', xyz: 'm', xyzi: 'm' };

/** Whether a tensor of this shape and meaning is something to look at: for choosing among several. */
export function isShowable(shape: readonly number[], { encoding }: FieldMeaning): boolean {
  if (encoding === undefined) return layoutOf(shape) !== null;
  return PACKETS[encoding] !== undefined || isCloud(encoding) || (!encoding.startsWith('pcm_') && shape.length >= 2);
}

/** A tensor as a file; null where it is nothing to look at. */
export function show(tensor: TensorView, meaning: FieldMeaning, limits: Limits, title: string): Shown | null {
  const { encoding } = meaning;
  const unit = meaning.unit ?? (encoding === undefined ? undefined : UNITS[encoding]);
  const what = `${tensor.dtype} [${tensor.shape.join(', ')}]`;
  const endings = encoding === undefined ? undefined : PACKETS[encoding];
  if (endings !== undefined) {
    const { buffer, byteOffset, byteLength } = tensor.data;
    return {
      bytes: new Uint8Array(buffer, byteOffset, byteLength),
      endings,
      what: `${encoding} as it is, ${showBytes(byteLength)}`,
      values: '',
      image: null,
    };
  }
  if (encoding !== undefined && isCloud(encoding)) {
    const { points, bytes, ranges } = encodePly(tensor, encoding, title);
    const spans = ranges.flatMap((range, i) => (range === null ? [] : [`${'xyz'[i]} ${showSpan(range)}`]));
    const values = spans.length === 0 ? '' : `, ${spans.join(', ')}${unit === undefined ? '' : ` ${unit}`}`;
    return { bytes, endings: ['ply'], what: `${points} points, ${what}`, values, image: null };
  }
  const pixels = pixelsOf(tensor, encoding);
  if (pixels === null || pixels.width === 0 || pixels.height === 0) return null;
  const rendered = render(pixels, { ...limits, holes: hasHoles(encoding) });
  return {
    bytes: encodePng(rendered.image),
    endings: ['png', 'jpg', 'jpeg'],
    what: `${pixels.width}×${pixels.height}, ${what}${conversionOf(encoding)}`,
    values: `, ${showRange(rendered, unit, limits)}`,
    image: rendered.image,
  };
}

function showSpan({ min, max }: ValueRange): string {
  return `${showValue(min)} to ${showValue(max)}`;
}

function showRange({ range, scale, image }: Rendered, unit: string | undefined, { colorMap }: Limits): string {
  const found = range === null ? 'no finite values' : `values ${showSpan(range)}${unit === undefined ? '' : ` ${unit}`}`;
  if (scale === null) return found;
  const [low, high] = colorMap === 'turbo' && image.channels === 3 ? ['blue', 'red'] : ['black', 'white'];
  return `${found} (${low} ${showValue(scale.min)}, ${high} ${showValue(scale.max)})`;
}
