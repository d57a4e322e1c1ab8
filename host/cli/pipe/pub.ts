// tensor-ipc pub: raw frames from the standard input into a pool.

import { fstatSync, read } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { isatty } from 'node:tty';
import { promisify } from 'node:util';
import { type Dtype, PoolMetadata, type Slot, TensorIpcError, TensorProducer } from '../../entry/main';
import { CliError, defineCommand, EXIT_OK, finiteNumber, UsageError, wholeNumber } from '../command';
import { Pace } from '../demo/pace';

const NAME = 'pub';
const STDIN = 0;
/** How long one try for a slot blocks the event loop, where signals wait to be heard. */
const WAIT_SLICE_MS = 100;
/** An input that somebody else made non-blocking is asked again after this long. */
const AGAIN_MS = 2;

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
  },
  examples: [
    [`${NAME} cam --shape 480,640,3 --dtype uint8 < frames.raw`, 'a file'],
    [`${NAME} cam --shape 480,640,3 --history 10 --fps 30 < frames.raw`, 'at its own pace, with history'],
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
    const metadata = await describe(name, shape, values.dtype ?? 'uint8', historyLen);
    if (isatty(STDIN)) throw new UsageError('the frames come from the standard input, which is a terminal: redirect it', NAME);
    return publish(metadata, fps, values.drop === true);
  },
});

function parseShape(text: string): number[] {
  const shape = text === '' ? [] : text.split(/[,x]/).map((extent) => (/^\d+$/.test(extent) ? Number(extent) : Number.NaN));
  if (shape.some((extent) => !(extent >= 1)))
    throw new UsageError(`--shape is like 480,640,3, found ${JSON.stringify(text)}`, NAME);
  return shape;
}

async function describe(name: string, shape: readonly number[], dtype: string, historyLen: number): Promise<PoolMetadata> {
  try {
    return new PoolMetadata({ name, fields: [{ name: 'data', dtype: dtype as Dtype, shape }], historyLen });
  } catch (error) {
    if (error instanceof TensorIpcError && error.code === 'INVALID_ARGUMENT') throw new UsageError(error.message, NAME);
    throw error;
  }
}

async function publish(metadata: PoolMetadata, fps: number | null, drop: boolean): Promise<number> {
  using producer = new TensorProducer(metadata, { onPinned: drop ? 'drop' : 'wait', waitTimeoutMs: WAIT_SLICE_MS });
  const pace = fps === null ? null : new Pace(fps, new AbortController().signal);
  const reader = new FrameReader();
  let frames = 0;
  for (;;) {
    using slot = await loan(producer);
    const { buffer, byteOffset, byteLength } = slot.data;
    const bytes = await reader.fill(new Uint8Array(buffer, byteOffset, byteLength));
    if (bytes < byteLength) {
      const { framesRefused } = producer.stats();
      const dropped = framesRefused === 0 ? '' : `, ${framesRefused} dropped`;
      process.stderr.write(`${metadata.name}: ${frames} frames published${dropped}\n`);
      if (bytes === 0) return EXIT_OK;
      throw new CliError(
        `the input ended inside a frame: ${bytes} of ${byteLength} bytes (${metadata}); are --shape and --dtype those of the input?`,
      );
    }
    await pace?.next();
    if (slot.commit() >= 0) frames += 1;
  }
}

/** A slot, however long a consumer is in the way. */
async function loan(producer: TensorProducer): Promise<Slot> {
  for (;;) {
    try {
      return producer.loan();
    } catch (error) {
      if (!(error instanceof TensorIpcError) || error.code !== 'PIN_TIMEOUT') throw error;
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
