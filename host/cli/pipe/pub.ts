// tensor-ipc pub: raw frames from the standard input into a pool.

import { fstatSync, read } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { isatty } from 'node:tty';
import { promisify } from 'node:util';
import {
  type Backend,
  type Dtype,
  PoolMetadata,
  type Slot,
  TensorIpcError,
  TensorProducer,
  type WireOptions,
} from '../../entry/main';
import { CliError, defineCommand, EXIT_OK, finiteNumber, UsageError, wholeNumber } from '../command';
import { Pace } from '../demo/pace';
import { note } from '../output';
import { MAKE_OPTIONS, saidWire } from '../wire/options';

const NAME = 'pub';
const STDIN = 0;
/** How long one try for a slot blocks the event loop, where signals wait to be heard. */
const WAIT_SLICE_MS = 100;
/** An input that somebody else made non-blocking is asked again after this long. */
const AGAIN_MS = 2;

/** A lock that is not free after so many tries is worth a line. */
const LOCK_TRIES = 20;
const BACKENDS: readonly Backend[] = ['numpy', 'torch'];

const readInto = promisify(read);

export const pubCommand = defineCommand({
  name: NAME,
  summary: 'Publish raw frames from the standard input.',
  usage: 'NAME',
  details:
    'Each frame is the bytes of one tensor: row-major, little-endian, nothing in between. They are read straight into the\n' +
    'slot. When a consumer is in the way (a view, or one that takes all frames), the input waits. The pool is closed at the\n' +
    'end of the input. From a film:\n\n' +
    '  ffmpeg -i film.mp4 -f rawvideo -pix_fmt rgb24 -s 640x480 - | tensor-ipc pub cam --shape 480,640,3',
  options: {
    shape: { type: 'string', value: 'N,N,…', help: 'Shape of a frame, such as 480,640,3.' },
    dtype: { type: 'string', value: 'TYPE', help: 'Element type: uint8 (default), float32, …' },
    history: { type: 'string', value: 'N', help: 'Frames of history that consumers may ask for. Default 1.' },
    fps: { type: 'string', value: 'N', help: 'Publish at this rate. Default: as fast as the frames come.' },
    drop: { type: 'boolean', help: 'Drop a frame rather than wait for a consumer.' },
    ...MAKE_OPTIONS,
    backend: { type: 'string', value: 'NAME', help: "What Python readers take: 'numpy' (default) or 'torch'." },
  },
  examples: [
    [`${NAME} cam --shape 480,640,3 --dtype uint8 < frames.raw`, 'a file'],
    [`${NAME} cam --shape 480,640,3 --history 10 --fps 30 < frames.raw`, 'at its own pace, with history'],
    [`${NAME} arm --shape 7 --dtype float32 --wire tensor-ipc --backend torch < states.raw`, 'for Python readers'],
  ],
  async run(values, [name, ...more]) {
    if (name === undefined) throw new UsageError(`no pool given: tensor-ipc ${NAME} NAME --shape 480,640,3`, NAME);
    if (more.length > 0) throw new UsageError(`one pool, found also ${more.join(' ')}`, NAME);
    if (values.shape === undefined) throw new UsageError(`no shape given: tensor-ipc ${NAME} ${name} --shape 480,640,3`, NAME);
    const shape = parseShape(values.shape);
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
    const metadata = describe(name, shape, values.dtype ?? 'uint8', historyLen, backend);
    if (isatty(STDIN)) throw new UsageError('the frames come from the standard input, which is a terminal: redirect it', NAME);
    return publish(metadata, fps, values.drop === true, wire);
  },
});

function parseShape(text: string): number[] {
  const shape = text === '' ? [] : text.split(/[,x]/).map((extent) => (/^\d+$/.test(extent) ? Number(extent) : Number.NaN));
  if (shape.some((extent) => !(extent >= 1)))
    throw new UsageError(`--shape is like 480,640,3, found ${JSON.stringify(text)}`, NAME);
  return shape;
}

function describe(name: string, shape: readonly number[], dtype: string, historyLen: number, backend: Backend): PoolMetadata {
  try {
    return new PoolMetadata({ name, fields: [{ name: 'data', dtype: dtype as Dtype, shape }], historyLen, backend });
  } catch (error) {
    if (error instanceof TensorIpcError && error.code === 'INVALID_ARGUMENT') throw new UsageError(error.message, NAME);
    throw error;
  }
}

async function publish(metadata: PoolMetadata, fps: number | null, drop: boolean, wire: WireOptions): Promise<number> {
  // Locks that a dead reader left are freed where nobody else is there.
  const repair = wire.wire === 'tensor-ipc';
  using producer = new TensorProducer(metadata, {
    ...wire,
    repair,
    onPinned: drop ? 'drop' : 'wait',
    waitTimeoutMs: WAIT_SLICE_MS,
  });
  const pace = fps === null ? null : new Pace(fps, new AbortController().signal);
  const reader = new FrameReader();
  // On the Python wire a loan is a lock that readers of the slot's last frame wait for: not to be held while the input is waited for.
  const scratch = wire.wire === 'tensor-ipc' ? new Uint8Array(metadata.frameBytes) : null;
  let frames = 0;
  for (;;) {
    using early = scratch === null ? await loan(producer) : null;
    const into = early === null ? (scratch as Uint8Array) : bytesOf(early);
    const bytes = await reader.fill(into);
    if (bytes < into.byteLength) return over(producer, frames, bytes);
    await pace?.next();
    using slot = early ?? (await loan(producer));
    if (scratch !== null) bytesOf(slot).set(scratch);
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
    `the input ended inside a frame: ${bytes} of ${metadata.frameBytes} bytes (${metadata}); are --shape and --dtype those of the input?`,
  );
}

/** A slot, however long a consumer is in the way. */
async function loan(producer: TensorProducer): Promise<Slot> {
  for (let tries = 1; ; tries++) {
    try {
      return producer.loan();
    } catch (error) {
      if (!(error instanceof TensorIpcError) || !['PIN_TIMEOUT', 'LOCK_TIMEOUT'].includes(error.code)) throw error;
      // A reader of the Python wire that is dead does not go away by itself.
      if (error.code === 'LOCK_TIMEOUT' && tries === LOCK_TRIES) note(`still waiting: ${error.message}`);
      // A turn of the event loop: a signal may want to end us.
      await setTimeout(0);
    }
  }
}

class FrameReader {
  // A position of null reads on from where the file is, and pipes know no other.
  readonly #isFile = fstatSync(STDIN).isFile();

  /** Reads until the frame is full or the input ends: the bytes read. */
  async fill(frame: Uint8Array): Promise<number> {
    let done = 0;
    while (done < frame.byteLength) {
      try {
        const { bytesRead } = await readInto(STDIN, frame, done, frame.byteLength - done, null);
        if (bytesRead === 0) break;
        done += bytesRead;
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code;
        if (code === 'EOF') break;
        if (code !== 'EAGAIN' || this.#isFile) throw error;
        await setTimeout(AGAIN_MS);
      }
    }
    return done;
  }
}
