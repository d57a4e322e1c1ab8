// Where a film goes: a file or the standard output as YUV4MPEG2, or a container by way of ffmpeg.

import { type FileHandle, open } from 'node:fs/promises';
import { extname } from 'node:path';
import { quoted } from '../../entry/inspection';
import { encodings } from '../../entry/main';
import { CliError, UsageError } from '../command';
import { FfmpegWriter } from '../ffmpeg';
import { printBytes } from '../output';
import type { FilmForm } from './form';
import { fractionOf, planesOf, Y4mWriter } from './y4m';

export const FORMATS = ['raw', 'y4m', 'mp4', 'mov', 'mkv'] as const;
export type Format = (typeof FORMATS)[number];

/** Nobody expects raw frames under these names. */
const OTHER_FILMS: ReadonlySet<string> = new Set('avi webm gif wmv flv mpg mpeg ts m4v ogv mjpeg mxf'.split(' '));

/** A film in the making. */
export interface FilmSink {
  /** False when nobody reads it any more. */
  write(picture: Uint8Array): Promise<boolean>;
  /** Completes the file. */
  finish(): Promise<void>;
}

/** The format that a file's name ends with. */
export function formatOf(output: string): Format {
  const ending = extname(output).slice(1).toLowerCase();
  if (OTHER_FILMS.has(ending)) {
    throw new UsageError(`films are .mp4, .mov, .mkv or .y4m, found ${quoted(output)}: ffmpeg makes others of these`, 'sub');
  }
  return FORMATS.find((format) => format === ending) ?? 'raw';
}

export interface SinkOptions {
  /** "-": the standard output. */
  readonly output: string;
  readonly format: Exclude<Format, 'raw'>;
  readonly fps: number;
  readonly ffmpeg: string;
}

export async function openSink(form: FilmForm, { output, format, fps, ffmpeg }: SinkOptions): Promise<FilmSink> {
  if (format !== 'y4m') return new ContainerSink(new FfmpegWriter(ffmpeg, containerArguments(form, fps), output));
  const planes = planesOf(form.encoding);
  if (planes === null) {
    throw new CliError(`y4m has no ${form.encoding}: name the file .mp4, for which ffmpeg converts it`);
  }
  const writer = new Y4mWriter(planes, form.width, form.height, fractionOf(fps));
  const file = output === '-' ? null : await RawFile.open(output);
  const sink = new Y4mSink(writer, file === null ? printBytes : (bytes) => file.write(bytes), file);
  await sink.begin();
  return sink;
}

type Write = (bytes: Uint8Array) => Promise<boolean>;

/** A file that is written from the beginning. What goes wrong is said with its name. */
export class RawFile implements AsyncDisposable {
  readonly #path: string;
  readonly #file: FileHandle;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  static async open(path: string): Promise<RawFile> {
    return new RawFile(path, await explained(path, open(path, 'w')));
  }

  async write(bytes: Uint8Array): Promise<true> {
    for (let at = 0; at < bytes.byteLength; ) at += (await explained(this.#path, this.#file.write(bytes, at))).bytesWritten;
    return true;
  }

  close(): Promise<void> {
    return explained(this.#path, this.#file.close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

async function explained<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new CliError(`cannot write ${quoted(path)}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

class Y4mSink implements FilmSink {
  readonly #writer: Y4mWriter;
  readonly #write: Write;
  readonly #file: RawFile | null;

  constructor(writer: Y4mWriter, write: Write, file: RawFile | null) {
    this.#writer = writer;
    this.#write = write;
    this.#file = file;
  }

  begin(): Promise<boolean> {
    return this.#write(this.#writer.header);
  }

  write(picture: Uint8Array): Promise<boolean> {
    return this.#write(this.#writer.frame(picture));
  }

  async finish(): Promise<void> {
    await this.#file?.close();
  }
}

class ContainerSink implements FilmSink {
  readonly #writer: FfmpegWriter;

  constructor(writer: FfmpegWriter) {
    this.#writer = writer;
  }

  async write(picture: Uint8Array): Promise<boolean> {
    await this.#writer.write(picture);
    return true;
  }

  finish(): Promise<void> {
    return this.#writer.finish();
  }
}

/** Everything is BT.601 of limited range, as the yuv pools of cameras are taken to be, and the file says so. */
const COLOURS = ['-color_range', 'tv', '-colorspace', 'smpte170m', '-color_primaries', 'smpte170m', '-color_trc', 'smpte170m'];
/** 4:2:0 wants even sizes: a black row or column is added. */
const FILTER = 'pad=ceil(iw/2)*2:ceil(ih/2)*2,scale=out_color_matrix=bt601:out_range=limited';

function containerArguments({ encoding, width, height, packets }: FilmForm, fps: number): string[] {
  const rate = ['-framerate', fractionOf(fps).join('/')];
  if (packets !== null) {
    const input = ['-f', packets, ...rate, '-i', 'pipe:0'];
    const [frames, seconds] = fractionOf(fps);
    // Packets have no times of their own.
    const copied = ['-c', 'copy', '-bsf:v', `setts=ts=N*${seconds}/(${frames}*TB)`];
    return packets === 'h264' || packets === 'hevc' ? [...input, ...copied] : [...input, '-pix_fmt', 'yuv420p'];
  }
  const { ffmpeg } = encodings[encoding];
  return [
    ...['-f', 'rawvideo', '-pix_fmt', ffmpeg ?? 'gray', '-s', `${width}x${height}`, ...rate, '-i', 'pipe:0'],
    ...['-vf', FILTER, '-pix_fmt', 'yuv420p', ...COLOURS],
  ];
}
