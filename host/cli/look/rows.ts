// What the listing commands have in common: two looks for a rate, the state of a pool, and how rates and ages are shown.

import { setTimeout } from 'node:timers/promises';
import { listPythonPools, platform } from '../../entry/inspection';
import { list, type PoolEntry, type PoolInfo, type TensorIpcErrorCode } from '../../entry/main';
import { threeDigits } from '../format';
import type { PythonRow } from '../wire/show';

/** How long rates are measured over, unless the user says otherwise. */
export const DEFAULT_INTERVAL_MS = 500;

/** A pool as it is, and how many frames a second it got since the look before; null where that cannot be said. */
export interface Row {
  readonly entry: PoolEntry;
  readonly rateHz: number | null;
}

/** Frames a second between two looks at a pool. By the times of the frames, so that it does not matter when the looks were. */
export function rateBetween(earlier: PoolInfo | null | undefined, later: PoolInfo | null): number | null {
  if (later === null || later.state !== 'live') return null;
  if (earlier === null || earlier === undefined || earlier.poolId !== later.poolId) return null;
  const frames = later.framesPublished - earlier.framesPublished;
  if (frames <= 0 || later.publishedNs === null) return 0;
  // Before the first frame there is only the time since the producer came.
  const spanNs = Number(later.publishedNs - (earlier.publishedNs ?? later.producer.sinceNs));
  return spanNs > 0 ? (frames * 1e9) / spanNs : null;
}

/** Rows for what there is now, with the rates since the entries given. */
export function rowsSince(earlier: readonly PoolEntry[]): Row[] {
  const before = new Map(earlier.map(({ name, info }) => [name, info]));
  return list().map((entry) => ({ entry, rateHz: rateBetween(before.get(entry.name), entry.info) }));
}

/** Looks twice. At once if nothing lives whose rate could be asked for. */
export async function lookTwice(intervalMs: number): Promise<Row[]> {
  const first = list();
  if (first.some(({ info }) => info?.state === 'live')) await setTimeout(intervalMs);
  return rowsSince(first);
}

/** A frame is late when so many periods have passed since the one before it: one for the frame itself, and one for what jitters. */
const LATE_PERIODS = 2;

/** How long ago a live producer should have published its next frame, by the period that it states: ms; 0 in time; null where it states none. */
export function lateMs({ state, ageMs, producer }: PoolInfo): number | null {
  if (state !== 'live' || producer.periodMs === null) return null;
  const sinceMs = ageMs ?? Number(platform().monotonicNs() - producer.sinceNs) / 1e6;
  return sinceMs > LATE_PERIODS * producer.periodMs ? sinceMs - producer.periodMs : 0;
}

const FOREIGN: ReadonlySet<TensorIpcErrorCode> = new Set(['FOREIGN_OBJECT', 'INVALID_NAME', 'VERSION_MISMATCH']);

/** One word for how an entry is. */
export function stateOf({ info, error }: PoolEntry): string {
  if (info !== null) return (lateMs(info) ?? 0) > 0 ? 'late' : info.state;
  if (error === null) return 'building';
  if (error.code === 'PERMISSION_DENIED') return 'denied';
  return FOREIGN.has(error.code) ? 'foreign' : 'damaged';
}

/** The Python pools that there are now, of which nothing has been heard. */
export function pythonRows(): PythonRow[] {
  return listPythonPools().map((info) => ({ info, news: null }));
}

/** "30.0/s", or a dash where there is none. */
export function showRate(hz: number | null): string {
  return hz === null ? '-' : `${hz === 0 ? '0' : threeDigits(hz)}/s`;
}

const UNITS: readonly (readonly [unit: string, ms: number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
];

/** "3.20 ms", "4.20 s", "12.0 min", or a dash where there is none. */
export function showAge(ms: number | null): string {
  if (ms === null) return '-';
  const [unit, size] = UNITS.find(([, least]) => ms >= least) ?? ['ms', 1];
  return `${threeDigits(ms / size)} ${unit}`;
}
