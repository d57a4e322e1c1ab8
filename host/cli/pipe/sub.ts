// tensor-ipc sub: the frames of a pool, raw or as a film, to a file or the standard output.

import { TensorConsumer } from '../../entry/main';
import { defineCommand, EXIT_OK, finiteNumber, UsageError, wholeNumber } from '../command';
import { FFMPEG_OPTION } from '../ffmpeg';
import { record } from '../film/record';
import { FORMATS, type Format, formatOf, RawFile } from '../film/sink';
import { note, printBytes } from '../output';
import { FIELD_OPTION } from '../read/field';
import { framesOf, onePool, TRUST_OPTION, trustOf } from '../read/frames';
import { Interrupt } from '../read/interrupt';
import { LIMIT_OPTIONS, limitsOf } from '../snapshot/limits';
import { WIRE_OPTIONS, wireFor } from '../wire/options';
import { LENGTH_BYTES } from './packets';

const NAME = 'sub';

export const subCommand = defineCommand({
  name: NAME,
  summary: 'Write the frames of a pool to the standard output, or as a film to a file.',
  usage: 'NAME',
  details:
    'Raw frames are the bytes of their tensors as they lie in the pool: row-major,\n' +
    'little-endian, nothing in between. One of varying length is as long as it is; --framed\n' +
    'says how long, for what is not told apart by its own form. --output film.mp4 (or .mov,\n' +
    '.mkv, with ffmpeg) and film.y4m record pictures; the file is complete when the producer\n' +
    'ends, at Ctrl-C and after --count frames. Waits for the pool if there is none yet, and\n' +
    'ends with its producer: code 0 if that closed the pool, 1 if it died. When the output\n' +
    'is slow, frames are skipped, or with --all the producer waits.',
  options: {
    output: { type: 'string', value: 'FILE', help: 'Where to: FILE.mp4, FILE.y4m, another file for raw frames, or - (default).' },
    format: {
      type: 'string',
      value: 'FORMAT',
      choices: FORMATS,
      help: `What to write: ${FORMATS.join(', ')}. Default: by the ending of --output.`,
    },
    field: { ...FIELD_OPTION, help: 'Of a film: the tensor to record. Default: the first that is a picture.' },
    fps: { type: 'string', value: 'N', help: 'Of a film: frames a second. Default: as stated by the producer, or measured.' },
    ...LIMIT_OPTIONS,
    ffmpeg: FFMPEG_OPTION,
    count: { type: 'string', value: 'N', help: 'End after so many frames.' },
    latest: { type: 'boolean', help: 'The newest frame whenever the output has room (default).' },
    all: { type: 'boolean', help: 'Every frame in order, none skipped, from the oldest that is still in the ring.' },
    framed: { type: 'boolean', help: 'Before each frame 4 bytes, little-endian: how many bytes it has.' },
    timeout: { type: 'string', value: 'MS', help: 'Wait so long for each frame. Default: for ever.' },
    trust: TRUST_OPTION,
    ...WIRE_OPTIONS,
  },
  examples: [
    [`${NAME} cam --count 1 > frame.raw`, 'the latest frame'],
    [
      `${NAME} cloud --all --framed | tensor-ipc pub copy --shape 1,3 --max-length 300000 --dtype float32`,
      'frames of varying length',
    ],
    [`${NAME} cam --output film.mp4`, 'a film, until Ctrl-C'],
    [`${NAME} cam --format y4m | mpv -`, 'to another program'],
    [`${NAME} cam --all | ffmpeg -f rawvideo -pix_fmt rgb24 -s 640x480 -i - film.mp4`, 'a film of every frame'],
  ],
  async run(values, positionals) {
    const name = onePool(NAME, positionals);
    if (values.latest && values.all) throw new UsageError('--latest or --all, not both', NAME);
    const count = wholeNumber(NAME, 'count', values.count, 1, 2 ** 31) ?? Infinity;
    const timeoutMs = wholeNumber(NAME, 'timeout', values.timeout, 0, 2 ** 31 - 1);
    const trust = trustOf(NAME, values.trust);
    const output = values.output ?? '-';
    const format = formatFor(values.format, output);
    if (output === '-' && process.stdout.isTTY)
      throw new UsageError('frames are binary, and the standard output is a terminal: redirect it', NAME);

    const wire = wireFor(NAME, name, values);
    if (values.all && wire.wire === 'tensor-ipc') {
      throw new UsageError(
        `pool '${name}' is the Python package's, whose producers do not wait: --all is for native pools`,
        NAME,
      );
    }

    const delivery = values.all ? ({ delivery: 'all', from: 'oldest' } as const) : {};
    const options = { trust, ...wire, ...delivery };
    if (format !== 'raw') {
      if (values.framed) throw new UsageError('--framed is of raw frames: a film has its own form', NAME);
      const limits = limitsOf(NAME, values);
      const fps = finiteNumber(NAME, 'fps', values.fps);
      if (fps !== undefined && fps <= 0) throw new UsageError(`--fps is above 0, found ${fps}`, NAME);
      const ffmpeg = values.ffmpeg ?? 'ffmpeg';
      await record(name, options, { output, format, ffmpeg, limits, fps, field: values.field, count, timeoutMs });
      return EXIT_OK;
    }
    const film = FILM_OPTIONS.find((option) => values[option] !== undefined);
    if (film !== undefined) throw new UsageError(`--${film} is of films: name the file .y4m or .mp4, or say --format y4m`, NAME);
    await using file = output === '-' ? null : await RawFile.open(output);
    const write = file === null ? printBytes : (bytes: Uint8Array) => file.write(bytes);
    using interrupt = file === null ? null : new Interrupt();
    using consumer = TensorConsumer.attach(name, options);
    let frames = 0;
    for await (const { frame } of framesOf(consumer, { timeoutMs, ...(interrupt && { signal: interrupt.signal }) })) {
      const { data } = frame;
      // One frame is on its way at a time: a slow reader slows us.
      if (values.framed && !(await write(lengthOf(data.byteLength)))) return EXIT_OK;
      if (!(await write(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)))) return EXIT_OK;
      frames += 1;
      if (frames >= count) break;
    }
    if (file !== null) note(`${output}: ${frames} frames`);
    return EXIT_OK;
  },
});

/** Options that mean nothing to raw frames. */
const FILM_OPTIONS = ['field', 'fps', 'range', 'min', 'max', 'color-map'] as const;

function formatFor(said: string | undefined, output: string): Format {
  const format = said === undefined ? formatOf(output) : FORMATS.find((candidate) => candidate === said);
  if (format === undefined) throw new UsageError(`--format is one of ${FORMATS.join(', ')}, found '${said}'`, NAME);
  if (output === '-' && format !== 'raw' && format !== 'y4m') {
    throw new UsageError(`${format} is a file that is completed at its end: name it with --output, or pipe --format y4m`, NAME);
  }
  return format;
}

function lengthOf(bytes: number): Uint8Array {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32LE(bytes);
  return length;
}
