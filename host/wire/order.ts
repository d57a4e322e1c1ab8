// Windows of history in their true order. The wire tells of a frame after it has unlocked its slot, so what was told of is always a
// little behind what stands in the ring.

import type { Locks } from './locks';
import type { Pace } from './pace';

/** What is known of a producer by what it tells; a WireFeed is one. */
export interface Told {
  readonly slot: number;
  readonly sequence: number;
  readonly silentMs: number;
  readonly pace: Pace;
  /** Now, on the clock of notices, ms. */
  readonly nowMs: number;
  /** When a frame was told of, on that clock; NaN where that is not known, or not any more. */
  toldMs(sequence: number): number;
  pollProgress(): void;
  sleep(ms: number): void;
}

/** Slots and their locks; a WirePool has them. */
export interface Ring {
  readonly metadata: { readonly historyLen: number };
  readonly locks: Pick<Locks, 'lockRead' | 'unlockRead' | 'made' | 'writersMet' | 'writerAt'>;
}

// How long a frame may stand in the ring untold: a tenth of a millisecond where nothing comes between, some where the machine is busy.
// For as long an irregular producer, or one that rests, is waited for: as many times shorter as frames must be under way at once.
export const NOTICE_MS = 3;
/** The same where it is known to be there, or about to come, so that the time is hardly ever spent. */
const DUE_NOTICE_MS = 10;
/** And of a producer without pause, which DDS holds up when readers have not acknowledged. */
const FAST_NOTICE_MS = 150;
/** One that is faster than this, but for when it had to wait, comes to a locked slot at once, and shows there where it stands. */
export const FAST_MS = 1;
/** One without pause that has told nothing for so long rests. */
const RESTING_MS = 300;
/** How much faster than seen a producer without pause may go on. */
export const FAST_PART = 0.25;
/** Part of the time between two frames in which the next one is not expected, and in which it has come. */
const QUIET_PART = 0.85;
const OVERDUE_PART = 1.5;
/** How much longer than the shortest the longest time between two frames may be, of a producer with a pace. */
const STEADY_PART = 1.3;
export const LOOK_MS = 0.05;
/** Attempts at just the window that is wanted; then all slots are locked, so that the producer must stand still. */
export const TRIES = 3;

/** Frames under lock. */
export interface Held {
  /** Slots whose locks are held. */
  readonly slots: readonly number[];
  /** Slots of the window that have no locks: not written yet, or of a pool that is gone. */
  readonly unlocked: readonly number[];
  readonly oldestSlot: number;
  readonly sequence: number;
}

/** `count` slots from `first` on. */
export function run(first: number, count: number, historyLen: number): number[] {
  return Array.from({ length: count }, (_, i) => (first + i) % historyLen);
}

/** Those of `wanted` that are not held. */
export function missing(wanted: readonly number[], held: readonly number[]): readonly number[] {
  return wanted.length === held.length ? [] : wanted.filter((slot) => !held.includes(slot));
}

/**
 * Takes the locks of the newest `count` frames, which are then in order whatever the producer did meanwhile. Slots without locks count as
 * if they were held: who reads them has to ask afterwards whether somebody has come to them (Locks.made).
 */
export function holdWindow(pool: Ring, feed: Told, count: number): Held {
  const { historyLen } = pool.metadata;
  for (let tries = 1; ; tries++) {
    // Of a full window all slots are locked anyway.
    const all = tries > TRIES || count === historyLen;
    const { slot, sequence } = feed;
    const oldestSlot = (slot - count + 1 + historyLen) % historyLen;
    const slots = all ? run(0, historyLen, historyLen) : run(oldestSlot, count, historyLen);
    const held = pool.locks.lockRead(slots);
    // One frame has no order. If its slot was written once more meanwhile, it is a newer one.
    if (count === 1) return { slots: held, unlocked: missing(slots, held), oldestSlot, sequence };
    try {
      const ahead = framesAhead(pool, feed, slots);
      // Frames beyond the newest that was told of lie outside the window: what is locked is what was meant.
      if (!all && ahead <= historyLen - count) return { slots: held, unlocked: missing(slots, held), oldestSlot, sequence };
      if (all) {
        const newest = (slot + ahead) % historyLen;
        const first = (newest - count + 1 + historyLen) % historyLen;
        const wanted = run(first, count, historyLen);
        const kept = held.filter((slot) => wanted.includes(slot));
        pool.locks.unlockRead(missing(held, kept));
        return { slots: kept, unlocked: missing(wanted, kept), oldestSlot: first, sequence: sequence + ahead };
      }
    } catch (error) {
      pool.locks.unlockRead(held);
      throw error;
    }
    pool.locks.unlockRead(held);
  }
}

/** What can be said of frames beyond the newest that was told of, when slots have just been locked. */
export interface Prospect {
  /** Slots that may be written while these are held. With none there is no next attempt: then it must be known exactly. */
  readonly room: number;
  /** At its pace the producer cannot have come to the oldest frame of the window since it told of the newest. */
  readonly safe: boolean;
  /** How many frames beyond the newest a writer was that was met; 0 where none was. */
  readonly met: number;
  readonly shortestMs: number;
  /** For how long a frame that stands in the ring may yet be told of. */
  readonly noticeMs: number;
}

export function prospect(pool: Ring, feed: Told, slots: readonly number[]): Prospect {
  const { historyLen } = pool.metadata;
  const room = historyLen - slots.length;
  const { slot, silentMs } = feed;
  const { shortestMs, typicalMs, longestMs, lateMs } = feed.pace;
  const fast = typicalMs < FAST_MS && longestMs < DUE_NOTICE_MS && silentMs < RESTING_MS;
  const soonestMs = (room + QUIET_PART) * shortestMs * (fast ? FAST_PART : 1) - lateMs;
  const latestMs = (room + 1) * OVERDUE_PART * shortestMs;
  // Of one without a pace, what it did says nothing of what it will do.
  const steady = longestMs < STEADY_PART * shortestMs;
  const due = steady && silentMs < latestMs;
  const met = Math.max(0, ...pool.locks.writersMet(slots).map((at) => ((at - slot + historyLen - 1) % historyLen) + 1));
  const safe = met === 0 && (steady || fast) && silentMs < soonestMs;
  const noticeMs = fast ? FAST_NOTICE_MS : met > 0 || due ? DUE_NOTICE_MS : NOTICE_MS / (1 + room);
  return { room, safe, met, shortestMs, noticeMs };
}

/**
 * How many frames stand in the ring beyond the newest that had been told of when these slots were locked. Nothing is written to those any more: a
 * producer that comes to one waits there, and shows where it stands; otherwise it is told by what it says in the time that takes.
 */
function framesAhead(pool: Ring, feed: Told, slots: readonly number[]): number {
  const { historyLen } = pool.metadata;
  const { slot, sequence } = feed;
  const { room, safe, met, shortestMs, noticeMs } = prospect(pool, feed, slots);
  const deadline = feed.nowMs + noticeMs;
  for (;;) {
    feed.pollProgress();
    const told = feed.sequence - sequence;
    // Too slow to have written yet another since.
    const known = met > 0 && told >= met && shortestMs > NOTICE_MS;
    if (safe || known || (room > 0 && told > room)) return told;
    const stands = pool.locks.writerAt(slots);
    if (stands >= 0) return (stands - 1 - slot + 2 * historyLen) % historyLen;
    if (feed.nowMs >= deadline) return told;
    feed.sleep(LOOK_MS);
  }
}
