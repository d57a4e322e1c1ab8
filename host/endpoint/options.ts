import { TensorIpcError } from '../runtime/errors';
import { checkOptions, joinNames, type OptionNames, optionNames } from '../runtime/options';
import type { TurnOptions } from '../runtime/pieces';
import { SAMPLE_OPTIONS } from '../tensor/creator';
import type { FrameForm } from '../tensor/form';
import type { PoolMetadata } from '../tensor/metadata';
import type { TensorLike } from '../tensor/tensor';
import type { Frame } from './frame';
import { checkFlag, checkSignal } from './requests';
import { checkWaitTimeout, checkWireOptions, oneOf, WIRE_OPTIONS, type WireOptions } from './wires';

/**
 * Whose pools a process accepts: 'owner' its own user's, writable by nobody else; 'group' any owner's, writable by owner and
 * group; 'any' whatever the permissions let it open. A process that may write to a pool may also truncate it, and then every
 * reader of the lost pages is killed by SIGBUS: accept only whom you trust.
 */
export type Trust = 'owner' | 'group' | 'any';

/** How a consumer treats its pool. */
export interface ConsumerOptions<F extends FrameForm = FrameForm> extends WireOptions {
  /** Called with a copy of the latest frame whenever there is a newer one. */
  readonly onNewData?: (frame: Frame<F>) => void;
  /**
   * What `next`, loops, `onNewData` and 'frame' deliver. 'latest' (default): the newest frame, skipping what the reader cannot keep up
   * with. 'all': every frame in order, none skipped; the producer waits for the slowest such consumer as it does for a view. The readers
   * of one such consumer share its place: each frame is given to one of them.
   */
  readonly delivery?: 'latest' | 'all';
  /** Where delivery 'all' begins: with the next frame to be published ('now', default), or with the oldest still held. */
  readonly from?: 'now' | 'oldest';
  /**
   * Maps the frames read-only: a stray write to a view ends this program (SIGSEGV) instead of corrupting everybody's frames. Default
   * false.
   */
  readonly protect?: boolean;
  /**
   * Longest time between frames, ms. When the newest one is older, or none comes for so long, there is an event 'stall', and 'resume' when
   * frames come again. Default: nobody looks.
   */
  readonly deadlineMs?: number;
  /** Whether loops over frames end when the producer closes its pool. Default false: they wait for the next producer. */
  readonly endOnClose?: boolean;
  /** Closes the consumer when aborted. */
  readonly signal?: AbortSignal;
  /** Milliseconds to wait for a slot's lock on the wire 'tensor-ipc' before LOCK_TIMEOUT is thrown. Default 1000. */
  readonly waitTimeoutMs?: number;
  /** Whose pools to accept. Default 'owner': this user's own, writable by nobody else. */
  readonly trust?: Trust;
}

/** The options of `TensorConsumer.open`. */
export interface OpenOptions<F extends FrameForm = FrameForm> extends ConsumerOptions<F>, Pick<TurnOptions, 'onProgress'> {}

/** Which frames to read. */
export interface WindowOptions {
  /** Frames in the window, at most the pool's historyLen. 1 (default) keeps no history dimension. */
  readonly historyLen?: number;
  /** Order of the frames of a window. Default true: index 0 is the latest. */
  readonly latestFirst?: boolean;
  /** A frame that was published longer ago is none. Of a window the newest frame counts. Default: of any age. */
  readonly maxAgeMs?: number;
}

/** Which frames to copy, and where to. */
export interface GetOptions extends WindowOptions {
  /** Where to copy to: a dense typed array or tensor-like of the pool's dtype and the window's size (raw bytes for records). */
  readonly into?: TensorLike;
}

/** Which frames to wait for, and for how long. */
export interface NextOptions extends GetOptions {
  /** Milliseconds after which the answer is null. Default: no limit. */
  readonly timeoutMs?: number;
  /** Rejects with the signal's reason when aborted. */
  readonly signal?: AbortSignal;
}

/** Which frames a loop yields, and how. */
export interface FramesOptions extends WindowOptions {
  /** Yield zero-copy views instead of copies: write `for await (using view of …)`. */
  readonly borrow?: boolean;
  /** Whether the loop ends when the producer closes its pool. Default: what the consumer was made with, false. */
  readonly endOnClose?: boolean;
  /** Ends the loop when aborted. */
  readonly signal?: AbortSignal;
}

/** How long to wait for a producer. */
export interface ReadyOptions {
  /** Milliseconds after which the answer is false. Default: no limit. */
  readonly timeoutMs?: number;
  /** Rejects with the signal's reason when aborted. */
  readonly signal?: AbortSignal;
}

const WINDOW_OPTIONS = optionNames<WindowOptions>({ historyLen: true, latestFirst: true, maxAgeMs: true });
const GET_OPTIONS = joinNames(WINDOW_OPTIONS, optionNames<Omit<GetOptions, keyof WindowOptions>>({ into: true }));
const READY_OPTIONS = optionNames<ReadyOptions>({ timeoutMs: true, signal: true });

/** Names of the options of each way to read. */
export const READ_OPTIONS = {
  borrow: WINDOW_OPTIONS,
  get: GET_OPTIONS,
  tryNext: joinNames(GET_OPTIONS, optionNames<Pick<FramesOptions, 'borrow'>>({ borrow: true })),
  next: joinNames(GET_OPTIONS, READY_OPTIONS),
  frames: joinNames(
    WINDOW_OPTIONS,
    optionNames<Omit<FramesOptions, keyof WindowOptions>>({ borrow: true, endOnClose: true, signal: true }),
  ),
  ready: READY_OPTIONS,
} as const;

/** Names of the options of consumers. */
export const CONSUMER_OPTIONS: OptionNames = joinNames(
  WIRE_OPTIONS,
  optionNames<Omit<ConsumerOptions, keyof WireOptions>>({
    onNewData: true,
    delivery: true,
    from: true,
    protect: true,
    deadlineMs: true,
    endOnClose: true,
    signal: true,
    waitTimeoutMs: true,
    trust: true,
  }),
);

/** Counters of a consumer, since it joined the pool that it is connected to. */
export interface ConsumerStats {
  readonly connected: boolean;
  /** Newest frame it was given, or null before the first. */
  readonly lastSequence: number | null;
  /** Frames that were published after that one. */
  readonly lag: number;
  /** Different frames it was given (a window counts as its newest). */
  readonly framesTaken: number;
  /** Frames between those that it was not given. */
  readonly framesMissed: number;
}

/** Events of a consumer, with the arguments of their listeners. */
export type ConsumerEvents<F extends FrameForm = FrameForm> = {
  /** Attached to a live producer's pool. */
  connect: [metadata: PoolMetadata<F>];
  /** The producer closed its pool, or died. */
  disconnect: [reason: 'closed' | 'died'];
  /** A newer frame, copied. */
  frame: [frame: Frame<F>];
  /** Frames were skipped: `missed` of them, before frame `sequence`. */
  lag: [info: { missed: number; sequence: number }];
  /**
   * With deadlineMs: the next frame is late, by so much at this moment. `sequence` is the newest frame's number, null where there has been
   * none. Once, until 'resume'.
   */
  stall: [info: { lateMs: number; sequence: number | null }];
  /** Frames come again: `gapMs` after the one before, or after the consumer was made, there is frame `sequence`. */
  resume: [info: { gapMs: number; sequence: number }];
  /** A pool appeared under the name that cannot be used. */
  error: [error: unknown];
};

export const OPEN_OPTIONS: OptionNames = joinNames(
  CONSUMER_OPTIONS,
  optionNames<Pick<OpenOptions, 'onProgress'>>({ onProgress: true }),
);

/** An object for both ends may hold what a sample does not tell. */
export const CONSUMER_FROM_SAMPLE_OPTIONS: OptionNames = joinNames(SAMPLE_OPTIONS, CONSUMER_OPTIONS);

/** The options with their defaults. Throws INVALID_ARGUMENT for values outside their sets. */
export function checkConsumerOptions<F extends FrameForm>(options: ConsumerOptions<F>, known: OptionNames | null) {
  const {
    onNewData,
    signal,
    trust = 'owner',
    delivery = 'latest',
    from = 'now',
    protect = false,
    waitTimeoutMs = 1000,
    deadlineMs,
    endOnClose = false,
  } = checkOptions(options, known);
  if (onNewData !== undefined && typeof onNewData !== 'function') {
    throw new TensorIpcError('INVALID_ARGUMENT', `onNewData is a function, found ${typeof onNewData}`);
  }
  checkSignal(signal);
  oneOf('trust', trust, ['owner', 'group', 'any']);
  oneOf('delivery', delivery, ['latest', 'all']);
  oneOf('from', from, ['now', 'oldest']);
  checkWaitTimeout(waitTimeoutMs);
  if (deadlineMs !== undefined) checkDeadline(deadlineMs);
  checkFlag('endOnClose', endOnClose);
  const wireOptions = checkWireOptions(options);
  if (wireOptions.wire === 'tensor-ipc' && (delivery === 'all' || protect)) {
    throw new TensorIpcError(
      'INVALID_ARGUMENT',
      "the Python package's wire has neither delivery 'all' nor protect: its readers take the latest frame, and count themselves in",
    );
  }
  return { onNewData, signal, trust, delivery, from, protect, waitTimeoutMs, deadlineMs, endOnClose, ...wireOptions };
}

function checkDeadline(deadlineMs: number): void {
  if (typeof deadlineMs === 'number' && deadlineMs > 0 && deadlineMs < Infinity) return;
  throw new TensorIpcError(
    'INVALID_ARGUMENT',
    `deadlineMs is a number of milliseconds above 0, found ${String(deadlineMs)}: leave it out to have no deadline`,
  );
}
