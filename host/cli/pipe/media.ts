// Where pub's frames come from: raw bytes, a y4m stream, or whatever ffmpeg can read.

import { type Encoding, encodings } from '../../entry/main';
import { CliError, UsageError } from '../command';
import { openFfmpeg } from '../demo/ffmpeg';
import { Input } from './input';
import { MAGIC, readY4mHeader, Y4mLines } from './stream';

/** Frames whose form the input states. */
export interface Media extends AsyncDisposable {
  readonly encoding: Encoding;
  readonly shape: readonly number[];
  /** Frames a second by which they are published; null as fast as they come. */
  readonly fps: number | null;
  /** The bytes of the next frame that were there: less than all of them at the end. */
  fill(into: Uint8Array): Promise<number>;
}

export interface MediaOptions {
  /** A file or camera; undefined is the standard input. */
  readonly path: string | undefined;
  readonly encoding: string | undefined;
  readonly loop: boolean;
  readonly ffmpeg: string;
}

const DEVICE = /^\/dev\/video/;
/** What ffmpeg is asked for. */
const PICTURES = /^(rgb8|bgr8|rgba8|bgra8|mono8|nv12|nv21|i420|yuyv|uyvy|mono16|rgb16|rgba16)$/;

/** The frames of an input that says what they are; null where it does not. */
export async function openMedia(options: MediaOptions): Promise<Media | null> {
  const { path, encoding } = options;
  if (path !== undefined && DEVICE.test(path)) return decodedMedia(path, options);
  const input = new Input(path);
  const begins = Buffer.from(await input.peek(MAGIC.length)).toString('latin1');
  if (begins === MAGIC && !options.loop) {
    const y4m = await y4mMedia(input, encoding);
    if (y4m !== null) return y4m;
  }
  input[Symbol.dispose]();
  return path === undefined ? null : decodedMedia(path, options);
}

/** Null where another encoding is wanted, which ffmpeg makes of a file. */
async function y4mMedia(input: Input, wanted: string | undefined): Promise<Media | null> {
  const lines = new Y4mLines(input);
  const header = await lines.next('header');
  const { encoding, shape, fps } = readY4mHeader(header ?? '');
  if (wanted !== undefined && wanted !== encoding) {
    if (!input.isStandard) return null;
    throw new CliError(
      `the y4m stream is ${encoding}, found --encoding ${wanted}: name a file with --input, or convert it with ffmpeg`,
    );
  }
  return {
    encoding,
    shape,
    fps,
    fill: async (into) => ((await lines.frame()) ? input.fill(into) : 0),
    [Symbol.asyncDispose]: async () => input[Symbol.dispose](),
  };
}

async function decodedMedia(path: string, { encoding: said = 'rgb8', loop, ffmpeg }: MediaOptions): Promise<Media> {
  if (!PICTURES.test(said)) {
    throw new UsageError(
      `media files are decoded to rgb8, bgr8, rgba8, mono8, nv12, i420, yuyv and the like, found --encoding ${said}`,
      'pub',
    );
  }
  const encoding = said as Encoding;
  const { rule, ffmpeg: pixels } = encodings[encoding];
  const source = await openFfmpeg({
    program: ffmpeg,
    source: { kind: DEVICE.test(path) ? 'device' : 'file', path },
    frames: null,
    size: null,
    fps: null,
    loop,
    pixels: pixels ?? 'rgb24',
  });
  const { width, height } = source;
  const shape =
    rule.kind === 'yuv420'
      ? [(height * 3) / 2, width]
      : rule.kind === 'channels'
        ? [height, width, rule.channels]
        : rule.kind === 'yuv422'
          ? [height, width, 2]
          : [height, width];
  return {
    encoding,
    shape,
    fps: source.live ? null : source.fps,
    fill: async (into) => ((await source.fill(into, 0)) ? into.byteLength : 0),
    [Symbol.asyncDispose]: () => source.close(),
  };
}
