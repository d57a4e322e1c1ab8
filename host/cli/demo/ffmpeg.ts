// Frames decoded by ffmpeg, read from its pipe straight into the slot.
//
// Node gives a child's output as a stream whose chunks would have to be copied together. Here the pipe is a named one: ffmpeg
// writes it as its standard output, and fs.read fills the slot's own bytes from it, without anything in between.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, read, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CliError } from '../command';
import { spawnError } from '../ffmpeg';
import type { Size, SourceRequest } from './messages';
import type { FrameSource } from './source';

const readInto = promisify(read);

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Lines of ffmpeg's that are kept to explain a failure. */
const KEPT_LINES = 20;

export interface FfmpegOptions {
  readonly program: string;
  readonly source: Exclude<SourceRequest, { kind: 'picture' }>;
  readonly frames: number | null;
  readonly size: Size | null;
  /** ffmpeg's name of the pixels. Default rgb24. */
  readonly pixels?: string;
  /** A file begins again at its end. */
  readonly loop?: boolean;
  /** Asked of a camera; a file is paced by the reader. */
  readonly fps: number | null;
}

/** What ffmpeg says about its output before it starts. Asked of ffmpeg and not of ffprobe: it knows about rotation and scaling. */
interface OutputInfo extends Size {
  readonly fps: number | null;
  readonly durationSeconds: number | null;
}

/** Starts ffmpeg, and returns when it has said what it will deliver. */
export async function openFfmpeg(options: FfmpegOptions): Promise<FrameSource> {
  const pipe = makePipe();
  let child: ChildProcess;
  try {
    // In a session of its own: Ctrl-C at the terminal is for the demo, which then ends ffmpeg itself.
    child = spawn(options.program, ffmpegArguments(options), { stdio: ['ignore', pipe.writeFd, 'pipe'], detached: true });
  } finally {
    // With the writing end in ffmpeg's hands only, its end is the end of the file.
    closeSync(pipe.writeFd);
  }
  const log = new FfmpegLog();
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', (code) => resolve(code));
    child.once('error', () => resolve(null));
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => log.take(text));
  // Later it ends when nobody reads its pipe any more. Until it writes it would stay: a source on a network may take minutes.
  const ends = SIGNALS.map((signal) => {
    const end = () => {
      child.kill('SIGKILL');
      if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
    };
    process.once(signal, end);
    return () => process.removeListener(signal, end);
  });
  try {
    const failed = new Promise<never>((_, reject) => {
      child.once('error', (error: NodeJS.ErrnoException) => reject(spawnError(options.program, error)));
      ended.then(() => reject(new CliError(`ffmpeg cannot read ${options.source.path}: ${log.reason()}`)));
    });
    const info = await Promise.race([log.output, failed]);
    return new FfmpegSource(child, pipe.readFd, log, ended, info, options.source);
  } catch (error) {
    child.kill('SIGKILL');
    closeSync(pipe.readFd);
    throw error;
  } finally {
    for (const forget of ends) forget();
  }
}

function ffmpegArguments({ source, frames, size, fps, pixels = 'rgb24', loop = false }: FfmpegOptions): string[] {
  const wanted = size === null ? null : `${size.width}x${size.height}`;
  const device = source.kind === 'device';
  return [
    ...['-hide_banner', '-nostdin', '-nostats', '-loglevel', 'info'],
    ...(device ? ['-f', 'v4l2', ...(fps === null ? [] : ['-framerate', String(fps)])] : []),
    ...(device && wanted !== null ? ['-video_size', wanted] : []),
    ...(loop ? ['-stream_loop', '-1'] : []),
    // Without "file:", a colon in a file's name would be taken for the end of a protocol's.
    ...['-i', device || source.path.includes('://') ? source.path : `file:${source.path}`, '-map', '0:v:0'],
    ...(!device && size !== null ? ['-vf', `scale=${size.width}:${size.height}`] : []),
    ...(frames === null ? [] : ['-frames:v', String(frames)]),
    ...['-f', 'rawvideo', '-pix_fmt', pixels, 'pipe:1'],
  ];
}

/** A pipe whose ends are plain blocking descriptors. Its name is gone before anybody sees it. */
function makePipe(): { readFd: number; writeFd: number } {
  const folder = mkdtempSync(join(tmpdir(), 'tensor-ipc-'));
  try {
    const path = join(folder, 'frames');
    execFileSync('mkfifo', ['-m', '600', path]);
    // Opening an end waits for the other, unless it is the reading one and says O_NONBLOCK. A read through that one would not
    // wait either, so it only holds the door open.
    const door = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const writeFd = openSync(path, constants.O_WRONLY);
    const readFd = openSync(path, constants.O_RDONLY);
    closeSync(door);
    return { readFd, writeFd };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Reads what ffmpeg tells on its standard error. */
export class FfmpegLog {
  /** Resolves once the output is known. */
  readonly output: Promise<OutputInfo>;
  readonly #lines: string[] = [];
  #resolve: (info: OutputInfo) => void = () => {};
  #rest = '';
  #inOutput = false;
  #durationSeconds: number | null = null;

  constructor() {
    this.output = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  take(text: string): void {
    const lines = (this.#rest + text).split(/[\r\n]+/);
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#line(line);
  }

  #line(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > KEPT_LINES) this.#lines.shift();
    const duration = line.match(/^\s+Duration: (\d+):(\d+):([\d.]+)/);
    if (duration !== null) {
      this.#durationSeconds = Number(duration[1]) * 3600 + Number(duration[2]) * 60 + Number(duration[3]);
    }
    if (line.startsWith('Output #0')) this.#inOutput = true;
    // "Stream #0:0: Video: rawvideo (…), rgb24(…), 768x576 [SAR 1:1 DAR 4:3], q=2-31, 106168 kb/s, 29.97 fps, 29.97 tbn"
    const size = this.#inOutput ? line.match(/: Video: rawvideo.*?, (\d+)x(\d+)(?=[\s,])/) : null;
    if (size === null) return;
    const fps = line.match(/, ([\d.]+)(k?) fps/);
    this.#resolve({
      width: Number(size[1]),
      height: Number(size[2]),
      fps: fps === null ? null : Number(fps[1]) * (fps[2] === 'k' ? 1000 : 1),
      durationSeconds: this.#durationSeconds,
    });
  }

  /** The last thing it said. */
  reason(): string {
    const lines = [...this.#lines, this.#rest].map((line) => line.trim()).filter((line) => line !== '');
    return lines.at(-1) ?? 'it gave no reason';
  }
}

class FfmpegSource implements FrameSource {
  readonly width: number;
  readonly height: number;
  readonly fps: number | null;
  readonly live: boolean;
  readonly frames: number | null;
  readonly limit = null;
  readonly description: string;
  readonly #child: ChildProcess;
  readonly #fd: number;
  readonly #log: FfmpegLog;
  readonly #ended: Promise<number | null>;
  #reading: Promise<boolean> = Promise.resolve(false);
  #stopped = false;

  constructor(
    child: ChildProcess,
    fd: number,
    log: FfmpegLog,
    ended: Promise<number | null>,
    info: OutputInfo,
    source: FfmpegOptions['source'],
  ) {
    this.#child = child;
    this.#fd = fd;
    this.#log = log;
    this.#ended = ended;
    this.width = info.width;
    this.height = info.height;
    this.fps = info.fps;
    this.live = source.kind === 'device';
    this.frames =
      this.live || info.durationSeconds === null || info.fps === null ? null : Math.round(info.durationSeconds * info.fps);
    this.description = source.path;
  }

  fill(into: Uint8Array): Promise<boolean> {
    this.#reading = this.#read(into);
    return this.#reading;
  }

  async #read(into: Uint8Array): Promise<boolean> {
    for (let at = 0; at < into.byteLength; ) {
      const { bytesRead } = await readInto(this.#fd, into, at, into.byteLength - at, null);
      if (bytesRead === 0) {
        const code = await this.#ended;
        if (!this.#stopped && code !== 0) throw new CliError(`ffmpeg ended with code ${code}: ${this.#log.reason()}`);
        return false;
      }
      at += bytesRead;
    }
    return true;
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    // It writes to nothing but the pipe. Asked politely, it would first wait for its last frame to be read.
    this.#child.kill('SIGKILL');
  }

  async close(): Promise<void> {
    this.stop();
    // The descriptor must not be closed, and reused, under a read.
    await Promise.allSettled([this.#reading, this.#ended]);
    closeSync(this.#fd);
  }
}
