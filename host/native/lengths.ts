// How long the varying fields of each frame are: words of the slot descriptors, which other processes may have written.

import { SLOT_BYTES, SLOT_LENGTHS } from '../../assembly/layout';
import type { Mapping } from '../memory/mapping';
import type { Lengths } from '../memory/window';

export class SlotLengths {
  readonly #mapping: Mapping;
  // The most that each may be, in the order of the fields.
  readonly #most: readonly number[];

  constructor(mapping: Mapping) {
    this.#mapping = mapping;
    this.#most = mapping.metadata.fields.flatMap(({ maxLength }) => maxLength ?? []);
  }

  #at(slot: number): number {
    return (this.#mapping.slotsOffset + (slot % this.#mapping.geometry.slotCapacity) * SLOT_BYTES + SLOT_LENGTHS) / 4;
  }

  /** Lengths of the frame in a slot. Null when one is more than there can be: then they are torn, or damaged. */
  read(slot: number): Lengths | null {
    const { u32 } = this.#mapping.arena;
    const at = this.#at(slot);
    const lengths: number[] = [];
    for (const [i, most] of this.#most.entries()) {
      // Once: what was checked is what is used.
      const length = u32[at + i] as number;
      if (length > most) return null;
      lengths.push(length);
    }
    return lengths;
  }

  /** Lengths of `count` frames from a slot on, the oldest first. */
  readAll(slot: number, count: number): readonly Lengths[] | null {
    const all: Lengths[] = [];
    for (let i = 0; i < count; i++) {
      const lengths = this.read(slot + i);
      if (lengths === null) return null;
      all.push(lengths);
    }
    return all;
  }

  write(slot: number, lengths: Lengths): void {
    const { u32 } = this.#mapping.arena;
    const at = this.#at(slot);
    for (let i = 0; i < lengths.length; i++) u32[at + i] = lengths[i] as number;
  }
}
