// What the demo's processes tell each other over Node's child-process channel. Frames never go this way.

import { PoolMetadata } from '../../entry/main';
import type { HistogramCounts } from './histogram';

/** Where the frames come from. */
export type SourceRequest =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'device'; readonly path: string }
  | { readonly kind: 'picture' };

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Frames a second: a number, as fast as it goes, or what the source has by itself. */
export type Rate = number | 'max' | 'own';

export interface ProducerConfig {
  readonly pool: string;
  readonly source: SourceRequest;
  /** Frames to stream; null for all that the source has. */
  readonly frames: number | null;
  readonly rate: Rate;
  readonly size: Size | null;
  readonly ffmpeg: string;
}

/** The ways in which the demo's consumers read. */
export const MODES = ['borrow', 'copy', 'window'] as const;
export type Mode = (typeof MODES)[number];

export interface ConsumerConfig {
  readonly pool: string;
  readonly mode: Mode;
  /** The first frame of this run: older ones are a predecessor's. */
  readonly firstSequence: number;
  /** File for a line "sequence md5" per frame, or null. */
  readonly hashFile: string | null;
}

export type ToProducer =
  /** Everybody is there: stream. */
  | { readonly type: 'start' }
  /** Stream no more, but keep the pool: the consumers finish reading. */
  | { readonly type: 'stop' }
  /** Close the pool and end. */
  | { readonly type: 'close' };

export interface Ready extends Size {
  readonly type: 'ready';
  readonly firstSequence: number;
  /** Pace in frames a second; null if nothing paces it. */
  readonly fps: number | null;
  /** Frames to come, as far as it is known. */
  readonly frames: number | null;
  readonly source: string;
  /** Something the user should know, such as why the source is not what was asked for. */
  readonly notice: string | null;
}

export type FromProducer =
  | Ready
  | { readonly type: 'progress'; readonly frames: number }
  | { readonly type: 'done'; readonly frames: number; readonly seconds: number }
  | Failed;

export type ToConsumer =
  /** No frame from `nextSequence` on will come: report when the one before it has been read; at once if nobody knows. */
  { readonly type: 'finish'; readonly nextSequence: number | null };

export interface ConsumerReport {
  readonly type: 'done';
  readonly frames: number;
  readonly missed: number;
  /** Rate of the frames that it got. */
  readonly fps: number | null;
  readonly latencyMs: { readonly p50: number | null; readonly p99: number | null; readonly max: number | null };
}

export type FromConsumer =
  | { readonly type: 'attached' }
  /** Latencies are those since the last message of this kind; the other numbers count from the start. */
  | { readonly type: 'progress'; readonly frames: number; readonly missed: number; readonly latencies: HistogramCounts }
  | ConsumerReport
  | Failed;

export interface Failed {
  readonly type: 'failed';
  readonly message: string;
}

/** Frames that the demo's pool promises to keep. */
const HISTORY_LEN = 8;
/** Length of the windows that its 'window' consumers read. */
export const WINDOW_LEN = 5;

/** The pool of a demo: RGB pictures. */
export function demoMetadata(pool: string, { width, height }: Size): PoolMetadata {
  return new PoolMetadata({
    name: pool,
    fields: [{ name: 'data', dtype: 'uint8', shape: [height, width, 3] }],
    historyLen: HISTORY_LEN,
  });
}
