// Windows of history against a model of a producer, its locks and its notices, in a time of its own: seeded, and never late. Whatever the
// producer's pace, a window is in order and ends with the frame that it is said to end with; and a producer with a pace is not waited for.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { holdWindow, type Ring, type Told } from '../../host/wire/order';
import { copyWindow } from '../../host/wire/order-copy';
import { PaceKeeper } from '../../host/wire/pace';
import { Random } from '../support/random';

const GETS = Number(process.env['WIRE_MODEL_GETS'] ?? 3000);
const SEED = Number(process.env['WIRE_SEED'] ?? 3);
/** What taking a lock, a look and an overslept sleep cost, ms. */
const LOCK_MS = 0.005;
const LOOK_MS = 0.06;
const OVERSLEPT_MS = 0.05;

interface Habits {
  /** When the frame after number `frame`, put at `putMs`, is to be put. */
  next(random: Random, frame: number, putMs: number): number;
  /** How long it holds a slot. */
  readonly writeMs: number;
  /** How long it may take from there until it tells, on a machine that is at work on other things too. Default 0.2. */
  readonly untoldMs?: number;
}

const HABITS = {
  'a camera on a busy machine': {
    next: (random, frame) => (frame + 1) * 33.3 + random.next() * 3,
    writeMs: 1,
    untoldMs: 2,
  },
  'a camera at 30 Hz': { next: (random, frame) => (frame + 1) * 33.3 + random.next(), writeMs: 0.3 },
  'a sensor at 500 Hz': { next: (_, frame) => (frame + 1) * 2, writeMs: 0.02 },
  'one that pauses 20 ms after each': { next: (random, _, putMs) => putMs + 20 + random.next() * 3, writeMs: 0.3 },
  'one without a pace': { next: (random, _, putMs) => putMs + 5 + random.next() * 55, writeMs: 0.3 },
  'one in bursts': { next: (random, frame, putMs) => putMs + (frame % 8 === 0 ? 100 + random.next() * 300 : 0), writeMs: 0.05 },
  'one without pause': { next: (_, __, putMs) => putMs, writeMs: 0.02 },
  'one without pause, of large frames': { next: (_, __, putMs) => putMs, writeMs: 0.6 },
} satisfies Record<string, Habits>;
const UNTOLD_MS = 0.2;

type Phase = 'rests' | 'waits' | 'writes' | 'is to tell';

/** A producer's ring with one reader. */
class World implements Ring, Told {
  readonly metadata: { readonly historyLen: number };
  nowMs = 0;
  sleeps = 0;
  slot = -1;
  sequence = -1;
  /** Frame in each slot, or -1. */
  readonly contents: number[];
  readonly #random: Random;
  readonly #habits: Habits;
  readonly #pace = new PaceKeeper();
  readonly #held = new Set<number>();
  #met: number[] = [];
  #phase: Phase = 'rests';
  // The frame that it is at, when that was put, and when its phase is over.
  #frame = 0;
  #putMs = 0;
  #untilMs = 0;
  // When each frame that was heard of was told of.
  readonly #heard = new Map<number, number>();
  // Since when locks are held, and for how long they were.
  #heldSinceMs = 0;
  heldMs = 0;
  readonly #notices: { readonly frame: number; readonly atMs: number; readonly arrivesMs: number }[] = [];

  constructor(seed: number, historyLen: number, habits: Habits) {
    this.metadata = { historyLen };
    this.contents = new Array<number>(historyLen).fill(-1);
    this.#random = new Random(seed);
    this.#habits = habits;
  }

  get #next(): number {
    return this.#frame % this.metadata.historyLen;
  }

  advance(ms: number): void {
    const untilMs = this.nowMs + ms;
    while (this.#phase !== 'waits' && this.#untilMs <= untilMs) {
      this.nowMs = Math.max(this.nowMs, this.#untilMs);
      if (this.#phase === 'rests') this.#put();
      else if (this.#phase === 'writes') {
        this.contents[this.#next] = this.#frame;
        this.#phase = 'is to tell';
        this.#untilMs = this.nowMs + 0.02 + this.#random.next() * (this.#habits.untoldMs ?? UNTOLD_MS);
      } else {
        this.#notices.push({ frame: this.#frame, atMs: this.nowMs, arrivesMs: this.nowMs + 0.02 + this.#random.next() * 0.25 });
        this.#phase = 'rests';
        this.#untilMs = Math.max(this.nowMs, this.#habits.next(this.#random, this.#frame, this.#putMs));
        this.#frame += 1;
      }
    }
    this.nowMs = untilMs;
  }

  #put(): void {
    this.#phase = this.#held.has(this.#next) ? 'waits' : 'writes';
    this.#putMs = this.nowMs;
    this.#untilMs = this.nowMs + this.#habits.writeMs;
  }

  get pace() {
    return this.#pace.pace;
  }

  get silentMs(): number {
    return this.nowMs - (this.#heard.get(this.sequence) ?? 0);
  }

  toldMs(sequence: number): number {
    return this.#heard.get(sequence) ?? NaN;
  }

  pollProgress(): void {
    this.advance(0.002);
    for (let notice = this.#notices[0]; notice !== undefined && notice.arrivesMs <= this.nowMs; notice = this.#notices[0]) {
      this.#notices.shift();
      if (this.sequence >= 0) this.#pace.add(notice.atMs - this.toldMs(this.sequence));
      this.sequence = notice.frame;
      this.slot = notice.frame % this.metadata.historyLen;
      this.#heard.set(notice.frame, notice.atMs);
    }
  }

  sleep(ms: number): void {
    this.sleeps += 1;
    this.advance(ms + OVERSLEPT_MS);
  }

  readonly locks: Ring['locks'] = {
    lockRead: (slots) => {
      this.#met = [];
      if (this.#held.size === 0) this.#heldSinceMs = this.nowMs;
      for (const slot of [...slots].sort((a, b) => a - b)) {
        if (this.#phase === 'writes' && this.#next === slot) {
          this.#met.push(slot);
          this.advance(this.#untilMs - this.nowMs);
        }
        this.#held.add(slot);
        this.advance(LOCK_MS);
      }
      return slots;
    },
    unlockRead: (slots) => {
      for (const slot of slots) this.#held.delete(slot);
      if (this.#held.size === 0) this.heldMs = this.nowMs - this.#heldSinceMs;
      if (this.#phase !== 'waits' || this.#held.has(this.#next)) return;
      this.#put();
      this.advance(0);
    },
    made: () => false,
    writersMet: (slots) => this.#met.filter((slot) => slots.includes(slot)),
    writerAt: (slots) => {
      this.advance(LOOK_MS);
      return this.#phase === 'waits' && slots.includes(this.#next) ? this.#next : -1;
    },
  };
}

interface Read {
  /** Number of the newest frame, and the frames that there are, the oldest first. */
  readonly sequence: number;
  readonly found: readonly number[];
  readonly tookMs: number;
  readonly slept: boolean;
  /** For how long locks were held in one go. */
  readonly heldMs: number;
}

/** Takes a window: the number of its newest frame, and its frames. */
type Reader = (world: World, count: number) => { readonly sequence: number; readonly found: readonly number[] };

const COPY_MS = 0.1;

/** As a view is taken: the locks are held from then on. */
const viewed =
  (hold: typeof holdWindow): Reader =>
  (world, count) => {
    const { historyLen } = world.metadata;
    const held = hold(world, world, count);
    const slots = Array.from({ length: count }, (_, index) => (held.oldestSlot + index) % historyLen);
    const found = slots.map((slot) => world.contents[slot] as number);
    world.advance(COPY_MS);
    world.locks.unlockRead(held.slots);
    return { sequence: held.sequence, found };
  };

/** As a copy is taken: the locks are held for the copy only. */
const copied: Reader = (world, count) => {
  const { historyLen } = world.metadata;
  let found: number[] = [];
  const sequence = copyWindow(world, world, count, {
    copy: (oldestSlot) => {
      found = Array.from({ length: count }, (_, index) => world.contents[(oldestSlot + index) % historyLen] as number);
      world.advance(COPY_MS);
    },
    same: (frame, slot) => found[frame] === world.contents[slot],
    turn: (frames) => {
      found = [...found.slice(frames), ...found.slice(0, frames)];
    },
  });
  return { sequence, found };
};

/** Reads windows at any time, as a policy's loop does or as fast as it can. */
function readWindows(label: keyof typeof HABITS, historyLen: number, count: number, read: Reader): Read[] {
  const random = new Random(SEED + historyLen * 16 + count);
  const world = new World(random.integer(0, 1e6), historyLen, HABITS[label]);
  const reads: Read[] = [];
  // Until the ring is full.
  while (world.sequence < 2 * historyLen) {
    world.advance(5);
    world.pollProgress();
  }
  for (let i = 0; i < GETS; i++) {
    world.advance(i % 3 === 0 ? 0.05 : random.next() * 40);
    world.pollProgress();
    const before = { ms: world.nowMs, sleeps: world.sleeps };
    const { sequence, found } = read(world, count);
    reads.push({
      sequence,
      found,
      tookMs: world.nowMs - before.ms - COPY_MS,
      slept: world.sleeps > before.sleeps,
      heldMs: world.heldMs,
    });
  }
  return reads;
}

/** Out of order, or not ending with the frame that was said. By how many laps a producer is ahead of its notices nobody can see. */
function wrong(reads: readonly Read[], historyLen: number): Read[] {
  return reads.filter(({ sequence, found }) => {
    const ahead = (found.at(-1) as number) - sequence;
    return ahead < 0 || ahead % historyLen !== 0 || found.some((frame, index) => frame !== (found[0] as number) + index);
  });
}

const SIZES = [
  [2, 2],
  [5, 5],
  [5, 4],
  [5, 3],
  [10, 10],
  [10, 5],
  [10, 2],
] as const;

const labels = Object.keys(HABITS) as (keyof typeof HABITS)[];
const WAYS = { borrowed: viewed(holdWindow), copied } as const;
const heldAfterMs = (reads: readonly Read[]) => reads.reduce((sum, { tookMs }) => sum + tookMs, 0) / reads.length;

for (const label of labels)
  for (const way of ['borrowed', 'copied'] as const) {
    test(`${label}, ${way}: every window is in order, and is what it is said to be`, () => {
      const waits: string[] = [];
      for (const [historyLen, count] of SIZES) {
        const reads = readWindows(label, historyLen, count, WAYS[way]);
        const faults = wrong(reads, historyLen);
        const example = JSON.stringify(faults[0]);
        assert.is(faults.length, 0, `${count} of ${historyLen}: ${faults.length} of ${reads.length}, the first ${example}`);
        waits.push(`${count} of ${historyLen} after ${heldAfterMs(reads).toFixed(2)}`);
      }
      console.log(`\nnote: in the model, windows ${way} of ${label} are held after so many ms: ${waits.join(', ')}`);
    });
  }

test('windows taken as they come would not be: the model has what there is to guard against', () => {
  const asItComes: typeof holdWindow = (ring, told, count) => {
    const { historyLen } = ring.metadata;
    const oldestSlot = (told.slot - count + 1 + historyLen) % historyLen;
    const slots = Array.from({ length: count }, (_, index) => (oldestSlot + index) % historyLen);
    ring.locks.lockRead(slots);
    return { slots, unlocked: [], oldestSlot, newestSlot: told.slot, sequence: told.sequence };
  };
  for (const label of labels) assert.ok(wrong(readWindows(label, 5, 5, viewed(asItComes)), 5).length > 0, label);
});

test('a producer with a pace is not waited for', () => {
  for (const label of ['a camera at 30 Hz', 'one that pauses 20 ms after each'] as const) {
    for (const [historyLen, count, way] of SIZES.flatMap((size) => Object.values(WAYS).map((way) => [...size, way] as const))) {
      const reads = readWindows(label, historyLen, count, way);
      if (count < historyLen)
        assert.not(
          reads.some(({ slept }) => slept),
          `${label}: ${count} of ${historyLen}`,
        );
      // Of a full window the next frame may be in the ring untold: that is looked for when it is due.
      const heldMs = heldAfterMs(reads);
      assert.ok(heldMs < 1, `${label}: ${count} of ${historyLen} held after ${heldMs} ms`);
    }
  }
});

test('a copy holds its locks for the copy only, of all producers but those without pause', () => {
  for (const label of labels) {
    // A writer that is met in a slot is waited for.
    const most = LOCK_MS * 12 + COPY_MS + LOOK_MS + 0.05 + HABITS[label].writeMs;
    for (const [historyLen, count] of SIZES) {
      const reads = readWindows(label, historyLen, count, copied);
      const longer = reads.filter(({ heldMs }) => heldMs > most).length;
      if (longer > 0)
        console.log(
          `\nnote: ${longer} of ${reads.length} copies hold their locks longer (${count} frames of ${historyLen}, of ${label})`,
        );
      // Those come to a locked slot at once, and have to show there where they are.
      const running = label.startsWith('one without pause') || label === 'one in bursts';
      if (!running) assert.is(longer, 0, `${label}: ${count} of ${historyLen}`);
    }
  }
});

test.run();
