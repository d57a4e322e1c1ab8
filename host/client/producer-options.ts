// How a producer is made: its options, checked.

import { TURN_OPTIONS } from '../endpoint/requests';
import { checkWaitTimeout, checkWireOptions, oneOf, WIRE_OPTIONS, type WireOptions } from '../endpoint/wires';
import type { OnPinned } from '../native/backpressure';
import { TensorIpcError } from '../runtime/errors';
import { checkOptions, joinNames, type OptionNames, optionNames } from '../runtime/options';
import type { TurnOptions } from '../runtime/pieces';
import { SAMPLE_OPTIONS } from '../tensor/creator';
import type { HistoryPad } from '../tensor/metadata';
import type { WireSinkOptions } from '../wire/sink';

/** How a producer treats its pool. */
export interface ProducerOptions extends WireOptions {
  /** What history shows before it is full: zeros (default), or copies of the first frame. */
  readonly historyPad?: HistoryPad;
  /**
   * When a view is in the way: 'wait' for its release, at most waitTimeoutMs (default); 'drop' the new frame, which put answers
   * with -1; or 'overwrite' it, which makes the view's `valid` false.
   */
  readonly onPinned?: OnPinned;
  /** Milliseconds that put and loan wait for a view's release before they throw PIN_TIMEOUT. Default 1000. */
  readonly waitTimeoutMs?: number;
  /** Permission bits of the object. Default 0o600: this user only. 0o660 lets the group take part, 0o666 everybody. No others. */
  readonly mode?: number;
  /**
   * Time between frames that this producer means to keep, ms. It changes nothing; tools that look at the pool show how late it is (`inspect`,
   * `tensor-ipc ls`). Default: none is stated.
   */
  readonly periodMs?: number;
  /**
   * 'dds' tells of a native pool over Cyclone DDS, so that tools on other machines can list it (`tensor-ipc ls --dds`): what it is, where it
   * is, and that its producer lives. Frames stay on this machine. Announced in `domainId`. Default: nobody is told.
   */
  readonly discovery?: 'dds';
}

/** The options of `TensorProducer.create`. */
export interface CreateOptions extends ProducerOptions, TurnOptions {}

const DEFAULT_WAIT_TIMEOUT_MS = 1000;

const OWN_OPTIONS = optionNames<Omit<ProducerOptions, keyof WireOptions>>({
  historyPad: true,
  onPinned: true,
  waitTimeoutMs: true,
  mode: true,
  periodMs: true,
  discovery: true,
});

/** Names of the options of each way to make a producer. */
export const PRODUCER_OPTIONS: OptionNames = joinNames(WIRE_OPTIONS, OWN_OPTIONS);
export const PRODUCER_FROM_SAMPLE_OPTIONS: OptionNames = joinNames(SAMPLE_OPTIONS, PRODUCER_OPTIONS);
export const CREATE_OPTIONS: OptionNames = joinNames(PRODUCER_OPTIONS, TURN_OPTIONS);
export const CREATE_FROM_SAMPLE_OPTIONS: OptionNames = joinNames(SAMPLE_OPTIONS, CREATE_OPTIONS);

/** The options with their defaults. Throws INVALID_ARGUMENT for values outside their sets. */
export function checkProducerOptions(options: ProducerOptions, known: OptionNames | null) {
  const {
    historyPad = 'zero',
    onPinned = 'wait',
    waitTimeoutMs = DEFAULT_WAIT_TIMEOUT_MS,
    mode = 0o600,
    periodMs,
    discovery,
  } = checkOptions(options, known);
  oneOf('historyPad', historyPad, ['zero', 'fill']);
  oneOf('onPinned', onPinned, ['wait', 'drop', 'overwrite']);
  checkWaitTimeout(waitTimeoutMs);
  if (discovery !== undefined) oneOf('discovery', discovery, ['dds']);
  const wires = checkWireOptions(options, discovery === 'dds');
  checkMode(mode);
  const periodNs = periodMs === undefined ? 0n : checkPeriod(periodMs);
  return { historyPad, onPinned, waitTimeoutMs, mode, periodNs, discovery, ...wires };
}

export type CheckedOptions = ReturnType<typeof checkProducerOptions>;

/** What the Python package's wire has of them. */
export function wireOptions({
  historyPad,
  onPinned,
  mode,
  periodNs,
  waitTimeoutMs,
  domainId,
  repair,
}: CheckedOptions): WireSinkOptions {
  if (historyPad === 'zero' && onPinned !== 'overwrite' && mode === 0o600 && periodNs === 0n)
    return { onPinned, waitTimeoutMs, domainId, repair };
  throw new TensorIpcError(
    'INVALID_ARGUMENT',
    "the Python package's wire has no historyPad 'fill', no onPinned 'overwrite', no periodMs and no mode but 0o600",
  );
}

/** Everybody who may open a pool reads and writes it: who may only read could take its locks, and keep consumers out. */
function checkMode(mode: number): void {
  if ([0o600, 0o660, 0o666].includes(mode)) return;
  const found = Number.isInteger(mode) && mode >= 0 ? `0o${mode.toString(8).padStart(3, '0')}` : String(mode);
  throw new TensorIpcError(
    'INVALID_ARGUMENT',
    `mode is 0o600 (this user), 0o660 (and the group) or 0o666 (everybody), found ${found}: a consumer needs read and write permission, ` +
      'and a user who may only read the object could take its locks and keep consumers out',
  );
}

/** A period in nanoseconds, at least one of them: 0 says that none is stated. */
function checkPeriod(periodMs: number): bigint {
  const ns = typeof periodMs === 'number' ? Math.round(periodMs * 1e6) : Number.NaN;
  if (Number.isSafeInteger(ns) && ns >= 1) return BigInt(ns);
  throw new TensorIpcError('INVALID_ARGUMENT', `periodMs is a number of milliseconds above 0, found ${String(periodMs)}`);
}
