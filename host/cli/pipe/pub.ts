// tensor-ipc pub: frames from the standard input or a file into a pool.

import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { isatty } from 'node:tty';
import { DTYPE_NAMES, isEncoding, quoted } from '../../entry/inspection';
import {
  type Attributes,
  type Backend,
  type Dtype,
  type Encoding,
  encodings,
  type FieldMetadata,
  type LoanOptions,
  PoolMetadata,
  type PoolMetadataInit,
  type Slot,
  TensorIpcError,
  TensorProducer,
  type WireOptions,
} from '../../entry/main';
import { CliError, defineCommand, EXIT_OK, finiteNumber, UsageError, wholeNumber } from '../command';
import { Pace } from '../demo/pace';
import { FFMPEG_OPTION } from '../ffmpeg';
import { note } from '../output';
import { BACKEND_OPTION, MAKE_OPTIONS, saidWire } from '../wire/options';
import { Input } from './input';
import { type Media, openMedia } from './media';
import { FRAMINGS, type Framing, PacketReader } from './packets';
import { leftOver } from './stream';

const NAME = 'pub';
const STDIN = 0;
/** How long one try for a slot blocks the event loop, where signals wait to be heard. */
const WAIT_SLICE_MS = 100;
/** A lock that is not free after so many tries is worth a line. */
const LOCK_TRIES = 20;
const BACKENDS: readonly Backend[] = ['numpy', 'torch'];

export const pubCommand = defineCommand({
  name: NAME,
  summary: 'Publish frames from the standard input, a film or a camera.',
  usage: 'NAME',
  details:
    '--input film.mp4 (or a camera, /dev/video0) is decoded by ffmpeg; size and rate are\n' +
    'those of the film. A y4m stream states both, too. Of raw input each frame is the bytes\n' +
    'of one tensor of --shape: row-major, little-endian, nothing in between. Frames are read\n' +
    'straight into the slot. When a consumer is in the way (a view, or one that takes all\n' +
    'frames), the input waits. The pool is closed at the end of the input.\n\n' +
    'With --max-length frames are of varying length. JPEG and PNG images, and H.264 and\n' +
    'H.265 with access unit delimiters, are told apart by their own form; before any other\n' +
    'frame stand 4 bytes, little-endian: how many bytes it has, as "tensor-ipc sub --framed"\n' +
    'writes them.',
  options: {
    input: { type: 'string', value: 'FILE', help: 'A film, a camera, a y4m stream, or raw frames of --shape. Default: -' },
    loop: { type: 'boolean', help: 'Begin a film again at its end.' },
    ffmpeg: FFMPEG_OPTION,
    shape: { type: 'string', value: 'N,N,…', help: 'Shape of a frame, such as 480,640,3.' },
    dtype: {
      type: 'string',
      value: 'TYPE',
      choices: DTYPE_NAMES,
      help: 'Element type: uint8, float32, … Default: that of --encoding, or uint8.',
    },
    'max-length': { type: 'string', value: 'N', help: 'Frames of varying length: the most that the first axis can be.' },
    framing: {
      type: 'string',
      value: 'HOW',
      choices: FRAMINGS,
      help: `How those follow one another: ${FRAMINGS.join(', ')}. Default: by --encoding.`,
    },
    encoding: {
      type: 'string',
      value: 'NAME',
      choices: Object.keys(encodings),
      help: 'What the elements mean: rgb8, bgr8, depth16u, jpeg, xyz, …',
    },
    unit: { type: 'string', value: 'TEXT', help: 'Unit of the elements, such as m.' },
    'frame-id': { type: 'string', value: 'TEXT', help: 'Coordinate frame of the elements, such as camera_optical.' },
    attributes: { type: 'string', value: 'FILE', help: 'A JSON object that goes with the pool: calibration, mounting.' },
    history: { type: 'string', value: 'N', help: 'Frames of history that consumers may ask for. Default 1.' },
    fps: { type: 'string', value: 'N', help: 'Publish at this rate. Default: as fast as the frames come.' },
    drop: { type: 'boolean', help: 'Drop a frame rather than wait for a consumer.' },
    ...MAKE_OPTIONS,
    backend: BACKEND_OPTION,
  },
  examples: [
    [`${NAME} cam --input film.mp4 --history 10`, 'a film, at its own rate'],
    [`${NAME} cam --shape 480,640,3 --dtype uint8 < frames.raw`, 'a file'],
    [`${NAME} cam --shape 480,640,3 --history 10 --fps 30 < frames.raw`, 'at its own pace, with history'],
    [`${NAME} cam --encoding jpeg --max-length 500000 < film.mjpeg`, 'JPEG images'],
    [`${NAME} arm --shape 7 --dtype float32 --wire tensor-ipc --backend torch < states.raw`, 'for Python readers'],
  ],
  async run(values, [name, ...more]) {
    if (name === undefined) throw new UsageError(`no pool given: tensor-ipc ${NAME} NAME --shape 480,640,3`, NAME);
    if (more.length > 0) throw new UsageError(`one pool, found also ${more.join(' ')}`, NAME);
    const maxLength = wholeNumber(NAME, 'max-length', values['max-length'], 1, 2 ** 32 - 1);
    const path = values.input === '-' ? undefined : values.input;
    const stated = values.shape === undefined && maxLength === undefined;
    if (values.loop && (!stated || path === undefined)) throw new UsageError('--loop is of films: name one with --input', NAME);
    const given = values.shape === undefined ? [1] : parseShape(values.shape);
    const framing = framingOf(values.framing, values.encoding, maxLength);
    const historyLen = wholeNumber(NAME, 'history', values.history, 1, 2 ** 20) ?? 1;
    const fps = finiteNumber(NAME, 'fps', values.fps) ?? null;
    if (fps !== null && fps <= 0) throw new UsageError(`--fps is above 0, found ${fps}`, NAME);
    // What PoolMetadata refuses is an argument of ours.
    const wire = saidWire(NAME, values) ?? { wire: 'native', domainId: 0 };
    const backend = BACKENDS.find((candidate) => candidate === (values.backend ?? 'numpy'));
    if (backend === undefined) throw new UsageError(`--backend is 'numpy' or 'torch', found '${values.backend}'`, NAME);
    if (values.backend !== undefined && wire.wire === 'native') {
      throw new UsageError('--backend is of the Python package: say also --wire tensor-ipc', NAME);
    }
    if (path === undefined && isatty(STDIN)) {
      throw new UsageError(
        'the frames come from the standard input, which is a terminal: redirect it, or name a file with --input',
        NAME,
      );
    }
    const { encoding, loop = false, ffmpeg = 'ffmpeg' } = values;
    await using media = stated ? await openMedia({ path, encoding, loop, ffmpeg }) : null;
    if (stated && media === null) throw new UsageError(`no shape given: tensor-ipc ${NAME} ${name} --shape 480,640,3`, NAME);
    const field = {
      name: 'data',
      // PoolMetadata refuses those that it does not know.
      dtype: (values.dtype ?? dtypeOf(media?.encoding ?? encoding)) as Dtype,
      shape: media?.shape ?? given,
      maxLength,
      encoding: media?.encoding ?? (encoding as Encoding | undefined),
      unit: values.unit,
      frameId: values['frame-id'],
    };
    const attributes = values.attributes === undefined ? undefined : readAttributes(values.attributes);
    const metadata = describe({ name, fields: [field], historyLen, backend, attributes });
    using input = media === null ? new Input(path) : null;
    const bytes = framing === null ? (input?.remaining ?? 0) : 0;
    if (bytes % metadata.frameBytes !== 0) {
      throw new CliError(leftOver(bytes, metadata.frameBytes, metadata.shape, metadata.dtype));
    }
    const source = media ?? (input as Input);
    const packets = framing === null || input === null ? null : new PacketReader(input, framing, metadata.frameBytes);
    return await publish(metadata, source, packets, fps ?? media?.fps ?? null, values.drop === true, wire);
  },
});

/** What the elements of an encoding are stored as. */
function dtypeOf(encoding: string | undefined): Dtype {
  return encoding !== undefined && isEncoding(encoding) ? (encodings[encoding].dtypes[0] ?? 'uint8') : 'uint8';
}

function parseShape(text: string): number[] {
  const shape = text === '' ? [] : text.split(/[,x]/).map((extent) => (/^\d+$/.test(extent) ? Number(extent) : Number.NaN));
  if (shape.some((extent) => !(extent >= 1)))
    throw new UsageError(`--shape is like 480,640,3, found ${JSON.stringify(text)}`, NAME);
  return shape;
}

function describe(init: PoolMetadataInit): PoolMetadata {
  try {
    return new PoolMetadata(init);
  } catch (error) {
    const usage = ['INVALID_ARGUMENT', 'SHAPE_MISMATCH', 'DTYPE_MISMATCH'];
    if (error instanceof TensorIpcError && usage.includes(error.code)) throw new UsageError(error.message, NAME);
    throw error;
  }
}

/** How frames of varying length are told apart; null where all are of one length. */
function framingOf(said: string | undefined, encoding: string | undefined, maxLength: number | undefined): Framing | null {
  if (maxLength === undefined) {
    if (said !== undefined) throw new UsageError('--framing is of frames of varying length: say also --max-length', NAME);
    return null;
  }
  const framing = FRAMINGS.find((candidate) => candidate === (said ?? encoding)) ?? (said === undefined ? 'length' : null);
  if (framing === null) throw new UsageError(`--framing is one of ${FRAMINGS.join(', ')}, found '${said}'`, NAME);
  return framing;
}

function readAttributes(path: string): Attributes {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Attributes;
  } catch (error) {
    throw new CliError(`--attributes ${quoted(path)}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function publish(
  metadata: PoolMetadata,
  source: Pick<Media, 'fill'>,
  packets: PacketReader | null,
  fps: number | null,
  drop: boolean,
  wire: WireOptions,
): Promise<number> {
  // Locks that a dead reader left are freed where nobody else is there.
  const repair = wire.wire === 'tensor-ipc';
  using producer = new TensorProducer(metadata, {
    ...wire,
    repair,
    onPinned: drop ? 'drop' : 'wait',
    waitTimeoutMs: WAIT_SLICE_MS,
    // Who looks can tell that it is late.
    ...(fps !== null && wire.wire === 'native' && { periodMs: 1000 / fps }),
  });
  const pace = fps === null ? null : new Pace(fps, new AbortController().signal);
  if (packets !== null) return await publishPackets(producer, packets, pace);
  // On the Python wire a loan is a lock that readers of the slot's last frame wait for: not to be held while the input is waited for.
  const scratch = wire.wire === 'tensor-ipc' ? new Uint8Array(metadata.frameBytes) : null;
  let frames = 0;
  for (;;) {
    using early = scratch === null ? await loan(producer) : null;
    const into = early === null ? (scratch as Uint8Array) : bytesOf(early);
    const bytes = await source.fill(into);
    if (bytes < into.byteLength) return over(producer, frames, bytes);
    await pace?.next();
    using slot = early ?? (await loan(producer));
    if (scratch !== null) bytesOf(slot).set(scratch);
    if (slot.commit() >= 0) frames += 1;
  }
}

/** Frames of varying length, each as long as it is. */
async function publishPackets(producer: TensorProducer, reader: PacketReader, pace: Pace | null): Promise<number> {
  const { fields, frameBytes } = producer.metadata;
  const { maxLength = 1 } = fields[0] as FieldMetadata;
  const rowBytes = frameBytes / maxLength;
  let frames = 0;
  for (;;) {
    const bytes = await reader.next();
    if (bytes === null) return over(producer, frames, 0);
    if (bytes.byteLength % rowBytes !== 0) {
      throw new CliError(
        `a frame of ${bytes.byteLength} bytes is no multiple of ${rowBytes}, the bytes of one of its ${producer.metadata}`,
      );
    }
    await pace?.next();
    using slot = await loan(producer, { length: bytes.byteLength / rowBytes });
    bytesOf(slot).set(bytes);
    if (slot.commit() >= 0) frames += 1;
  }
}

function bytesOf({ data: { buffer, byteOffset, byteLength } }: Slot): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** The end of the input, after some bytes of a frame. */
function over(producer: TensorProducer, frames: number, bytes: number): number {
  const { metadata } = producer;
  const { framesRefused } = producer.stats();
  const dropped = framesRefused === 0 ? '' : `, ${framesRefused} dropped`;
  note(`${metadata.name}: ${frames} frames published${dropped}`);
  if (bytes === 0) return EXIT_OK;
  throw new CliError(
    `the input ended inside a frame: ${bytes} of ${metadata.frameBytes} bytes (${metadata}); ` +
      leftOver((frames + framesRefused) * metadata.frameBytes + bytes, metadata.frameBytes, metadata.shape, metadata.dtype),
  );
}

/** A slot, however long a consumer is in the way. */
async function loan(producer: TensorProducer, options: LoanOptions = {}): Promise<Slot> {
  for (let tries = 1; ; tries++) {
    try {
      return producer.loan(options);
    } catch (error) {
      if (!(error instanceof TensorIpcError) || !['PIN_TIMEOUT', 'LOCK_TIMEOUT'].includes(error.code)) throw error;
      // A reader of the Python wire that is dead does not go away by itself.
      if (error.code === 'LOCK_TIMEOUT' && tries === LOCK_TRIES) note(`still waiting: ${error.message}`);
      // A turn of the event loop: a signal may want to end us.
      await setTimeout(0);
    }
  }
}
