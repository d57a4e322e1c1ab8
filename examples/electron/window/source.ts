// What the window asks of whoever brings it frames. It knows nothing of Electron, HTTP or shared memory; types only.

/** 'lost': the window's own connection to its source is gone. */
export type StreamState = 'waiting' | 'live' | 'closed' | 'died' | 'unusable' | 'lost';

/** Where a field lies in a frame, and its shape there. */
export interface FieldPlace {
  readonly shape: readonly number[];
  readonly byteOffset: number;
  readonly bytes: number;
}

export interface FieldForm extends FieldPlace {
  readonly name: string;
  readonly dtype: string;
  /** What the elements mean: 'rgb8', 'jpeg', 'depth16u', …; null where the pool does not say. */
  readonly encoding: string | null;
  readonly unit: string | null;
}

/** A pool's frames, as its metadata describes them. */
export interface PoolForm {
  readonly name: string;
  readonly text: string;
  readonly frameBytes: number;
  readonly fields: readonly FieldForm[];
}

/** A line in the list of pools. */
export interface PoolRow {
  readonly name: string;
  readonly state: 'live' | 'closed' | 'dead' | 'starting' | 'damaged';
  readonly text: string;
  readonly framesPublished: number;
  /** Of the latest frame, CLOCK_MONOTONIC. */
  readonly publishedMs: number | null;
}

export interface StateUpdate {
  readonly kind: 'state';
  readonly state: StreamState;
  readonly form: PoolForm | null;
  readonly message: string | null;
  /** When the newest frame of a dead pool was published, CLOCK_MONOTONIC; null of other states, and where there is no frame. */
  readonly publishedMs: number | null;
}

export interface FrameHeader {
  readonly kind: 'frame';
  readonly sequence: number;
  /** The frame's timestamp: CLOCK_MONOTONIC, unless its producer uses another clock. */
  readonly timestampMs: number;
  /** Of a pool of varying length: the fields of this frame, in their order. Null where all frames are alike. */
  readonly places: readonly FieldPlace[] | null;
}

export interface FrameUpdate extends FrameHeader {
  /** The whole frame, all its fields. Over a SharedArrayBuffer it is read where it lies; an ArrayBuffer is handed on. */
  readonly bytes: Uint8Array;
  /** Gives the memory back; to be called when nobody reads it any more. */
  release(): void;
}

export type Update = StateUpdate | FrameUpdate;

/** One pool. The window asks for each update, so a slow window skips frames and never lags behind them. */
export interface PoolStream {
  /** A change of state, or the newest frame that has not been given out; waits for one. Repeats the state once a second. */
  next(): Promise<Update>;
  close(): void;
}

export interface FrameSource {
  pools(): Promise<readonly PoolRow[]>;
  open(pool: string): PoolStream;
  /** What to add to performance.timeOrigin + performance.now() to get CLOCK_MONOTONIC in milliseconds; null if unknown yet. */
  clockOffsetMs(): number | null;
}
