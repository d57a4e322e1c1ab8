// Who takes part in a soak, and how each life of each ends. All of it follows from the seed; only the moments at which the machine
// runs the processes do not.

import wasm from '../../dist/core.wasm';
import { Random } from './random';
import type { KillPlan } from './soak-steps';
import { Breakpoints } from './soak-wasm';

export type Policy = 'wait' | 'drop' | 'overwrite';

export type ConsumerKind = 'mixed' | 'loop' | 'sleeper' | 'all-next' | 'all-loop' | 'all-borrow' | 'all-events';

/** One seat: a process in it is killed, and another takes its place. */
export interface Seat {
  readonly index: number;
  readonly pool: string;
  readonly role: 'producer' | 'consumer';
  readonly kind: ConsumerKind | null;
  readonly policy: Policy;
  /** Words of a frame; a producer's life picks one, another than the last means an object of other form. */
  readonly forms: readonly number[];
  /** Frames differ in length, up to that. */
  readonly varying: boolean;
  /** Consumers that live long see many producers die. */
  readonly meanLifeMs: number;
}

/** What one life is told. Passed to the process as JSON. */
export interface Life {
  readonly role: 'producer' | 'consumer';
  readonly kind: ConsumerKind | null;
  readonly pool: string;
  readonly policy: Policy;
  readonly words: number;
  readonly varying: boolean;
  /** All that its pool's producers may pick from. */
  readonly forms: readonly number[];
  readonly historyLen: number;
  /** Counts the lives of the seat. */
  readonly life: number;
  readonly seed: number;
  /** How long it works before it ends by itself, if nothing has killed it by then. */
  readonly lifeMs: number;
  /** Ends by closing what it has open, not by dying, when its time is over. */
  readonly closes: boolean;
  /** Where it dies, or null. */
  readonly kill: KillPlan | null;
  /** When the parent kills it, wherever it is then, or null. */
  readonly killAfterMs: number | null;
  /** How long its seat stays empty before this life begins. */
  readonly gapMs: number;
}

export const HISTORY = 4;

/** A step, and how often it may be passed before the end comes, at most. */
type Label = readonly [label: string, most: number];

const OFTEN = 150;
const breakpoints = new Breakpoints(wasm);
const coreLabels = (pattern: RegExp, most: number): Label[] =>
  breakpoints.functions.filter((name) => pattern.test(name)).map((name) => [name, most]);

const PRODUCER_STARTS: readonly Label[] = [
  ...coreLabels(/^control|^chooseGeometry|^writerOpen/, 1),
  ...['openOrCreateObject', 'statDescriptor', 'tryLock', 'statObject', 'allocate', 'randomU64', 'unlinkObject'].map(
    (label): Label => [label, 1],
  ),
  ['readAt', 2],
  ['mapFixed', 3],
  ['prefault', 1],
  ['xxh64', 2],
];
const PRODUCER_WORKS: readonly Label[] = [
  ...coreLabels(/^writer(?!Open|Close|Sequence)/, OFTEN),
  ...['copyIn', 'ringDoorbell', 'loan half written', 'loan written'].map((label): Label => [label, OFTEN]),
  ['openDoorbell', 4],
  ['futexWake', 20],
  ['futexWait', 10],
  ['statDescriptor', 5],
  ['writerBlocker', 20],
  ['writerSetWaiting', 10],
  ['writerCountWait', 5],
  ['consumerReap', 2],
  ['unlock', 2],
];
const PRODUCER_ENDS: readonly Label[] = [
  ['writerClose', 1],
  ['unlinkObject', 1],
  ['unlinkDoorbell', 2],
  ['unlock', 64],
  ['tryLock', 64],
  ['statObject', 2],
  ['unmapFixed', 3],
];
const CONSUMER_STARTS: readonly Label[] = [
  ...['openObject', 'statDescriptor', 'isLocked', 'prefault', 'controlValidate', 'controlBind'].map((label): Label => [label, 3]),
  ['readAt', 4],
  ['mapFixed', 6],
  ['tryLock', 8],
  ['consumerRegister', 2],
  ['createFifo', 1],
  ['xxh64', 2],
];
const CONSUMER_WORKS: readonly Label[] = [
  ...coreLabels(/^reader/, OFTEN),
  ...coreLabels(/^consumer(?!Reap|Unregister|Register)/, OFTEN),
  ...['copyOut', 'view held', 'frame taken'].map((label): Label => [label, OFTEN]),
  ['readerHold', 2],
  ['readerUnhold', 2],
  ['futexWait', 20],
  ['futexWake', 10],
];
const CONSUMER_ENDS: readonly Label[] = [
  ['consumerUnregister', 1],
  ['unlock', 1],
  ['unmapFixed', 2],
  ['close', 3],
  ['unlinkDoorbell', 1],
];

function planKill(random: Random, role: Seat['role']): { kill: KillPlan; closes: boolean } {
  const producer = role === 'producer';
  const draw = random.next();
  const [labels, closes] =
    draw < 0.3
      ? [producer ? PRODUCER_STARTS : CONSUMER_STARTS, false]
      : draw < 0.85
        ? [producer ? PRODUCER_WORKS : CONSUMER_WORKS, false]
        : [producer ? PRODUCER_ENDS : CONSUMER_ENDS, true];
  const [label, most] = random.pick(labels);
  // Evenly over the orders of magnitude: the first calls are as interesting as the hundredth.
  const nth = Math.max(1, Math.floor((most + 1) ** random.next()));
  const inside = breakpoints.functions.includes(label) && breakpoints.storeCount(label) > 0;
  const when = inside && random.next() < 0.6 ? 'store' : random.pick(['before', 'after'] as const);
  return { kill: { label, nth, when, store: random.integer(0, 63) }, closes };
}

export function planLife(seed: number, seat: Seat, life: number): Life {
  const random = new Random(
    Math.imul(seed, 0x9e3779b1) ^ Math.imul(seat.index + 1, 0x85ebca77) ^ Math.imul(life + 1, 0xc2b2ae3d),
  );
  const draw = random.next();
  const byStep = draw < 0.75 ? planKill(random, seat.role) : null;
  const atRandom = draw >= 0.75 && draw < 0.94;
  // Some live long enough to show that they wait in vain.
  const long = random.next() < 0.1 ? 3000 : 0;
  const lifeMs = Math.round(long + seat.meanLifeMs * (0.2 + 1.6 * random.next()));
  const gap = random.next();
  return {
    role: seat.role,
    kind: seat.kind,
    pool: seat.pool,
    policy: seat.policy,
    words: random.pick(seat.forms),
    varying: seat.varying,
    forms: seat.forms,
    historyLen: HISTORY,
    life,
    seed: random.integer(0, 0x7fffffff),
    lifeMs,
    closes: byStep?.closes ?? !atRandom,
    kill: byStep?.kill ?? null,
    killAfterMs: atRandom ? 30 + lifeMs : null,
    // Mostly at once; now and then long enough that all who wait must have noticed.
    gapMs: gap < 0.7 ? 0 : gap < 0.97 ? random.integer(20, 500) : 2300,
  };
}

export function planSeats(prefix: string, lossless: boolean): Seat[] {
  const pools: { forms: number[]; varying?: boolean; policy: Policy; kinds: ConsumerKind[] }[] = [
    { forms: [7], policy: 'wait', kinds: ['mixed', 'sleeper', 'all-next', 'all-loop'] },
    { forms: [1024], varying: true, policy: 'wait', kinds: ['mixed', 'loop', 'all-borrow', 'all-events'] },
    { forms: [4096], policy: 'drop', kinds: ['mixed', 'loop', 'all-borrow'] },
    { forms: [16384, 8192], varying: true, policy: 'overwrite', kinds: ['mixed', 'sleeper', 'all-next'] },
  ];
  const seats: Seat[] = [];
  for (const [i, { forms, varying = false, policy, kinds }] of pools.entries()) {
    const common = { pool: `${prefix}-${i}`, policy, forms, varying };
    seats.push({ ...common, index: seats.length, role: 'producer', kind: null, meanLifeMs: 900 });
    for (const [k, wanted] of kinds.entries()) {
      const kind = lossless || !wanted.startsWith('all') ? wanted : wanted === 'all-next' ? 'mixed' : 'loop';
      seats.push({ ...common, index: seats.length, role: 'consumer', kind, meanLifeMs: k % 2 === 0 ? 1500 : 9000 });
    }
  }
  return seats;
}
