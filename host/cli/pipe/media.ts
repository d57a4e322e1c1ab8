// Where pub's frames come from: raw bytes, a y4m stream, or whatever ffmpeg can read.

import { type Encoding, encodings } from '../../entry/main';
import { CliError, UsageError } from '../command';
import { openFfmpeg } from '../demo/ffmpeg';
import { Input } from './input';
import { MAGIC, readY4mHeader, type Y4mForm, Y4mLines } from './stream';

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
  const { path } = options;
  if (path !== undefined && (DEVICE.test(path) || path.includes('://'))) return decodedMedia(path, options);
  const input = new Input(path);
  const begins = Buffer.from(await input.peek(MAGIC.length)).toString('latin1');
  if (begins === MAGIC) {
    const y4m = await y4mMedia(input, options);
    if (y4m !== null) return y4m;
  }
  const { isNamedFile } = input;
  input[Symbol.dispose]();
  if (path === undefined) return null;
  if (isNamedFile) return decodedMedia(path, options);
  // What was read of it is gone: ffmpeg would find the rest, or nobody at the other end.
  throw new CliError(
    `${path} is a pipe: expected y4m in it, or raw frames and --shape; a film is read from a file, or made y4m by ` +
      '"ffmpeg -i FILM -f yuv4mpegpipe -"',
  );
}

/** Null where ffmpeg is to read the file: another encoding is wanted, or the stream is of a form that is not taken as it is. */
async function y4mMedia(first: Input, { path, encoding: wanted, loop }: MediaOptions): Promise<Media | null> {
  let input = first;
  let lines = new Y4mLines(input);
  let left = true;
  const header = (await lines.next('header')) ?? '';
  let form: Y4mForm;
  try {
    form = readY4mHeader(header);
  } catch (error) {
    if (first.isNamedFile) return null;
    throw error;
  }
  if (wanted !== undefined && wanted !== form.encoding) {
    if (first.isNamedFile) return null;
    throw new CliError(
      `the y4m stream is ${form.encoding}, found --encoding ${wanted}: name a file with --input, or convert it with ffmpeg`,
    );
  }
  return {
    ...form,
    fill: async (into) => {
      if (!(await lines.frame())) {
        // From its beginning, unless there is nothing in it.
        if (!loop || left) return 0;
        input[Symbol.dispose]();
        input = new Input(path);
        lines = new Y4mLines(input);
        left = true;
        if ((await lines.next('header')) !== header || !(await lines.frame())) return 0;
      }
      left = false;
      const bytes = await input.fill(into);
      if (bytes === 0) throw new CliError(`the input ended inside a frame: 0 of ${into.byteLength} bytes after the line "FRAME"`);
      return bytes;
    },
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
  if ((rule.kind === 'yuv420' && height % 2 !== 0) || (/^yuv42/.test(rule.kind) && width % 2 !== 0)) {
    await source.close();
    throw new CliError(`${path} is ${width}×${height}: ${encoding} needs an even size; take --encoding rgb8`);
  }
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
