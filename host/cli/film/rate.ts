// How many frames a second a film has: said by the user, stated by the producer, or measured.

import { setTimeout } from 'node:timers/promises';
import { inspect } from '../../entry/main';
import { rateBetween } from '../look/rows';

const MEASURE_MS = 600;
const DEFAULT_FPS = 30;
/** Rates that cameras and films have: a measured one this near is taken for it. */
const USUAL = [5, 6, 10, 12, 15, 20, 24, 25, 30, 48, 50, 60, 90, 100, 120, 200, 240];
const NEAR = 0.04;

export interface Rate {
  readonly fps: number;
  /** Where it is from, for the user. */
  readonly from: string;
}

/** The rate of a native pool, before a consumer is attached: one that takes all frames would hold the producer back during a measurement. */
export async function rateOf(name: string, said: number | undefined, native: boolean): Promise<Rate> {
  if (said !== undefined) return { fps: said, from: 'as --fps says' };
  const before = native ? inspect(name) : null;
  const stated = statedRate(before?.producer.periodMs ?? null);
  if (stated !== null) return stated;
  if (before?.state === 'live') {
    await setTimeout(MEASURE_MS);
    const hz = rateBetween(before, inspect(name)) ?? 0;
    const usual = USUAL.find((rate) => Math.abs(rate - hz) <= NEAR * rate);
    if (hz > 0.5) return { fps: usual ?? Number(hz.toPrecision(3)), from: 'measured' };
  }
  return { fps: DEFAULT_FPS, from: 'assumed: state it with --fps' };
}

/** What the producer states of its period; null where it states none. */
export function statedRate(periodMs: number | null): Rate | null {
  return periodMs === null ? null : { fps: Number((1000 / periodMs).toPrecision(6)), from: 'as the producer states' };
}
