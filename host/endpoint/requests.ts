// What a reader asks for, checked at the call: a wrong argument is an error before there is a frame, or a pool.

import { TensorIpcError } from '../runtime/errors';
import type { TurnOptions } from '../runtime/pieces';
import type { PoolMetadata } from '../tensor/metadata';
import { normalise } from '../tensor/tensor';
import { checkCount, checkInto, checkWholeCount } from '../tensor/validation';
import type { GetOptions } from './options';
import type { WindowRequest } from './source';
import { checkOptions } from './wires';

/** What is known of the frames to come. */
export interface Prospect {
  /** The pool's, or what it is expected to be; null when any pool will do. */
  readonly metadata: PoolMetadata | null;
  /** Whether the pool keeps as many frames as the metadata says. */
  readonly historyKnown: boolean;
  readonly lossless: boolean;
}

/**
 * Checks as much of a request as can be told now.
 *
 * @throws TensorIpcError INVALID_ARGUMENT, HISTORY_TOO_LONG, SHAPE_MISMATCH, DTYPE_MISMATCH
 */
export function checkRequest(request: GetOptions, { metadata, historyKnown, lossless }: Prospect): void {
  const { historyLen = 1, latestFirst = true, into } = checkOptions(request);
  checkWholeCount(historyLen);
  if (lossless) checkSingle(request);
  if (metadata !== null && historyKnown) checkCount(metadata, historyLen);
  checkFlag('latestFirst', latestFirst);
  if (into === undefined) return;
  if (metadata !== null) checkInto(metadata, historyLen, into);
  else normalise(into, 'into');
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
export function checkFlag(option: string, value: boolean): boolean {
  if (typeof value === 'boolean') return value;
  throw new TensorIpcError('INVALID_ARGUMENT', `${option} is true or false, found ${typeof value}`);
}

/** By what it does: one of another realm is one, too. */
/** Throws INVALID_ARGUMENT unless they say how to follow what happens in turns. */
export function checkTurnOptions({ signal, onProgress }: TurnOptions): void {
  checkSignal(signal);
  if (onProgress === undefined || typeof onProgress === 'function') return;
  throw new TensorIpcError('INVALID_ARGUMENT', `onProgress is a function, found ${typeof onProgress}`);
}

export function checkSignal(signal: AbortSignal | undefined): AbortSignal | undefined {
  if (signal === undefined || (typeof signal?.aborted === 'boolean' && typeof signal.addEventListener === 'function'))
    return signal;
  throw new TensorIpcError('INVALID_ARGUMENT', `signal is an AbortSignal, found ${signal === null ? 'null' : typeof signal}`);
}
