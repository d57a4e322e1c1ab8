// What the soak's frames hold, and what readers may see of them. Every word of a frame tells who wrote it: a life of a producer, a
// sequence number, and a pool object.

/** Who wrote a frame. */
export interface Stamp {
  /** Counts the producers of a pool's name, one after the other. */
  readonly life: number;
  readonly sequence: number;
  /** Low half of the pool object's id. */
  readonly pool: number;
}

/** Words of the stamp at the front of a frame. */
const STAMP_WORDS = 3;

function base({ life, sequence, pool }: Stamp): number {
  let hash = Math.imul(life + 1, 0x9e3779b1) ^ Math.imul(sequence + 1, 0x85ebca77) ^ pool;
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
  return (hash ^ (hash >>> 15)) >>> 0;
}

/** Words of a frame where frames differ in length: at least its stamp. `most` is what there is room for. */
export function lengthOf(stamp: Stamp, most: number): number {
  const draw = base(stamp);
  return draw % 8 === 0 ? most : STAMP_WORDS + (draw % (most - STAMP_WORDS + 1));
}

export function fillFrame(data: Uint32Array, stamp: Stamp, from = 0, to = data.length): void {
  const start = base(stamp);
  for (let i = from; i < to; i++) data[i] = start + Math.imul(i, 0x9e3779b1);
  if (from === 0) data.set([stamp.life, stamp.sequence, stamp.pool]);
}

/**
 * The stamp of the frame at `start`, or what is wrong with it.
 *
 * @param mosts Where frames differ in length, what there may have been room for; else null.
 */
export function checkFrame(
  data: Uint32Array,
  start: number,
  words: number,
  sequence: number,
  mosts: readonly number[] | null = null,
): Stamp | string | null {
  if (sequence < 0) {
    if (mosts !== null && words !== 0) return `padding frame ${sequence} has ${words} words`;
    for (let i = 0; i < words; i++) if (data[start + i] !== 0) return `padding frame ${sequence} is not zero at word ${i}`;
    return null;
  }
  if (words < STAMP_WORDS) return `TORN: frame ${sequence} has ${words} words`;
  const stamp = { life: data[start] as number, sequence: data[start + 1] as number, pool: data[start + 2] as number };
  if (mosts?.every((most) => words !== lengthOf(stamp, most)) === true) {
    const expected = mosts.map((most) => `${lengthOf(stamp, most)} of ${most}`).join(' or ');
    return `TORN: frame ${sequence}, stamped life ${stamp.life} sequence ${stamp.sequence}, has ${words} words, expected ${expected}`;
  }
  const words0 = base(stamp);
  for (let i = STAMP_WORDS; i < words; i++) {
    if (data[start + i] !== (words0 + Math.imul(i, 0x9e3779b1)) >>> 0) {
      return `TORN: frame ${sequence}, stamped life ${stamp.life} sequence ${stamp.sequence} pool ${stamp.pool.toString(16)}, has a foreign word at ${i} of ${words}`;
    }
  }
  if (stamp.sequence !== sequence) return `frame ${sequence} holds frame ${stamp.sequence} of life ${stamp.life}`;
  return stamp;
}

/** How the frames that one reader is given must follow one another. */
export type OrderKind = 'repeats' | 'rises' | 'lossless';

export class Order {
  last: Stamp | null = null;

  constructor(
    readonly reader: string,
    readonly kind: OrderKind,
    /** A lossless reader leaves a pool object: it has had all of its frames up to `last`. */
    readonly onLeave: (last: Stamp) => void = () => undefined,
  ) {}

  /** What is wrong with this frame coming next, or null. */
  see(stamp: Stamp): string | null {
    const { last, kind } = this;
    this.last = stamp;
    if (last === null) return null;
    const told = `${this.reader}: frame ${stamp.sequence} (life ${stamp.life}) after ${last.sequence} (life ${last.life})`;
    if (last.pool !== stamp.pool) {
      if (kind === 'lossless') this.onLeave(last);
      return stamp.life > last.life ? null : `${told} of another object: a later object cannot have an earlier producer`;
    }
    if (stamp.life < last.life) return `${told}: an earlier producer's frame`;
    if (stamp.sequence === last.sequence) {
      if (kind !== 'repeats') return `${told}: given twice`;
      return stamp.life === last.life ? null : `${told}: one number, two frames`;
    }
    if (stamp.sequence < last.sequence) return `${told}: backwards`;
    if (kind === 'lossless' && stamp.sequence !== last.sequence + 1) return `${told}: LOST ${stamp.sequence - last.sequence - 1}`;
    return null;
  }
}
