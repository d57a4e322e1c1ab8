// What is done to a pool's object before somebody attaches to it, or behind the backs of those who have.

import * as layout from '../../assembly/layout';
import {
  CONSUMER_FIELDS,
  type Counts,
  countsOf,
  type Field,
  framesOffsetOf,
  HEADER_FIELDS,
  jsonOf,
  LIVE_FIELDS,
  partsOf,
  relayout,
  SLOT_FIELDS,
} from './hostile-image';
import { mutateJson } from './hostile-json';
import type { Random } from './random';

export type Kind = 'file' | 'directory' | 'fifo' | 'symlink' | 'dangling' | 'unsafe-mode' | 'no-producer' | 'empty';

/** An object as it is found under the pool's name. */
export interface Mutant {
  readonly kind: Kind;
  readonly bytes: Uint8Array;
  /** Length of the file, shorter or longer than `bytes`. */
  readonly fileBytes: number;
  readonly what: string;
}

/** Objects that are larger than this are not tried: the machine would have to hold them. */
const MAX_OBJECT_BYTES = 8 << 20;

/** Ids of the FIFOs at which hostile entries point: the harness puts something under each name. */
export const DECOY_DOORBELLS = [1n, 2n, 3n, 4n, 5n];

const WORDS = [0n, 1n, 2n, 3n, 63n, 64n, 65n, 4095n, 4096n, 4097n, 1n << 20n, 1n << 21n, (1n << 21n) + 1n];
const LARGE = [31n, 32n, 41n, 52n, 53n, 63n, 64n].flatMap((bits) => [(1n << bits) - 1n, 1n << bits, (1n << bits) + 1n]);

/** Around what the forms can have, and far beyond. */
const LENGTHS = [0n, 1n, 50n, 99n, 100n, 101n, 3999n, 4000n, 4001n, 1n << 16n, 1n << 31n, (1n << 32n) - 1n];

function read(view: DataView, at: number, bytes: number): bigint {
  return bytes === 8 ? view.getBigUint64(at, true) : BigInt(view.getUint32(at, true));
}

function write(view: DataView, at: number, bytes: number, value: bigint): void {
  if (bytes === 8) view.setBigUint64(at, BigInt.asUintN(64, value), true);
  else view.setUint32(at, Number(BigInt.asUintN(32, value)), true);
}

function newValue(random: Random, old: bigint, field: Field, counts: Counts): bigint {
  if (field.name === 'CONSUMER_DOORBELL_ID' && random.integer(0, 2) > 0) return random.pick(DECOY_DOORBELLS);
  if (/KIND|STATE|DELIVERY|ON_PINNED|WAITING/.test(field.name) && random.integer(0, 2) > 0) return BigInt(random.integer(0, 4));
  if (/LENGTHS/.test(field.name)) return random.pick(LENGTHS);
  switch (random.integer(0, 6)) {
    case 0:
      return random.pick(WORDS);
    case 1:
      return random.pick(LARGE);
    case 2:
      return old + BigInt(random.integer(-2, 2));
    case 3:
      return old ^ (1n << BigInt(random.integer(0, field.bytes * 8 - 1)));
    case 4:
      return old * 2n;
    case 5:
      return BigInt(counts.slotCapacity + random.integer(-2, 5));
    default:
      return (BigInt(random.integer(0, 0xffffffff)) << 32n) | BigInt(random.integer(0, 0xffffffff));
  }
}

/** Picks a field somewhere in the control block: mostly where it hurts. */
function pickField(random: Random, counts: Counts, live: boolean): { field: Field; at: number } {
  const roll = random.integer(0, 9);
  if (roll < 4) {
    const field = random.pick(live ? LIVE_FIELDS : HEADER_FIELDS);
    return { field, at: field.offset };
  }
  if (roll < 7) {
    const field = random.pick(CONSUMER_FIELDS);
    // The first entries are those in use.
    const index = random.integer(0, 1) === 0 ? random.integer(0, 3) : random.integer(0, counts.consumerCapacity - 1);
    return { field, at: layout.HEADER_BYTES + index * layout.CONSUMER_BYTES + field.offset };
  }
  const field = random.pick(SLOT_FIELDS);
  const near = random.integer(0, Math.min(8, counts.slotCapacity - 1));
  const index = random.integer(0, 2) > 0 ? near : random.integer(0, counts.slotCapacity - 1);
  const slots = layout.HEADER_BYTES + counts.consumerCapacity * layout.CONSUMER_BYTES;
  return { field, at: slots + index * layout.SLOT_BYTES + field.offset };
}

/** One change to the control block. Never touches frames. */
export function scribble(random: Random, block: DataView, counts: Counts, live: boolean): string {
  const { field, at } = pickField(random, counts, live);
  switch (random.integer(0, 9)) {
    case 0: {
      // Two fields change places.
      const other = pickField(random, counts, live);
      const bytes = Math.min(field.bytes, other.field.bytes);
      const mine = read(block, at, bytes);
      write(block, at, bytes, read(block, other.at, bytes));
      write(block, other.at, bytes, mine);
      return `${field.name}@${at} <-> ${other.field.name}@${other.at}`;
    }
    case 1: {
      const start = live ? layout.HEADER_HEAD : 0;
      const from = random.integer(start, block.byteLength - 1);
      const count = Math.min(random.integer(1, 64), block.byteLength - from);
      for (let i = 0; i < count; i++) block.setUint8(from + i, random.integer(0, 255));
      return `${count} random bytes@${from}`;
    }
    case 2: {
      // The same in every slot or entry: no retry finds a better one.
      const entry = at >= layout.HEADER_BYTES && at < layout.HEADER_BYTES + counts.consumerCapacity * layout.CONSUMER_BYTES;
      if (at < layout.HEADER_BYTES) break;
      const [first, step, count] = entry
        ? [layout.HEADER_BYTES, layout.CONSUMER_BYTES, counts.consumerCapacity]
        : [
            layout.HEADER_BYTES + counts.consumerCapacity * layout.CONSUMER_BYTES,
            layout.SLOT_BYTES,
            Math.min(counts.slotCapacity, 600),
          ];
      const value = newValue(random, read(block, at, field.bytes), field, counts);
      for (let i = 0; i < count; i++) write(block, first + i * step + field.offset, field.bytes, value);
      return `every ${field.name} := ${value}`;
    }
  }
  const value = newValue(random, read(block, at, field.bytes), field, counts);
  write(block, at, field.bytes, value);
  return `${field.name}@${at} := ${value}`;
}

/** Several changes at once, among them such as belong together: a pin and the bit that makes the producer look at it. */
export function scribbleLive(random: Random, block: DataView, counts: Counts): string {
  const what: string[] = [];
  for (let i = random.integer(1, 4); i > 0; i--) what.push(scribble(random, block, counts, true));
  if (random.integer(0, 3) === 0) {
    block.setBigUint64(layout.HEADER_BORROWERS, BigInt.asUintN(64, random.pick([-1n, 1n << 63n, 1n, 2n, 0n])), true);
    what.push('borrowers');
  }
  if (random.integer(0, 3) === 0) {
    block.setBigUint64(layout.HEADER_ARMED, BigInt.asUintN(64, random.pick([-1n, 1n << 63n, 1n, 3n])), true);
    for (let i = 0; i < counts.consumerCapacity; i++) {
      const entry = layout.HEADER_BYTES + i * layout.CONSUMER_BYTES;
      block.setUint32(entry + layout.CONSUMER_DOORBELL_KIND, random.integer(0, 3), true);
      if (random.integer(0, 1) === 0) block.setBigUint64(entry + layout.CONSUMER_DOORBELL_ID, random.pick(DECOY_DOORBELLS), true);
    }
    what.push('armed');
  }
  return what.join('; ');
}

/** Other counts from which everything else follows: only what is wrong in itself can be refused. */
function coherentLie(random: Random, image: Uint8Array, hash: (json: Uint8Array) => bigint): { bytes: Uint8Array; what: string } {
  const counts = countsOf(image);
  const json = mutateJsonMaybe(random, jsonOf(image), counts);
  for (let i = random.integer(0, 2); i > 0; i--) {
    const key = random.pick(Object.keys(counts) as (keyof Counts)[]);
    counts[key] = Math.max(
      0,
      key === 'pageBytes'
        ? random.pick([0, 2048, 4096, 8192, 65536, 1 << 21, 1 << 22, 12288])
        : random.pick([
            0,
            1,
            2,
            3,
            64,
            65,
            counts[key] + 1,
            counts[key] - 1,
            counts[key] * 2,
            Math.floor(counts[key] / 2),
            1 << 21,
          ]),
    );
  }
  const align = counts.pageBytes > 0 ? counts : { ...counts, pageBytes: 4096 };
  if (!(partsOf(align, json.byteLength).objectBytes <= MAX_OBJECT_BYTES))
    return { bytes: image.slice(), what: 'nothing: too large' };
  const bytes = relayout(image, align, json, hash(json));
  if (align !== counts) new DataView(bytes.buffer).setUint32(layout.HEADER_PAGE_BYTES, counts.pageBytes, true);
  return { bytes, what: `coherent ${JSON.stringify(counts)} ${new TextDecoder().decode(json.subarray(0, 160))}` };
}

function mutateJsonMaybe(random: Random, json: Uint8Array, counts: Counts): Uint8Array {
  return random.integer(0, 2) > 0 ? mutateJson(random, json, counts) : json;
}

/** An object to be found by whoever attaches. */
export function mutate(random: Random, image: Uint8Array, hash: (json: Uint8Array) => bigint): Mutant {
  const roll = random.integer(0, 99);
  const whole = (bytes: Uint8Array, what: string, kind: Kind = 'file', fileBytes = bytes.byteLength): Mutant => {
    return { kind, bytes, fileBytes, what };
  };
  if (roll < 4) {
    const kind = random.pick<Kind>(['directory', 'fifo', 'symlink', 'dangling', 'unsafe-mode', 'no-producer', 'empty']);
    return whole(image, kind, kind, kind === 'empty' ? 0 : image.byteLength);
  }
  if (roll < 10) {
    const fileBytes = Math.max(
      0,
      random.pick([0, 1, 511, 512, 4096, image.length + random.integer(-9000, 9000), image.length * 2]),
    );
    return whole(image, `${fileBytes} bytes of ${image.length}`, 'file', fileBytes);
  }
  if (roll < 40) {
    const { bytes, what } = coherentLie(random, image, hash);
    return whole(bytes, what);
  }
  const bytes = image.slice();
  const counts = countsOf(image);
  const block = new DataView(bytes.buffer, 0, framesOffsetOf(image));
  const what: string[] = [];
  // From here on the header is right, or what is wrong is meant to be found; the words of the hot path are not.
  const live = roll >= 65;
  for (let i = random.integer(1, 4); i > 0; i--)
    what.push(live ? scribbleLive(random, block, counts) : scribble(random, block, counts, false));
  return whole(bytes, what.join('; '));
}
