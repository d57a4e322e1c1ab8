// What a reader asks for, checked at the call: a wrong argument is an error before there is a frame, or a pool.

import { TensorIpcError } from '../runtime/errors';
import { checkOptions, type OptionNames, optionNames } from '../runtime/options';
import type { TurnOptions } from '../runtime/pieces';
import type { PoolMetadata } from '../tensor/metadata';
import { normalise } from '../tensor/tensor';
import { checkCount, checkInto, checkWholeCount } from '../tensor/validation';
import type { GetOptions, NextOptions, ReadyOptions, WindowOptions } from './options';
import type { WindowRequest } from './source';

/** What is known of the frames to come. */
export interface Prospect extends Expects {
  /** The pool's, or what it is expected to be; null when any pool will do. */
  readonly metadata: PoolMetadata | null;
}

export interface Expects {
  /** Whether the pool keeps as many frames as the metadata says. */
  readonly historyKnown: boolean;
  readonly lossless: boolean;
}

/** @param attached The metadata of the pool that is attached. Of the one to come nothing is known that the one before it had. */
export function prospectOf(expects: Expects, expected: PoolMetadata | null, attached: PoolMetadata | null): Prospect {
  return { ...expects, metadata: attached ?? expected, historyKnown: attached !== null || expects.historyKnown };
}

/**
 * Checks as much of a request as can be told now.
 *
 * @throws TensorIpcError INVALID_ARGUMENT, HISTORY_TOO_LONG, SHAPE_MISMATCH, DTYPE_MISMATCH
 */
export function checkRequest(request: GetOptions, { metadata, historyKnown, lossless }: Prospect): void {
  const { historyLen = 1, latestFirst = true, maxAgeMs, into } = request;
  checkWholeCount(historyLen);
  if (lossless) checkSingle(request);
  if (metadata !== null && historyKnown) checkCount(metadata, historyLen);
  checkFlag('latestFirst', latestFirst);
  checkMaxAge(maxAgeMs);
  if (into === undefined) return;
  if (metadata !== null) checkInto(metadata, historyLen, into);
  else normalise(into, 'into');
}

/** Where no frame was there to be refused. get, borrow and peek give windows to lossless readers as well. */
export function checkRead(request: GetOptions, prospect: Prospect): void {
  checkRequest(request, { ...prospect, lossless: false });
}

/** A call that may wait. */
export function checkCall(options: NextOptions, timeoutMs: number, prospect: Prospect): void {
  checkRequest(options, prospect);
  checkWait(options, timeoutMs);
}

/** A lossless reader takes its frames one by one. */
export function checkSingle(request: WindowRequest | undefined): void {
  if ((request?.historyLen ?? 1) === 1) return;
  throw new TensorIpcError(
    'INVALID_ARGUMENT',
    "delivery 'all' gives frames one by one: leave historyLen out, or use get({ historyLen }) for the latest window",
  );
}

/** @throws TensorIpcError INVALID_ARGUMENT */
export function checkTimeout(timeout: number): number {
  if (!(timeout >= 0)) {
    throw new TensorIpcError('INVALID_ARGUMENT', `a timeout is a number of at least 0, found ${String(timeout)}`);
  }
  return timeout;
}

/** @throws TensorIpcError INVALID_ARGUMENT */
export function checkMaxAge(maxAgeMs: number | undefined): void {
  if (maxAgeMs === undefined || (typeof maxAgeMs === 'number' && maxAgeMs >= 0)) return;
  throw new TensorIpcError(
    'INVALID_ARGUMENT',
    `maxAgeMs is a number of milliseconds of at least 0, found ${String(maxAgeMs)}: leave it out for frames of any age`,
  );
}

/**
 * What a look at frames that are there would not notice, or too late.
 *
 * @throws TensorIpcError INVALID_ARGUMENT
 */
export function checkLook<Options extends WindowOptions>(options: Options, known: OptionNames): Options {
  const { latestFirst, maxAgeMs } = checkOptions(options, known);
  if (latestFirst !== undefined) checkFlag('latestFirst', latestFirst);
  checkMaxAge(maxAgeMs);
  return options;
}

/** @throws TensorIpcError INVALID_ARGUMENT */
export function checkWait({ signal }: ReadyOptions, timeoutMs: number): void {
  checkTimeout(timeoutMs);
  checkSignal(signal);
}

/** @throws TensorIpcError INVALID_ARGUMENT */
export function checkFlag(option: string, value: boolean): boolean {
  if (typeof value === 'boolean') return value;
  throw new TensorIpcError('INVALID_ARGUMENT', `${option} is true or false, found ${typeof value}`);
}

export const TURN_OPTIONS = optionNames<TurnOptions>({ signal: true, onProgress: true });

/** Throws INVALID_ARGUMENT unless they say how to follow what happens in turns. */
export function checkTurnOptions({ signal, onProgress }: TurnOptions): void {
  checkSignal(signal);
  if (onProgress === undefined || typeof onProgress === 'function') return;
  throw new TensorIpcError('INVALID_ARGUMENT', `onProgress is a function, found ${typeof onProgress}`);
}

/** By what it does: one of another realm is one, too. */
export function checkSignal(signal: AbortSignal | undefined): AbortSignal | undefined {
  if (signal === undefined || (typeof signal?.aborted === 'boolean' && typeof signal.addEventListener === 'function'))
    return signal;
  throw new TensorIpcError('INVALID_ARGUMENT', `signal is an AbortSignal, found ${signal === null ? 'null' : typeof signal}`);
}
