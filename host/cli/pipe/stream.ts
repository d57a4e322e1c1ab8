// The header of a YUV4MPEG2 stream, and what shape a raw stream has whose size does not divide.

import type { Dtype, Encoding } from '../../entry/main';
import { CliError } from '../command';
import type { Input } from './input';

export const MAGIC = 'YUV4MPEG2 ';
/** No header, and no line before a frame, is longer. */
const MAX_LINE = 4096;
const LINE_END = 0x0a;
const MIN_FPS = 1e-3;
const MAX_FPS = 1e6;

export interface Y4mForm {
  readonly encoding: Encoding;
  readonly shape: readonly number[];
  readonly fps: number | null;
}

/** The form of a stream, from its first line. */
export function readY4mHeader(line: string): Y4mForm {
  const parameter = (letter: string) =>
    line
      .split(' ')
      .find((word) => word.startsWith(letter))
      ?.slice(1) ?? '';
  const [width, height] = [Number(parameter('W')), Number(parameter('H'))];
  const [, frames = '0', seconds = '0'] = /^(\d+):(\d+)$/.exec(parameter('F')) ?? [];
  const fps = Number(frames) > 0 && Number(seconds) > 0 ? Number(frames) / Number(seconds) : null;
  if (fps !== null && !(fps >= MIN_FPS && fps <= MAX_FPS)) {
    throw new CliError(`expected a y4m header with ${MIN_FPS} to ${MAX_FPS} frames a second, found F${frames}:${seconds}`);
  }
  if (!(Number.isInteger(width) && width > 0 && Number.isInteger(height) && height > 0)) {
    throw new CliError(`the y4m header states no size: expected W and H, found "${line.slice(0, 80)}"`);
  }
  const chroma = parameter('C') || '420';
  if (chroma === 'mono') return { encoding: 'mono8', shape: [height, width], fps };
  if (/^420(jpeg|mpeg2|paldv)?$/.test(chroma) && width % 2 === 0 && height % 2 === 0) {
    return { encoding: 'i420', shape: [(height * 3) / 2, width], fps };
  }
  throw new CliError(
    `expected y4m of chroma 420 (of even size) or mono, found ${chroma} of ${width}×${height}: ` +
      'convert it with "ffmpeg -i FILE -pix_fmt yuv420p -f yuv4mpegpipe -"',
  );
}

/** Reads such a stream: its header, and the line before each frame. */
export class Y4mLines {
  readonly #input: Input;

  constructor(input: Input) {
    this.#input = input;
  }

  /** A line without its end; null at the end of the input. */
  async next(what: string): Promise<string | null> {
    const byte = new Uint8Array(1);
    const bytes: number[] = [];
    while ((await this.#input.fill(byte)) === 1) {
      if (byte[0] === LINE_END) return Buffer.from(bytes).toString('latin1');
      bytes.push(byte[0] as number);
      if (bytes.length > MAX_LINE) break;
    }
    if (bytes.length === 0) return null;
    throw new CliError(`the input has no ${what} where one is expected: it is no y4m, or was cut`);
  }

  /** The line before a frame: false at the end of the input. */
  async frame(): Promise<boolean> {
    const line = await this.next('line "FRAME"');
    if (line === null) return false;
    if (line === 'FRAME' || line.startsWith('FRAME ')) return true;
    throw new CliError(`expected the line "FRAME" before a frame of y4m, found ${JSON.stringify(line.slice(0, 40))}`);
  }
}

const SIZES = ['3840,2160', '1920,1080', '1280,720', '848,480', '640,480', '640,360', '424,240', '320,240', '160,120'].map(
  (size) => size.split(',').map(Number).reverse(),
);

/** What is left of a stream of so many bytes, and a shape that would fit: a text for messages. */
export function leftOver(bytes: number, frameBytes: number, shape: readonly number[], dtype: Dtype): string {
  const itemBytes = frameBytes / shape.reduce((product, extent) => product * extent, 1);
  const [height = 1, width = 1] = shape;
  const sizes = [[height, width], ...SIZES];
  const candidates = sizes.flatMap(([h = 1, w = 1]) => [
    [h, w, 3],
    [h, w, 4],
    ...(h % 2 === 0 ? [[(h * 3) / 2, w]] : []),
    [h, w, 2],
    [h, w],
  ]);
  const fit = candidates.find((candidate) => bytes > 0 && bytes % candidate.reduce((a, b) => a * b, itemBytes) === 0);
  const left = bytes % frameBytes;
  const frames = Math.floor(bytes / frameBytes);
  const hint =
    fit === undefined ? 'are --shape and --dtype those of the input?' : `--shape ${fit.join(',')} of ${dtype} would fit`;
  return `${bytes} bytes are ${frames} frames of ${frameBytes} bytes and ${left} bytes more; ${hint}`;
}
