// The words of a pool as a process of the litmus suite races on them.

import { HANDLE_ENTRY, HEADER_HEAD, SLOT_BYTES, SLOT_CLAIM, SLOT_LENGTHS, SLOT_STAMP } from '../../assembly/layout';
import type { Core, Handle } from '../../host/memory/core';
import type { Mapping } from '../../host/memory/mapping';
import { Attacher } from '../../host/native/attach';
import { platform } from '../../host/runtime/system';
import { FRAME_WORDS, WORD_STEP } from '../programs/litmus-task';

/** One pool as this process sees it. Positions stay far below 2^31, so the low half of a word tells all. */
export class Words {
  readonly core: Core;
  readonly handle: Handle;
  readonly capacity: number;
  readonly u32: Uint32Array;
  readonly i64: BigInt64Array;
  readonly headAt: number;
  readonly frames: readonly Uint32Array[];
  readonly #slots: number;

  constructor(readonly mapping: Mapping) {
    this.core = mapping.core;
    this.handle = mapping.handle;
    this.capacity = mapping.geometry.slotCapacity;
    this.u32 = mapping.arena.u32;
    this.i64 = mapping.arena.i64;
    this.headAt = (mapping.controlOffset + HEADER_HEAD) / 4;
    this.#slots = mapping.slotsOffset;
    this.frames = Array.from({ length: this.capacity }, (_, slot) => mapping.window(slot, 1, false).data as Uint32Array);
  }

  head(): number {
    return Atomics.load(this.u32, this.headAt);
  }

  stampAt(position: number): number {
    return (this.#slots + (position % this.capacity) * SLOT_BYTES + SLOT_STAMP) / 4;
  }

  claimAt(position: number): number {
    return (this.#slots + (position % this.capacity) * SLOT_BYTES + SLOT_CLAIM) / 4;
  }

  /** Where the first length of a frame stands. Here it is, like every word of the frame, the position: it must be that of the same frame. */
  lengthAt(position: number): number {
    return (this.#slots + (position % this.capacity) * SLOT_BYTES + SLOT_LENGTHS) / 4;
  }

  /** Index, in 64-bit words, of a field of this process's table entry. */
  entryAt(field: number): number {
    return ((this.u32[(this.handle + HANDLE_ENTRY) / 4] as number) + field) / 8;
  }

  frame(position: number): Uint32Array {
    return this.frames[position % this.capacity] as Uint32Array;
  }

  /** Whether the length and every word of a frame hold what their writer put there: the position. Padding is zeros. */
  holds(position: number): boolean {
    const frame = this.frame(position);
    const wanted = position < this.capacity ? 0 : position;
    if (this.u32[this.lengthAt(position)] !== wanted) return false;
    for (let i = 0; i < FRAME_WORDS; i += WORD_STEP) if (frame[i] !== wanted) return false;
    return true;
  }
}

export function attach(name: string): Words {
  const place = new Attacher(platform().system(), { name, trust: 'owner', protect: false, check: () => {} }).attach();
  if (place === null) throw new Error(`no pool ${name}`);
  return new Words(place.mapping);
}
