// A pool whose name is gone although its producer lives is made anew: another object under the name, with everything that had been
// published. An object without a name cannot be given one again: link(2) refuses it.

import {
  HEADER_FRAMES_OVERRUN,
  HEADER_FRAMES_REFUSED,
  HEADER_HEAD,
  HEADER_PRODUCER_EPOCH,
  HEADER_WAITS,
  SLOT_BYTES,
} from '../../assembly/layout';
import type { Mapping } from '../memory/mapping';

/** Bit of the mode of an object that was removed on purpose (tensor-ipc rm --force): nobody is to make it anew. */
export const REMOVED_ON_PURPOSE = 0o1000;

/** Copies what was published into a new object of the same form, which nobody can read yet. */
export function inherit(from: Mapping, to: Mapping): void {
  const { slotCapacity, frameStride } = from.geometry;
  const system = from.system;
  system.copy(to.slotAddress(0), from.slotAddress(0), slotCapacity * frameStride);
  const slotsAt = (mapping: Mapping) => mapping.controlAddress + (mapping.slotsOffset - mapping.controlOffset);
  system.copy(slotsAt(to), slotsAt(from), slotCapacity * SLOT_BYTES);
  const word = (mapping: Mapping, field: number) => (mapping.controlOffset + field) / 8;
  for (const field of [HEADER_FRAMES_REFUSED, HEADER_FRAMES_OVERRUN, HEADER_WAITS]) {
    to.arena.i64[word(to, field)] = from.arena.i64[word(from, field)] as bigint;
  }
  // It is the same producer that goes on, and opening counts it once more.
  const epoch = from.arena.u32[(from.controlOffset + HEADER_PRODUCER_EPOCH) / 4] as number;
  to.arena.u32[(to.controlOffset + HEADER_PRODUCER_EPOCH) / 4] = epoch - 1;
  // From the producer's own memory: the old header is anybody's.
  to.arena.i64[word(to, HEADER_HEAD)] = BigInt(from.core.writerSequence(from.handle) + slotCapacity);
}
