import type { SharedPool } from '../memory/share';
import type { Doorbell } from '../runtime/system';
import type { FrameForm } from '../tensor/form';
import type { PoolMetadata } from '../tensor/metadata';
import type { TensorLike } from '../tensor/tensor';
import type { Frame } from './frame';
import type { View } from './view';

/** How often the life of the producer, or the appearance of one, is looked for: one system call each time. */
export const LIVENESS_INTERVAL_MS = 150;

/** How long readers that are busy elsewhere have to come for the last frame of a pool that is over. */
export const LAST_FRAME_MS = 10_000;

/** What one reader has seen: the consumer itself, or one of its loops. */
export interface Cursor {
  epoch: number;
  /** Newest frame that it was given, or did without. */
  seen: number;
  /** Newest frame that it was given. */
  given: number;
}

/** The place of a reader that has seen nothing. */
export function newCursor(): Cursor {
  return { epoch: 0, seen: -1, given: -1 };
}

/** The reader does without this frame and those before it: they count as seen, and as missed by the next. */
export function passTo(cursor: Cursor, epoch: number, sequence: number): void {
  if (cursor.epoch !== epoch) cursor.given = -1;
  cursor.epoch = epoch;
  cursor.seen = sequence;
}

/** The reader is given a frame. How many it missed since the one before. */
export function giveTo(cursor: Cursor, epoch: number, sequence: number): number {
  const given = cursor.epoch === epoch ? cursor.given : -1;
  cursor.epoch = epoch;
  cursor.seen = sequence;
  cursor.given = sequence;
  return given >= 0 && sequence > given ? sequence - given - 1 : 0;
}

/** A frame's number, and when it was published: CLOCK_MONOTONIC, ns. */
export interface Newest {
  readonly sequence: number;
  readonly publishedNs: number;
}

/** Which frames of a pool: the newest `count`, in which order. */
export interface WindowRequest {
  readonly historyLen?: number;
  readonly latestFirst?: boolean;
  /** A newest frame that was published longer ago is none. */
  readonly maxAgeMs?: number;
}

export interface CopyRequest extends WindowRequest {
  readonly into?: TensorLike;
}

/** What a consumer was given so far. */
export interface SourceStats {
  readonly lastSequence: number | null;
  readonly lag: number;
  readonly framesTaken: number;
  readonly framesMissed: number;
}

/** What a source tells its consumer. */
export interface SourceEvents {
  onConnect(metadata: PoolMetadata): void;
  onDisconnect(reason: 'closed' | 'died'): void;
  onLag(missed: number, sequence: number): void;
  /** Whether any reader may still come for the last frame of a pool that is over. */
  wantsLast(): boolean;
}

/**
 * The reading end of a name: finds the pool behind it, loses it, finds the next one, and gives its frames, however the pool lies in memory and
 * however its producer tells of frames.
 */
export interface Source {
  readonly closed: boolean;
  /** Attached to a pool, whose producer may have closed it meanwhile. */
  readonly attached: boolean;
  /** Attached to a pool that its producer has not closed. */
  readonly connected: boolean;

  /** What part of the page tables of a large pool is populated, from 0 to 1: the rest follows while the event loop turns. */
  readonly prefaulted: number;

  /** Attaches if there is a pool. Throws when it is unusable. */
  connect(): void;
  /**
   * Attaches if it can, and says whether there is a frame that the reader has not seen; the last one of a pool that is over counts. Throws
   * CLOSED, and when the pool is unusable.
   */
  newer(cursor: Cursor): boolean;
  /** The same of the pool it is attached to, without looking for another. */
  due(cursor: Cursor): boolean;
  /** Whether that is the last frame of a pool that is over. */
  leftover(cursor: Cursor): boolean;
  /** How many producers have said goodbye to this reader. One that goes on in another object of its pool has not. */
  readonly goodbyes: number;
  /** The newest frame of the pool it is attached to, or was last; null where there is none. Neither attaches nor counts as reading. */
  newest(): Newest | null;
  /** Whether the producer has closed the pool; lets go of it then. */
  ended(): boolean;
  /** Lets go of the last frame of a pool that is over, unless somebody still wants it. */
  settle(): void;
  /** The periodic look: is the producer still alive, or is there one now? Throws when there is an unusable pool. */
  check(): void;

  /** A copy of the newest frames. */
  get<F extends FrameForm>(cursor: Cursor, request: CopyRequest | undefined): Frame<F> | null;
  /** A view of the newest frames. */
  borrow<F extends FrameForm>(cursor: Cursor, request: WindowRequest | undefined): View<F> | null;
  /** A copy of the newest frames of the pool under the name, whether its producer lives or has died. Takes no part in the pool. */
  peek<F extends FrameForm>(request: CopyRequest | undefined): Frame<F> | null;
  /** A copy of the reader's next frame: with lossless delivery the one after the last, otherwise the newest. */
  take<F extends FrameForm>(cursor: Cursor, request: CopyRequest | undefined): Frame<F> | null;
  /** The same as a view. */
  lend<F extends FrameForm>(cursor: Cursor, request: WindowRequest | undefined): View<F> | null;

  /**
   * What a reader is rung for, in one look: a copy of its next frame, newer than what it has seen, of a pool that is open. Null where there
   * is none, and where more is to be looked at: due and take tell which.
   */
  quickTake<F extends FrameForm>(cursor: Cursor, request: CopyRequest | undefined): Frame<F> | null;
  /** The same as a view. */
  quickLend<F extends FrameForm>(cursor: Cursor, request: WindowRequest | undefined): View<F> | null;

  /**
   * Opens what the producer rings; its file, if it has one, goes when it is closed.
   *
   * @param onHangUp Nobody has it open for ringing any more. Called where the doorbell says that it hangs up.
   */
  openDoorbell(onRing: () => void, onHangUp: () => void): Doorbell;
  /** Asks for the next ring. */
  arm(): void;
  /** The same while it is attached, for a reader that has just been told of no frame: whether there is more to look at by now. */
  armFor(cursor: Cursor): boolean;
  /** Sleeps until there is a frame newer than the cursor's: true, or false when the time is over. */
  waitSync(cursor: Cursor, timeoutMs: number): boolean;
  /** Looks until there is one: true, or false when the time is over or there is no live producer. */
  spin(cursor: Cursor, timeoutUs: number): boolean;

  stats(): SourceStats | null;
  share(): SharedPool | null;
  close(): void;
}
