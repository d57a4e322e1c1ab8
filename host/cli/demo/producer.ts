// The demo's producer process: decodes or draws into loaned slots and commits them on time.

import { TensorProducer } from '../../entry/main';
import { NoFfmpegError } from '../ffmpeg';
import type { Channel } from './channel';
import { openFfmpeg } from './ffmpeg';
import { demoMetadata, type FromProducer, type ProducerConfig, type Rate, type ToProducer } from './messages';
import { Pace } from './pace';
import { PICTURE_SIZE, pictureSource } from './picture';
import type { FrameSource } from './source';

/** At most so often the parent hears how far it is. */
const PROGRESS_INTERVAL_MS = 100;

export async function runProducer(config: ProducerConfig, channel: Channel<ToProducer, FromProducer>): Promise<void> {
  const { source, notice } = await openSource(config);
  const stop = new AbortController();
  const started = new Gate();
  const closed = new Gate();
  const handle = ({ type }: ToProducer) => {
    if (type !== 'start') {
      stop.abort();
      source.stop();
    }
    started.open();
    if (type === 'close') closed.open();
  };
  channel.listen(handle);
  channel.orphaned.addEventListener('abort', () => handle({ type: 'close' }));
  try {
    using producer = new TensorProducer(demoMetadata(config.pool, source));
    const fps = paceOf(config.rate, source);
    const frames = expectedFrames(config, source);
    const { width, height } = source;
    const { nextSequence: firstSequence } = producer;
    channel.send({ type: 'ready', width, height, firstSequence, fps, frames, source: source.description, notice });
    await started.opened;
    const startMs = performance.now();
    const count = await stream(producer as TensorProducer<Uint8Array>, source, {
      limit: config.frames ?? source.limit,
      pace: new Pace(fps, stop.signal),
      signal: stop.signal,
      onProgress: (done) => channel.send({ type: 'progress', frames: done }),
    });
    channel.send({ type: 'done', frames: count, seconds: (performance.now() - startMs) / 1000 });
    await closed.opened;
  } finally {
    await source.close();
  }
}

async function openSource(config: ProducerConfig): Promise<{ source: FrameSource; notice: string | null }> {
  const { source, frames, size, ffmpeg, rate } = config;
  const picture = () => pictureSource(size ?? PICTURE_SIZE);
  if (source.kind === 'picture') return { source: picture(), notice: null };
  try {
    const fps = typeof rate === 'number' ? rate : null;
    return { source: await openFfmpeg({ program: ffmpeg, source, frames, size, fps }), notice: null };
  } catch (error) {
    if (!(error instanceof NoFfmpegError)) throw error;
    return { source: picture(), notice: `${error.message}; until then, here is a generated picture` };
  }
}

/** How many frames will come, as far as it is known. */
function expectedFrames({ frames }: ProducerConfig, source: FrameSource): number | null {
  if (frames === null) return source.frames;
  // What ends by itself may end sooner; a picture is drawn as often as is asked.
  return source.limit === null && source.frames !== null ? Math.min(frames, source.frames) : frames;
}

/** Frames a second to keep to, or null where nothing is to be kept to. */
function paceOf(rate: Rate, source: FrameSource): number | null {
  if (rate === 'max' || source.live) return null;
  return rate === 'own' ? source.fps : rate;
}

interface StreamOptions {
  readonly limit: number | null;
  readonly pace: Pace;
  readonly signal: AbortSignal;
  readonly onProgress: (frames: number) => void;
}

/** Publishes frames until there are no more: how many they were. */
async function stream(producer: TensorProducer<Uint8Array>, source: FrameSource, options: StreamOptions): Promise<number> {
  const { limit, pace, signal, onProgress } = options;
  let count = 0;
  let toldMs = 0;
  while (!signal.aborted && (limit === null || count < limit)) {
    // The frame is made in the slot, ahead of its time; what is not committed is never seen.
    using slot = producer.loan();
    if (!(await source.fill(slot.data, count))) break;
    await pace.next();
    if (signal.aborted) break;
    slot.commit();
    count += 1;
    const now = performance.now();
    if (now - toldMs >= PROGRESS_INTERVAL_MS) {
      toldMs = now;
      onProgress(count);
    }
  }
  return count;
}

/** Something that happens once and can be waited for. */
class Gate {
  open: () => void = () => {};
  readonly opened = new Promise<void>((resolve) => {
    this.open = resolve;
  });
}
