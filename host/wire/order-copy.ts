// Copies of windows of history in their true order. Locks are held for the copy only: a process that is killed takes with it what it has, and
// to find out whether frames had been written that were not told of yet takes longer than to copy them. So that is found out afterwards, by
// the times at which frames are told of.

import {
  FAST_MS,
  FAST_PART,
  holdWindow,
  LOOK_MS,
  missing,
  NOTICE_MS,
  type Prospect,
  prospect,
  type Ring,
  run,
  type Told,
  TRIES,
} from './order';

/** A producer without pause that has told nothing for so long has made one. */
const PAUSE_MS = 50;

/** What is done with a window, whose frames are counted from the oldest. */
export interface Copier {
  /** Copies `count` frames, the oldest of which is in this slot. */
  copy(oldestSlot: number): void;
  /** Whether a slot has still what was copied from it as the frame of this number, as far as can be seen. The slot is locked. */
  same(frame: number, slot: number): boolean;
  /** The first `frames` of what was copied are the newest, and belong at the end. */
  turn(frames: number): void;
}

interface Taken extends Prospect {
  readonly slot: number;
  readonly sequence: number;
  /** When all slots were locked, and when they were all still. */
  readonly lockedMs: number;
  readonly stillMs: number;
  /** Slot at which the producer waited at the end; -1 where it did not. */
  readonly stands: number;
}

/** Copies the newest `count` frames, in order whatever the producer does meanwhile. The number of the newest of them. */
export function copyWindow(pool: Ring, feed: Told, count: number, copier: Copier): number {
  const { historyLen } = pool.metadata;
  // One without pause comes to a locked slot at once, and has to show there where it is.
  const running = count > 1 && feed.pace.shortestMs < FAST_MS && feed.silentMs < PAUSE_MS;
  for (let tries = 1; tries <= TRIES && !running; tries++) {
    const { slot, sequence } = feed;
    const oldestSlot = (slot - count + 1 + historyLen) % historyLen;
    const slots = run(oldestSlot, count, historyLen);
    let taken: Taken | null = null;
    const held = pool.locks.lockRead(slots);
    try {
      // One frame has no order. If its slot was written once more meanwhile, it is a newer one.
      const before = count === 1 ? null : { ...prospect(pool, feed, slots), slot, sequence, lockedMs: feed.nowMs };
      copier.copy(oldestSlot);
      if (before !== null) taken = { ...before, stands: pool.locks.writerAt(slots), stillMs: feed.nowMs };
    } finally {
      pool.locks.unlockRead(held);
    }
    // What had no locks may have been written meanwhile: then it has some now.
    if (pool.locks.made(missing(slots, held))) continue;
    if (taken === null) return sequence;
    const ahead = framesAhead(pool, feed, taken, copier);
    // Frames beyond the newest that was told of lie outside the window: what was copied is what was meant.
    if (count < historyLen && ahead <= taken.room) return sequence;
    if (count === historyLen && ahead < historyLen) {
      if (ahead > 0) copier.turn(ahead);
      return sequence + ahead;
    }
    feed.sleep(LOOK_MS);
    feed.pollProgress();
  }
  return copyHeld(pool, feed, count, copier);
}

function copyHeld(pool: Ring, feed: Told, count: number, copier: Copier): number {
  for (;;) {
    const held = holdWindow(pool, feed, count);
    try {
      copier.copy(held.oldestSlot);
    } finally {
      pool.locks.unlockRead(held.slots);
    }
    if (!pool.locks.made(held.unlocked)) return held.sequence;
  }
}

/**
 * How many frames stood in the window beyond the newest that had been told of, or Infinity where that cannot be told any more. A frame is
 * told of after it has been written, and before the next one is: so a frame whose predecessor was told of when the slots had been locked was
 * written after they were free again, and one that was told of while they were locked, before.
 */
function framesAhead(pool: Ring, feed: Told, taken: Taken, copier: Copier): number {
  const { historyLen } = pool.metadata;
  const { slot, sequence, room, safe, met, shortestMs, noticeMs, lockedMs, stillMs, stands } = taken;
  if (stands >= 0) return (stands - 1 - slot + 2 * historyLen) % historyLen;
  const deadline = lockedMs + noticeMs;
  let ahead = 0;
  for (;;) {
    feed.pollProgress();
    for (let frames = feed.sequence - sequence; frames > ahead; frames--)
      if (feed.toldMs(sequence + frames) <= stillMs) ahead = frames;
    // In time a frame that lies outside the window is no matter.
    if (room > 0 && ahead > room) return ahead;
    // The first that would be one too many.
    const next = Math.max(ahead, room) + 1;
    const told = feed.sequence - sequence;
    if (feed.toldMs(sequence + Math.min(told, next - 1)) > lockedMs) return ahead;
    if (told >= next) {
      if (stillMs - lockedMs >= NOTICE_MS) return ahead;
      // It was told of right after: it may have been written right before. Then it is what was copied.
      const there = isThere(pool, next - room - 1, (slot + next) % historyLen, copier);
      const lookedMs = feed.nowMs;
      if (there) {
        ahead = next;
        continue;
      }
      return writtenAgain(feed, sequence + next, historyLen, lookedMs, shortestMs) ? Infinity : ahead;
    }
    // Too slow to have written yet another since.
    const known = met > 0 && told >= met && shortestMs > NOTICE_MS;
    if (safe || known || feed.nowMs >= deadline) return ahead;
    feed.sleep(LOOK_MS);
  }
}

/**
 * Whether a frame that came a lap later had been written in the same slot by then, as far as can be seen: then what stands there says nothing
 * of the one before.
 */
function writtenAgain(feed: Told, frame: number, historyLen: number, lookedMs: number, shortestMs: number): boolean {
  // Of most producers it is known at once: they do not come round in so short a time.
  if (lookedMs - feed.toldMs(frame) < historyLen * shortestMs * FAST_PART) return false;
  for (;;) {
    feed.pollProgress();
    const last = Math.min(feed.sequence, frame + historyLen - 1);
    // The later one is written once the one before it has been told of.
    if (feed.toldMs(last) > lookedMs) return false;
    if (last === frame + historyLen - 1) return true;
    if (feed.nowMs - lookedMs > NOTICE_MS) return false;
    feed.sleep(LOOK_MS);
  }
}

function isThere({ locks }: Ring, frame: number, slot: number, copier: Copier): boolean {
  const held = locks.lockRead([slot]);
  try {
    return copier.same(frame, slot);
  } finally {
    locks.unlockRead(held);
  }
}
