// Where a window of history is copied to: one frame behind the other, from the oldest or from the newest.

import { copyFromShared } from '../memory/copy';
import type { System } from '../runtime/system';
import type { TypedArray } from '../tensor/dtype';
import type { Copier } from './order-copy';
import type { WirePool } from './pool';

/** Of large frames, parts are compared: what differs there differs. */
const PARTS = 16;
const PART_BYTES = 4096;

export class WindowCopier implements Copier {
  readonly #system: System;
  readonly #pool: WirePool;
  readonly #to: TypedArray;
  readonly #count: number;
  readonly #latestFirst: boolean;

  constructor(system: System, pool: WirePool, to: TypedArray, count: number, latestFirst: boolean) {
    this.#system = system;
    this.#pool = pool;
    this.#to = to;
    this.#count = count;
    this.#latestFirst = latestFirst;
  }

  /** The copy of a frame, counted from the oldest. */
  #part(frame: number): TypedArray {
    if (this.#count === 1) return this.#to;
    const elements = this.#to.length / this.#count;
    const at = this.#latestFirst ? this.#count - 1 - frame : frame;
    return this.#to.subarray(at * elements, (at + 1) * elements);
  }

  copy(oldestSlot: number): void {
    const { object, metadata } = this.#pool;
    for (let frame = 0; frame < this.#count; frame++) {
      const slot = (oldestSlot + frame) % metadata.historyLen;
      const shared = object.window(slot, 1, false).data;
      copyFromShared(this.#system, this.#part(frame), shared, object.slotAddress(slot), metadata.frameBytes);
    }
  }

  same(frame: number, slot: number): boolean {
    const copied = bytesOf(this.#part(frame));
    const shared = bytesOf(this.#pool.object.window(slot, 1, false).data);
    const { length } = copied;
    const step = Math.max(PART_BYTES, Math.ceil(length / PARTS));
    for (let start = 0; start < length; start += step) {
      const end = Math.min(start + PART_BYTES, length);
      for (let i = start; i < end; i++) if (copied[i] !== shared[i]) return false;
    }
    return true;
  }

  turn(frames: number): void {
    const elements = this.#to.length / this.#count;
    const split = (this.#latestFirst ? this.#count - frames : frames) * elements;
    const first = this.#to.slice(0, split);
    this.#to.copyWithin(0, split);
    this.#to.set(first as never, this.#to.length - split);
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: TypedArray): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
